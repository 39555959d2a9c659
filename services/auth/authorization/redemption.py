"""Gives tokens: for a code, or for a client's own credential."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.access_records import Circumstances, record_call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.errors import FactsTooOld
from libs.common.principal import Principal
from services.auth import records
from services.auth.authorization import claims as tokens
from services.auth.authorization import rules, store
from services.auth.authorization.rules import AuthorizationCode
from services.auth.client.rules import Client, ClientKind, credential_scope
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts
from services.auth.session import commands as sessions
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage, may_act

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type


class NotRedeemable(OAuthError):
    """One answer for every reason why a code gives nothing."""

    def __init__(self) -> None:
        super().__init__("invalid_grant", "the code is not valid")


@dataclass(frozen=True)
class Redemption:
    """The session behind a code, and whose it is, as they are now."""

    session: Session
    holder: Holder


async def redeem_credential(
    parts: Parts, client: Client, asked: Parameters, *, circumstances: Circumstances
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
    signed = await parts.keys.sign({**access, **tokens.credential_claims(client)}, typ=ACCESS_TOKEN_TYPE)
    return _answer(signed, scope=scope)


async def redeem_code(
    parts: Parts, client: Client, asked: Parameters, *, circumstances: Circumstances
) -> dict[str, Any]:
    """RFC 6749 §4.1.3: a code serves once; its replay ends the session it gave tokens of. Raises OAuthError."""
    code_hash = rules.hash_code(asked.one("code") or "")
    known = await store.find_code(parts.database, code_hash)
    if known is None or known.client_id != client.client_id:
        raise NotRedeemable
    audience = rules.choose_audience(
        asked.every("resource"), granted=known.resources, client=client, issuer=parts.settings.issuer
    )
    if parts.freshness.too_old() is not None:
        raise OAuthError("temporarily_unavailable", FactsTooOld.en.format(publisher="another service"))
    await _wait_until_issuable(parts, known)
    async with parts.database.transaction() as tx:
        redeemed = await _use(tx, parts, client, asked, code_hash=code_hash, circumstances=circumstances)
    if redeemed is None:
        raise NotRedeemable
    return await _issue(parts, client, known, redeemed, audience=audience, circumstances=circumstances)


async def _use(  # noqa: PLR0913 - what a code is checked against, each by name
    tx: Connection,
    parts: Parts,
    client: Client,
    asked: Parameters,
    *,
    code_hash: bytes,
    circumstances: Circumstances,
) -> Redemption | None:
    """Uses the code up, whether it turns out right or wrong; None when it gives nothing."""
    code = await store.find_code_for_update(tx, code_hash)
    if code is None:
        return None
    if not await store.use_code(tx, code_hash, at=now()):
        call = records.call_of(circumstances, records.client(client, issued_at=circumstances.at))
        await sessions.end_session_by_id(tx, call, code.session_id, reason="ended-by-other")
        return None
    try:
        rules.require_redeemable(code, asked, client=client, at=now())
    except OAuthError:
        return None
    return await _redemption(tx, parts, code)


async def _redemption(tx: Connection, parts: Parts, code: AuthorizationCode) -> Redemption | None:
    session = await sessions.find_session_by_id(tx, code.session_id, parts.settings)
    if session is None or session.stage is not Stage.COMPLETE:
        return None
    holder = await sessions.find_holder(tx, session)
    if holder.agent is None and (holder.facts is None or not may_act(session, holder.facts)):
        return None
    return Redemption(session, holder)


async def _wait_until_issuable(parts: Parts, code: AuthorizationCode) -> None:
    """A token's `iat` must lie after what its subjects' `standing` refuses; the wait is short or not made."""
    session = await sessions.find_session_by_id(parts.database, code.session_id, parts.settings)
    if session is None:
        return
    subjects = {
        "applicant": session.applicant_id,
        "user_code": session.user_code_id,
        "session": session.id,
        "agent": session.agent_id,
    }
    present = {kind: str(value) for kind, value in subjects.items() if value is not None}
    bound = await store.find_bound(parts.database, list(present), list(present.values()))
    wait = rules.wait_until_past(bound, at=now())
    if wait > rules.LONGEST_WAIT:
        raise OAuthError("temporarily_unavailable", "access was changed an instant ago; try again shortly")
    await asyncio.sleep(wait.total_seconds())


async def _issue(  # noqa: PLR0913 - what a token says, each by name
    parts: Parts,
    client: Client,
    code: AuthorizationCode,
    redeemed: Redemption,
    *,
    audience: str,
    circumstances: Circumstances,
) -> dict[str, Any]:
    session, holder = redeemed.session, redeemed.holder
    at = now()
    principal = principal_of(redeemed, client, issued_at=at)
    await record(parts.database, principal, circumstances)
    async with parts.database.transaction() as tx:
        await sessions.touch_session(tx, records.call_of(circumstances, principal), session)
    key = parts.pairwise_key.secret
    access = tokens.access_claims(
        client,
        issuer=parts.settings.issuer,
        audience=audience,
        subject=tokens.subject_of(holder, client, pairwise_key=key),
        scope=tokens.access_scope(session, code.scope),
        at=at,
    )
    held = tokens.holder_claims(holder, session, client, pairwise_key=key)
    signed = await parts.keys.sign({**access, **held}, typ=ACCESS_TOKEN_TYPE)
    told = tokens.id_claims(access, held, client=client, nonce=code.nonce)
    return {**_answer(signed, scope=code.scope), "id_token": await parts.keys.sign(told, typ="JWT")}


def principal_of(redeemed: Redemption, client: Client, *, issued_at: datetime) -> Principal:
    # As the token will tell it: whole seconds.
    second = issued_at.replace(microsecond=0)
    return records.holder(redeemed.holder, redeemed.session, client_id=client.client_id, issued_at=second)


class RefusedByStanding(OAuthError):
    """Recorded already, with this reason."""


async def record(
    database: Database, principal: Principal, circumstances: Circumstances, *, needs_facts: bool = True
) -> None:
    """Raises RefusedByStanding."""
    reason = await record_call(
        database,
        principal,
        circumstances=circumstances,
        applicant_id=None,
        recourse_route=True,
        needs_facts=needs_facts,
    )
    if reason == FactsTooOld.code:
        raise RefusedByStanding("temporarily_unavailable", "what is known of this applicant is too old")
    if reason is not None:
        raise RefusedByStanding("invalid_grant", "the code is not valid")


def _answer(access_token: str, *, scope: Sequence[str]) -> dict[str, Any]:
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(rules.TOKEN_LIFE.total_seconds()),
        "scope": " ".join(scope),
    }
