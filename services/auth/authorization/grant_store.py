from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some
from services.auth.authorization.grant_rules import Binding, HeldGrant, RefreshToken, TokenGrant
from services.auth.authorization.held_store import HELD_COLUMNS, WITH_FACTS, held_session_of

GRANT_COLUMNS = """g.id AS grant_id, g.client_id AS grant_client_id, g.scope AS grant_scope,
    g.resources AS grant_resources, g.code_hash AS grant_code_hash, g.given_at AS grant_given_at,
    g.expires_at AS grant_expires_at, g.bound_by AS grant_bound_by,
    g.revoked_at IS NOT NULL OR g.client_epoch <> k.grant_epoch AS grant_is_ended"""
HOLDERS = f"JOIN clients k ON k.client_id = g.client_id JOIN sessions s ON s.id = g.session_id {WITH_FACTS}"
# What is asked together is read together. OFFSET 0 keeps each a look-up by key, whatever the planner thinks.
SELECT_HELD = f"""
SELECT held.* FROM unnest($1::uuid[]) AS asked (id)
CROSS JOIN LATERAL (
    SELECT {GRANT_COLUMNS}, {HELD_COLUMNS} FROM token_grants g {HOLDERS} WHERE g.id = asked.id OFFSET 0) AS held
"""
SELECT_REFRESH_TOKENS = f"""
SELECT held.* FROM unnest($1::bytea[]) AS asked (hash)
CROSS JOIN LATERAL (
    SELECT t.token_hash, t.given_at AS token_given_at, t.used_at AS token_used_at,
           {GRANT_COLUMNS}, {HELD_COLUMNS}
    FROM refresh_tokens t JOIN token_grants g ON g.id = t.grant_id {HOLDERS}
    WHERE t.token_hash = asked.hash OFFSET 0) AS held
"""
# A code's first use is a use of its session. Without a refresh token ($9) none is kept.
INSERT_GRANT = """
WITH given AS (
    INSERT INTO token_grants
        (id, client_id, session_id, scope, resources, code_hash, given_at, expires_at, bound_by, client_epoch)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $10, grant_epoch FROM clients WHERE client_id = $2
), touched AS (
    UPDATE sessions SET last_seen_at = greatest(last_seen_at, $7) WHERE id = $3 AND ended_at IS NULL
)
INSERT INTO refresh_tokens (token_hash, grant_id, given_at, expires_at)
SELECT $9::bytea, $1::uuid, $7::timestamptz, $8::timestamptz WHERE $9::bytea IS NOT NULL
"""
# For each of those that came together: the old token is used, the new one kept and the session touched, or
# nothing is done at all. Sessions are taken in the order of their ids, so that no batch waits for one that waits
# for it; of two that bring the same token one is served, as the guard of the UPDATE says.
INSERT_ROTATED = """
WITH asked AS (
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::timestamptz[]) AS asked (old_hash, new_hash, at)
), meant AS (
    SELECT asked.*, found.session_id FROM asked
    CROSS JOIN LATERAL (
        SELECT g.session_id FROM refresh_tokens t JOIN token_grants g ON g.id = t.grant_id
        WHERE t.token_hash = asked.old_hash OFFSET 0) AS found
), held AS (
    SELECT s.id FROM sessions s WHERE s.id IN (SELECT session_id FROM meant) AND s.ended_at IS NULL
    ORDER BY s.id FOR NO KEY UPDATE
), used AS (
    UPDATE refresh_tokens t SET used_at = meant.at
    FROM meant, held, token_grants g JOIN clients k USING (client_id)
    WHERE t.token_hash = meant.old_hash AND t.used_at IS NULL AND held.id = meant.session_id
      AND g.id = t.grant_id AND g.revoked_at IS NULL AND g.client_epoch = k.grant_epoch
    RETURNING t.grant_id, t.expires_at, meant.session_id, meant.new_hash, meant.at
), touched AS (
    UPDATE sessions SET last_seen_at = greatest(last_seen_at, latest.at)
    FROM (SELECT session_id, max(at) AS at FROM used GROUP BY session_id) AS latest
    WHERE sessions.id = latest.session_id AND ended_at IS NULL
)
INSERT INTO refresh_tokens (token_hash, grant_id, given_at, expires_at)
SELECT new_hash, grant_id, at, expires_at FROM used
RETURNING token_hash
"""
# FAPI 2.0 Security Profile §5.3.2.1: for its clients the token stays; using it is a use of the session.
UPDATE_TOUCHED = """
UPDATE sessions s SET last_seen_at = greatest(s.last_seen_at, $2)
FROM refresh_tokens t, token_grants g JOIN clients k USING (client_id)
WHERE t.token_hash = $1 AND t.used_at IS NULL AND g.id = t.grant_id AND g.revoked_at IS NULL
  AND g.client_epoch = k.grant_epoch AND s.id = g.session_id AND s.ended_at IS NULL
RETURNING s.id
"""
UPDATE_REVOKED = """
UPDATE token_grants SET revoked_at = $2, reason = $3 WHERE id = $1 AND revoked_at IS NULL RETURNING id
"""
UPDATE_REVOKED_BY_CODE = """
UPDATE token_grants SET revoked_at = $2, reason = $3 WHERE code_hash = $1 AND revoked_at IS NULL RETURNING id
"""
DELETE_OLD_REFRESH_TOKENS = deleting_some("refresh_tokens", "expires_at < $1")
DELETE_OLD_GRANTS = deleting_some("token_grants", "expires_at < $1")


