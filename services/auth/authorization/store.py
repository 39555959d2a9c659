from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some
from services.auth.authorization.held_store import (
    HELD_COLUMNS,
    SESSION_AND_BOUND,
    WITH_FACTS,
    HeldSession,
    held_session_of,
    session_in,
)
from services.auth.authorization.rules import AnsweredRequest, AuthorizationCode, AuthorizationRequest, PostedForm
from services.auth.session.rules import Session

ASKED_COLUMNS = """client_id, redirect_uri, scope, resources, state, nonce, code_challenge, language,
    login_hint, required_acr, required_subject, dpop_jkt, asks_consent"""
REQUEST_COLUMNS = f"{ASKED_COLUMNS}, pushed_hash"
# A page that is loaded again waits in place of the one before. What was pushed and is answered waits no more.
INSERT_REQUEST = f"""
INSERT INTO authorization_requests (secret_hash, expires_at, {REQUEST_COLUMNS})
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
WHERE $16::bytea IS NULL OR EXISTS (SELECT 1 FROM pushed_requests WHERE uri_hash = $16)
ON CONFLICT (pushed_hash) DO UPDATE SET secret_hash = excluded.secret_hash, expires_at = excluded.expires_at,
    language = excluded.language
RETURNING client_id
"""
# A pushed request goes with its answer: its name has served.
DELETE_REQUEST = """
WITH answered AS (DELETE FROM authorization_requests WHERE secret_hash = $1 RETURNING client_id, pushed_hash),
    served AS (DELETE FROM pushed_requests p USING answered WHERE p.uri_hash = answered.pushed_hash)
SELECT client_id FROM answered
"""
DELETE_PUSHED = """
WITH waiting AS (DELETE FROM authorization_requests WHERE pushed_hash = $1)
DELETE FROM pushed_requests WHERE uri_hash = $1 RETURNING client_id
"""
DELETE_OLD_REQUESTS = deleting_some("authorization_requests", "expires_at < $1", is_ever_updated=False)

CODE_COLUMNS = """code_hash, client_id, redirect_uri, session_id, scope, resources, nonce, code_challenge,
    expires_at, used_at, dpop_jkt"""
SELECT_CODE = f"SELECT {CODE_COLUMNS} FROM authorization_codes WHERE code_hash = $1"
SELECT_CODE_AND_SESSION = f"""
SELECT code.*, {SESSION_AND_BOUND} FROM ({SELECT_CODE}) AS code JOIN sessions s ON s.id = code.session_id
"""
INSERT_CODE = f"""
INSERT INTO authorization_codes ({CODE_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
ANSWER_REQUEST = f"""
WITH answered AS (DELETE FROM authorization_requests WHERE secret_hash = $12 RETURNING *),
    served AS (DELETE FROM pushed_requests p USING answered WHERE p.uri_hash = answered.pushed_hash),
    kept AS (
        INSERT INTO answered_requests
            ({ASKED_COLUMNS}, secret_hash, expires_at, session_id, code_hash, form_mark, session_brought)
        SELECT {ASKED_COLUMNS}, secret_hash, greatest(expires_at, $9), $4, $1, $13, $14 FROM answered)
INSERT INTO authorization_codes ({CODE_COLUMNS})
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM answered RETURNING client_id
"""
# With what the code rests on, as it was when the statement began: what has ended since, `standing` refuses.
UPDATE_CODE_USED = f"""
WITH used AS (
    UPDATE authorization_codes SET used_at = $2 WHERE code_hash = $1 AND used_at IS NULL RETURNING session_id)
