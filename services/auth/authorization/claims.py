"""What tokens say: RFC 9068 access tokens, OpenID Connect id tokens."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.ids import new_id
from libs.common.pairwise import pairwise_id
from services.auth.authorization.rules import TOKEN_LIFE
from services.auth.client.rules import RECOURSE, Client, ClientKind
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, role_in

Claims = dict[str, Any]
# The claim that names the grant a token belongs to; only auth reads it.
GRANT = "grant"


def access_claims(  # noqa: PLR0913 - what every access token says, each by name
    client: Client, *, issuer: str, audience: str, subject: str, scope: Sequence[str], at: datetime
) -> Claims:
    return {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "exp": int((at + TOKEN_LIFE).timestamp()),
        "iat": int(at.timestamp()),
        "jti": str(new_id()),
        "client_id": client.client_id,
        "scope": " ".join(scope),
        **({} if client.software is None else {"software": client.software}),
    }


def credential_claims(client: Client) -> Claims:
    """What tells a department's system from a service."""
    return {"department": client.department} if client.kind is ClientKind.DEPARTMENT_SYSTEM else {}


def subject_of(holder: Holder, client: Client, *, pairwise_key: bytes) -> str:
    if holder.facts is not None:
        return _named_for(client, holder.facts.code.id, pairwise_key=pairwise_key)
    if holder.agent is not None:
        return str(holder.agent.id)
    raise LookupError("a session without a holder")


def sid_of(session: Session, client: Client, *, pairwise_key: bytes) -> str:
    return _named_for(client, session.id, pairwise_key=pairwise_key)


def _named_for(client: Client, known_as: UUID, *, pairwise_key: bytes) -> str:
    """Two departments cannot tell from what they are given that they speak of the same person or session."""
    if client.sector is None:
        return str(known_as)
    return pairwise_id(pairwise_key, department=client.sector, user_code_id=known_as)


def holder_claims(holder: Holder, session: Session, client: Client, *, pairwise_key: bytes) -> Claims:
    """Who acts, for whom, by which authentication. A department's client is not told the user code's id."""
    claims: Claims = {
        "sid": sid_of(session, client, pairwise_key=pairwise_key),
        "acr": session.acr,
        "amr": list(session.amr),
        "auth_time": int(session.authenticated_at.timestamp()),
    }
    if holder.agent is not None:
        agent = holder.agent
        return {**claims, "agent": str(agent.id), "side": agent.side, "roles": list(agent.roles)}
    if holder.facts is None:
        raise LookupError("a session without a holder")
    claims |= {"applicant": str(session.acts_for), "role": str(role_in(session, holder.facts))}
    if session.power_of_attorney_id is not None:
        if holder.power_in_force != session.power_of_attorney_id:
            raise LookupError("delegation was not asked whether the power of attorney is in force")
        claims["power_of_attorney"] = str(session.power_of_attorney_id)
    if session.conditions is not None:
        claims["conditions"] = session.conditions
    if client.sector is None:
        claims["user_code"] = str(holder.facts.code.id)
        if session.power_of_attorney_id is not None:
            claims["user_code_applicant"] = str(holder.facts.code.applicant_id)
    return claims


TOLD = ("sid", "acr", "amr", "auth_time", "applicant", "role", "power_of_attorney")


def userinfo_claims(holder: Holder, session: Session, client: Client, *, pairwise_key: bytes) -> Claims:
    """OpenID Connect Core §5.3.2: what the id token tells, as it is now."""
    held = holder_claims(holder, session, client, pairwise_key=pairwise_key)
    told = {name: held[name] for name in TOLD if name in held}
    return {"sub": subject_of(holder, client, pairwise_key=pairwise_key), **told, **_locale(holder)}


def _locale(holder: Holder) -> Claims:
    return {} if holder.facts is None else {"locale": holder.facts.code.language}


def access_scope(session: Session, granted: Sequence[str]) -> Sequence[str]:
    """A token of recourse is good for recourse and nothing else."""
    return (RECOURSE,) if session.is_recourse else granted


def id_claims(access: Mapping[str, Any], holder: Holder, *, client: Client, nonce: str | None) -> Claims:
    """OpenID Connect Core §2: all that there is to be told, whichever of it was asked for."""
    claims = {name: access[name] for name in ("iss", "sub", "exp", "iat")}
    claims |= {name: access[name] for name in TOLD if name in access} | _locale(holder)
    return {**claims, "aud": client.client_id, **({} if nonce is None else {"nonce": nonce})}
