"""Gives tokens: for a code, or for a client's own credential."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.access_records import Circumstances, record_call
from libs.common.clock import now
from libs.common.confirmation import Confirmation
from libs.common.database import Connection, Database
from libs.common.errors import FactsTooOld, ServiceUnavailable
from libs.common.principal import Principal
from services.auth import records
from services.auth.authorization import claims as tokens
from services.auth.authorization import grants, rules, store
from services.auth.authorization.access_tokens import ACCESS_TOKEN_TYPE, sign_access_token
from services.auth.authorization.grant_rules import TokenGrant, is_session_good
from services.auth.authorization.refusals import RefusedByStanding, refusing_of
from services.auth.authorization.rules import AuthorizationCode
from services.auth.client.keys import Alg
from services.auth.client.rules import Client, ClientKind, credential_scope
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts
from services.auth.session import commands as sessions
from services.auth.session.holder import Holder
from services.auth.session.representation import is_power_in_force
from services.auth.session.rules import Session, is_alive
from services.auth.signing_key.commands import Signer


class NotRedeemable(OAuthError):
    """One answer for every reason why a code gives nothing."""

    def __init__(self, what: str = "code") -> None:
        super().__init__("invalid_grant", f"the {what} is not valid")


@dataclass(frozen=True)
class Redemption:
    """The session behind a code, and whose it is, as they are now."""

    session: Session
    holder: Holder

    def under(self, power: UUID | None) -> "Redemption":
        """With the power of attorney that delegation has just confirmed."""
        return replace(self, holder=replace(self.holder, power_in_force=power))


@dataclass(frozen=True)
class _Asked:
    """What is asked for a code and by whom; `power`: what delegation has confirmed that the session acts under."""

    client: Client
    parameters: Parameters
    code: AuthorizationCode
    session: Session
    audience: str
    power: UUID | None
    confirmation: Confirmation
    circumstances: Circumstances
    access_alg: Alg
    signer: Signer = field(repr=False)


async def redeem_credential(
    parts: Parts,
    client: Client,
    asked: Parameters,
    *,
    confirmation: Confirmation,
    circumstances: Circumstances,
) -> dict[str, Any]:
    """RFC 6749 §4.4. Works while facts are old: it is by such tokens that they become fresh. Raises OAuthError."""
    if client.kind not in {ClientKind.SERVICE, ClientKind.DEPARTMENT_SYSTEM}:
        raise OAuthError("unauthorized_client", "this client has no credential of its own")
    issuer = parts.settings.issuer
    audience = rules.choose_audience(asked.every("resource"), granted=(), client=client, issuer=issuer)
    scope = credential_scope(client, asked.one("scope"))
    at = now()
    await record(parts.database, records.client(client, issued_at=at), circumstances, needs_facts=False)
    access = tokens.access_claims(
        client, issuer=issuer, audience=audience, subject=client.client_id, scope=scope, at=at
    )
    access |= tokens.credential_claims(client) | confirmation.claim
    signed = await sign_access_token(parts, client, access)
    return token_answer(signed, access, confirmation=confirmation)


async def redeem_code(
    parts: Parts,
    client: Client,
    asked: Parameters,
    *,
    confirmation: Confirmation,
    circumstances: Circumstances,
) -> dict[str, Any]:
    """RFC 6749 §4.1.3: a code serves once; its replay ends the session it gave tokens of. Raises OAuthError.

    What fails without its fault leaves it good: it is used, recorded and answered in one transaction.
    """
    code_hash = rules.hash_code(rules.require(asked, "code"))
    found = await store.find_code_and_session(parts.database, code_hash)
    if found is None or found[0].client_id != client.client_id:
        raise NotRedeemable
    known, session, bound = found
    with refusing_of(session):
        audience = rules.choose_audience(
            asked.every("resource"), granted=known.resources, client=client, issuer=parts.settings.issuer
        )
        if parts.freshness.too_old() is not None:
            raise OAuthError("temporarily_unavailable", FactsTooOld.en.format(publisher="another service"))
        power = None
        if is_alive(session, lifetime=sessions.lifetime_of(parts.settings), at=now()):
            await wait_until_past(bound)
            power = await require_power(parts, session, circumstances, what="code")
        access_alg = client.access_token_alg(audience=audience, issuer=parts.settings.issuer)
        # Whoever holds a connection waits for nothing that needs another.
        signer = await parts.keys.signer(access_alg, client.id_token_signed_response_alg)
        asking = _Asked(
            client, asked, known, session, audience, power, confirmation, circumstances, access_alg, signer
        )
        async with parts.database.transaction() as tx:
            answer = await _use(tx, parts, asking)
        if isinstance(answer, OAuthError):
            raise answer
        return answer


async def _use(tx: Connection, parts: Parts, asked: _Asked) -> dict[str, Any] | OAuthError:
    """Uses the code up, whether it turns out right or wrong; only what is raised leaves it as it was."""
    code, client = asked.code, asked.client
    held = await store.use_code(tx, code.code_hash, at=now())
    if held is None:
        await _end_replayed(tx, asked)
        return NotRedeemable()
    try:
        rules.require_redeemable(code, asked.parameters, client=client, jkt=asked.confirmation.jkt, at=now())
    except OAuthError as wrong:
        return wrong
    lifetime = sessions.lifetime_of(parts.settings)
    if not is_session_good(held.session, held.holder, lifetime=lifetime, at=now()):
        return NotRedeemable()
    at, redeemed = now(), Redemption(held.session, held.holder).under(asked.power)
    refusal = await _record(tx, principal_of(redeemed, client, issued_at=at), asked.circumstances)
    if refusal is not None and refusal.is_passing:
        # Its record goes with the use; whoever answers records the refusal anew.
        raise OAuthError(refusal.code, refusal.description)
    if refusal is not None:
        return refusal
    grant, refresh_token = await grants.give(
        tx, code, held.session, lifetime=lifetime, confirmation=asked.confirmation, at=at
    )
    refresh = {} if refresh_token is None else {"refresh_token": refresh_token}
    return {**_signed(parts, asked, redeemed, grant=grant, at=at), **refresh}


async def _end_replayed(tx: Connection, asked: _Asked) -> None:
    code, circumstances = await store.find_code(tx, asked.code.code_hash), asked.circumstances
    if code is None:
        # Its client was disabled meanwhile.
        return
    call = records.call_of(circumstances, records.client(asked.client, issued_at=circumstances.at))
    if await grants.revoke_replayed(tx, call, code, applicant_id=asked.session.applicant_id):
        await sessions.end_session_by_id(tx, call, code.session_id, reason="ended-by-other")


async def require_power(parts: Parts, session: Session, circumstances: Circumstances, *, what: str) -> UUID | None:
    """The power of attorney that the session acts under, confirmed by delegation just now. Raises OAuthError."""
    try:
        is_confirmed = await is_power_in_force(parts, session, circumstances)
    except ServiceUnavailable as error:
        raise OAuthError("temporarily_unavailable", "whom this person may act for cannot be asked now") from error
    if not is_confirmed:
        raise NotRedeemable(what)
    return session.power_of_attorney_id


async def wait_until_past(bound: datetime | None) -> None:
    """A token's `iat` must lie after what its subjects' `standing` refuses; the wait is short or not made.

    Raises OAuthError when it would be long.
    """
    wait = rules.wait_until_past(bound, at=now())
    if wait > rules.LONGEST_WAIT:
        raise OAuthError("temporarily_unavailable", "access was changed an instant ago; try again shortly")
    await asyncio.sleep(wait.total_seconds())


def _signed(
    parts: Parts, asked: _Asked, redeemed: Redemption, *, grant: TokenGrant, at: datetime
) -> dict[str, Any]:
    client, code, signer = asked.client, asked.code, asked.signer
    access = access_of(parts, client, redeemed, grant=grant, audience=asked.audience, scope=code.scope, at=at)
    access |= asked.confirmation.claim
    signed = signer.sign(access, typ=ACCESS_TOKEN_TYPE, alg=asked.access_alg)
    told = tokens.id_claims(access, redeemed.holder, client=client, nonce=code.nonce)
    id_token = signer.sign(told, typ="JWT", alg=client.id_token_signed_response_alg)
    return {**token_answer(signed, access, confirmation=asked.confirmation), "id_token": id_token}


def access_of(  # noqa: PLR0913 - what a person's or agent's access token says, each by name
    parts: Parts,
    client: Client,
    redeemed: Redemption,
    *,
    grant: TokenGrant,
    audience: str,
    scope: Sequence[str],
    at: datetime,
) -> tokens.Claims:
    session, holder, key = redeemed.session, redeemed.holder, parts.pairwise_key.secret
    access = tokens.access_claims(
        client,
        issuer=parts.settings.issuer,
        audience=audience,
        subject=tokens.subject_of(holder, client, pairwise_key=key),
        scope=tokens.access_scope(session, scope),
        at=at,
    )
    held = tokens.holder_claims(holder, session, client, pairwise_key=key)
    return {**access, **held, tokens.GRANT: str(grant.id)}


def principal_of(redeemed: Redemption, client: Client, *, issued_at: datetime) -> Principal:
    # As the token will tell it: whole seconds.
    second = issued_at.replace(microsecond=0)
    return records.holder(redeemed.holder, redeemed.session, client_id=client.client_id, issued_at=second)


async def record(
    database: Database,
    principal: Principal,
    circumstances: Circumstances,
    *,
    needs_facts: bool = True,
    what: str = "code",
) -> None:
    """Raises RefusedByStanding."""
    refusal = await _record(database, principal, circumstances, needs_facts=needs_facts, what=what)
    if refusal is not None:
        raise refusal


async def _record(
    database: Database | Connection,
    principal: Principal,
    circumstances: Circumstances,
    *,
    needs_facts: bool = True,
    what: str = "code",
) -> RefusedByStanding | None:
    reason = await record_call(
        database,
        principal,
        circumstances=circumstances,
        applicant_id=None,
        recourse_route=True,
        needs_facts=needs_facts,
    )
    if reason is None:
        return None
    if reason == FactsTooOld.code:
        return RefusedByStanding("temporarily_unavailable", "what is known of this applicant is too old")
    return RefusedByStanding("invalid_grant", f"the {what} is not valid")


def token_answer(signed: str, access: tokens.Claims, *, confirmation: Confirmation) -> dict[str, Any]:
    return {
        "access_token": signed,
        "token_type": confirmation.token_type,
        "expires_in": int(rules.TOKEN_LIFE.total_seconds()),
        "scope": access["scope"],
    }