SELECT {HELD_COLUMNS} FROM used JOIN sessions s ON s.id = used.session_id {WITH_FACTS}
"""
LOCK_ANSWERED = """
SELECT session_id, code_hash, form_mark, session_brought FROM answered_requests
WHERE secret_hash = $1 AND expires_at > $2 FOR UPDATE
"""
UPDATE_ANSWERED_CODE = "UPDATE answered_requests SET code_hash = $2 WHERE secret_hash = $1"
UPDATE_FORM_FORGOTTEN = "UPDATE answered_requests SET form_mark = NULL WHERE secret_hash = $1"
DELETE_OLD_ANSWERED = deleting_some("answered_requests", "expires_at < $1")
DELETE_UNUSED_CODE = "DELETE FROM authorization_codes WHERE code_hash = $1 AND used_at IS NULL RETURNING code_hash"
DELETE_OLD_CODES = deleting_some(
    "authorization_codes",
    """expires_at < $1
    AND NOT EXISTS (SELECT 1 FROM token_grants g WHERE g.code_hash = authorization_codes.code_hash)""",
)


async def add_request(
    database: Database, request: AuthorizationRequest, *, secret_hash: bytes, expires_at: datetime
) -> bool:
    """False when it was pushed and has been answered since."""
    row = await database.fetchrow(
        INSERT_REQUEST,
        secret_hash,
        expires_at,
        request.client_id,
        request.redirect_uri,
        request.scope,
        request.resources,
        request.state,
        request.nonce,
        request.code_challenge,
        request.language,
        request.login_hint,
        request.required_acr,
        request.required_subject,
        request.dpop_jkt,
        request.asks_consent,
        request.pushed_hash,
    )
    return row is not None


async def take_pushed(database: Database | Connection, pushed_hash: bytes) -> bool:
    """Takes it, and whatever waits for it; False when it was answered before."""
    return await database.fetchrow(DELETE_PUSHED, pushed_hash) is not None


async def take_request(tx: Connection, secret_hash: bytes) -> bool:
    """False when it was answered before."""
    return await tx.fetchval(DELETE_REQUEST, secret_hash) is not None


async def add_code(tx: Connection, code: AuthorizationCode) -> None:
    await tx.execute(INSERT_CODE, *_values(code))


async def answer_request(
    tx: Connection, secret_hash: bytes, code: AuthorizationCode, *, form: PostedForm | None
) -> bool:
    """Takes the request and adds the code; does neither and answers False when it was answered before.

    `form`: may be sent again, for another code in place of this one.
    """
    mark, brought = (None, None) if form is None else (form.mark, form.session_brought)
    return await tx.fetchval(ANSWER_REQUEST, *_values(code), secret_hash, mark, brought) is not None


async def lock_answered(tx: Connection, secret_hash: bytes, *, at: datetime) -> AnsweredRequest | None:
    row = await tx.fetchrow(LOCK_ANSWERED, secret_hash, at)
    if row is None:
        return None
    return AnsweredRequest(row["session_id"], row["code_hash"], row["form_mark"], row["session_brought"])


async def replace_code(tx: Connection, secret_hash: bytes, code: AuthorizationCode, *, former: bytes) -> bool:
    """False when the former one was used; whoever uses it at this moment is waited for."""
    if await tx.fetchval(DELETE_UNUSED_CODE, former) is None:
        return False
    await add_code(tx, code)
    await tx.execute(UPDATE_ANSWERED_CODE, secret_hash, code.code_hash)
    return True


async def forget_form(tx: Connection, secret_hash: bytes) -> None:
    await tx.execute(UPDATE_FORM_FORGOTTEN, secret_hash)


async def find_code_and_session(
    database: Database, code_hash: bytes
) -> tuple[AuthorizationCode, Session, datetime | None] | None:
    """With what `standing` refuses tokens of the session up to."""
    row = await database.fetchrow(SELECT_CODE_AND_SESSION, code_hash)
    return None if row is None else (_code(row), session_in(row), row["bound"])


async def find_code(tx: Connection, code_hash: bytes) -> AuthorizationCode | None:
    row = await tx.fetchrow(SELECT_CODE, code_hash)
    return None if row is None else _code(row)


async def use_code(tx: Connection, code_hash: bytes, *, at: datetime) -> HeldSession | None:
    """The session it is of. Waits for whoever is using or ending it. None when it was used before, or is gone."""
    row = await tx.fetchrow(UPDATE_CODE_USED, code_hash, at)
    return None if row is None else await held_session_of(tx, row)


async def forget_old(tx: Connection, *, requests_before: datetime, codes_before: datetime) -> int:
    """The most that went of one kind."""
    return max(
        await delete_some(tx, DELETE_OLD_REQUESTS, requests_before),
        await delete_some(tx, DELETE_OLD_ANSWERED, requests_before),
        await delete_some(tx, DELETE_OLD_CODES, codes_before),
    )


def _values(code: AuthorizationCode) -> tuple[object, ...]:
    return (
        code.code_hash,
        code.client_id,
        code.redirect_uri,
        code.session_id,
        code.scope,
        code.resources,
        code.nonce,
        code.code_challenge,
        code.expires_at,
        code.used_at,
        code.dpop_jkt,
    )


def _code(row: asyncpg.Record) -> AuthorizationCode:
    session_id: UUID = row["session_id"]
    return AuthorizationCode(
        code_hash=row["code_hash"],
        client_id=row["client_id"],
        redirect_uri=row["redirect_uri"],
        session_id=session_id,
        scope=tuple(row["scope"]),
        resources=tuple(row["resources"]),
        nonce=row["nonce"],
        code_challenge=row["code_challenge"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
        dpop_jkt=row["dpop_jkt"],
    )