async def add(tx: Connection, grant: TokenGrant, *, refresh_hash: bytes | None) -> None:
    await tx.execute(
        INSERT_GRANT,
        grant.id,
        grant.client_id,
        grant.session_id,
        grant.scope,
        grant.resources,
        grant.code_hash,
        grant.given_at,
        grant.expires_at,
        refresh_hash,
        grant.bound_by,
    )


async def find_held(database: Database, grant_id: UUID) -> HeldGrant | None:
    row = await database.in_batches(_read_held, grant_id)
    return None if row is None else await _held(database, row)


async def find_refresh_token(database: Database, token_hash: bytes) -> RefreshToken | None:
    row = await database.in_batches(_read_refresh_tokens, token_hash)
    if row is None:
        return None
    return RefreshToken(row["token_given_at"], row["token_used_at"], await _held(database, row))


async def rotate(database: Database, *, old_hash: bytes, new_hash: bytes, at: datetime) -> bool:
    """False when the old one was used before, or its grant or session has ended meanwhile."""
    is_rotated: bool = await database.in_batches(_rotate, (old_hash, new_hash, at))
    return is_rotated


async def _read_held(connection: Connection, grant_ids: Sequence[UUID]) -> list[asyncpg.Record | None]:
    found = {row["grant_id"]: row for row in await connection.fetch(SELECT_HELD, list(set(grant_ids)))}
    return [found.get(grant_id) for grant_id in grant_ids]


async def _read_refresh_tokens(connection: Connection, hashes: Sequence[bytes]) -> list[asyncpg.Record | None]:
    found = {row["token_hash"]: row for row in await connection.fetch(SELECT_REFRESH_TOKENS, list(set(hashes)))}
    return [found.get(token_hash) for token_hash in hashes]


async def _rotate(connection: Connection, asked: Sequence[tuple[bytes, bytes, datetime]]) -> list[bool]:
    columns = [list(column) for column in zip(*asked, strict=True)]
    kept = {row["token_hash"] for row in await connection.fetch(INSERT_ROTATED, *columns)}
    return [new_hash in kept for _, new_hash, _ in asked]


async def touch(database: Database, token_hash: bytes, *, at: datetime) -> bool:
    return await database.fetchrow(UPDATE_TOUCHED, token_hash, at) is not None


async def revoke(tx: Connection, grant_id: UUID, *, reason: str, at: datetime) -> bool:
    """False when it was revoked before."""
    return await tx.fetchval(UPDATE_REVOKED, grant_id, at, reason) is not None


async def revoke_by_code(tx: Connection, code_hash: bytes, *, reason: str, at: datetime) -> UUID | None:
    """The grant of this code; None when there is none to be revoked."""
    found: UUID | None = await tx.fetchval(UPDATE_REVOKED_BY_CODE, code_hash, at, reason)
    return found


async def forget_old(tx: Connection, *, before: datetime) -> int:
    """The most that went of one kind."""
    return max(
        await delete_some(tx, DELETE_OLD_REFRESH_TOKENS, before), await delete_some(tx, DELETE_OLD_GRANTS, before)
    )


async def _held(database: Database, row: asyncpg.Record) -> HeldGrant:
    held = await held_session_of(database, row)
    grant = TokenGrant(
        id=row["grant_id"],
        client_id=row["grant_client_id"],
        session_id=held.session.id,
        scope=tuple(row["grant_scope"]),
        resources=tuple(row["grant_resources"]),
        code_hash=row["grant_code_hash"],
        given_at=row["grant_given_at"],
        expires_at=row["grant_expires_at"],
        is_ended=row["grant_is_ended"],
        bound_by=None if row["grant_bound_by"] is None else Binding(row["grant_bound_by"]),
    )
    return HeldGrant(grant, held.session, held.holder, held.bound)
