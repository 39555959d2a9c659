"""What becomes of a grant: given with a code, refreshed, revoked, forgotten."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from libs.common.call import Call
from libs.common.confirmation import Confirmation
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from services.auth.authorization import grant_store as store
from services.auth.authorization.grant_rules import HeldGrant, Reason, RefreshToken, TokenGrant, binding_of
from services.auth.authorization.rules import AuthorizationCode, hash_code
from services.auth.session.rules import Lifetime, Session

SECRET_BYTES = 32
# Kept for some time after the session can have been alive, so that a replay is still known for what it is.
GRANTS_KEPT = timedelta(hours=1)


async def give(  # noqa: PLR0913 - what a grant stands for, each by name
    tx: Connection,
    code: AuthorizationCode,
    session: Session,
    *,
    lifetime: Lifetime,
    confirmation: Confirmation,
    at: datetime,
) -> tuple[TokenGrant, str | None]:
    """The grant of a code, with its first refresh token where that was granted; never outlives the session."""
    grant = TokenGrant(
        id=new_id(),
        client_id=code.client_id,
        session_id=session.id,
        scope=code.scope,
        resources=code.resources,
        code_hash=code.code_hash,
        given_at=at,
        expires_at=session.authenticated_at + lifetime.longest,
        bound_by=binding_of(confirmation),
    )
    refresh_token = secrets.token_urlsafe(SECRET_BYTES) if grant.may_be_refreshed else None
    await store.add(tx, grant, refresh_hash=None if refresh_token is None else hash_code(refresh_token))
    return grant, refresh_token


async def find_held(database: Database, grant_id: UUID) -> HeldGrant | None:
    return await store.find_held(database, grant_id)


async def find_refresh_token(database: Database, token: str | None) -> RefreshToken | None:
    return None if token is None else await store.find_refresh_token(database, hash_code(token))


async def rotate(database: Database, token: str, *, at: datetime) -> str | None:
    """The next refresh token; None when this one was used before, or its grant or session has ended."""
    following = secrets.token_urlsafe(SECRET_BYTES)
    is_rotated = await store.rotate(database, old_hash=hash_code(token), new_hash=hash_code(following), at=at)
    return following if is_rotated else None


async def keep(database: Database, token: str, *, at: datetime) -> bool:
    """The token stays as it is; False when it was used before, or its grant or session has ended."""
    return await store.touch(database, hash_code(token), at=at)


async def refuse_reused(database: Database, call: Call, held: HeldGrant) -> None:
    """A refresh token that comes twice is in two hands: the whole family ends (RFC 9700 §4.14.2)."""
    async with database.transaction() as tx:
        if await store.revoke(tx, held.grant.id, reason=Reason.REFRESH_TOKEN_REUSED, at=call.at):
            await _record(tx, call, held, command="refuse_reused_refresh_token")


async def revoke(database: Database, call: Call, held: HeldGrant) -> None:
    async with database.transaction() as tx:
        if await store.revoke(tx, held.grant.id, reason=Reason.REVOKED_BY_CLIENT, at=call.at):
            await _record(tx, call, held, command="revoke_token_grant")


async def revoke_replayed(
    tx: Connection, call: Call, code: AuthorizationCode, *, applicant_id: UUID | None
) -> bool:
    """RFC 6749 §4.1.2: what a code gave ends when the code comes again. False when there is nothing to end."""
    grant_id = await store.revoke_by_code(tx, code.code_hash, reason=Reason.CODE_REPLAYED, at=call.at)
    if grant_id is None:
        return False
    content = {"grant_id": str(grant_id), "session_id": str(code.session_id)}
    await record_evidence(tx, call, "refuse_replayed_code", applicant_id=applicant_id, content=content)
    return True


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old(tx, before=at - GRANTS_KEPT)


async def _record(tx: Connection, call: Call, held: HeldGrant, *, command: str) -> None:
    content = {
        "grant_id": str(held.grant.id),
        "session_id": str(held.session.id),
        "client_id": held.grant.client_id,
    }
    await record_evidence(tx, call, command, applicant_id=held.session.applicant_id, content=content)
