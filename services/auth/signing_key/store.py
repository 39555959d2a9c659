from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database
from services.auth.signing_key.rules import Family, SealedKey

LOCK_KEYS = "SELECT pg_advisory_xact_lock(hashtextextended('signing keys', 0))"
COLUMNS = "kid, public_jwk, sealed_private, sealing_key_id, published_at, signs_from, retired_at, family"
SELECT_PUBLISHED = (
    f"SELECT {COLUMNS} FROM signing_keys WHERE retired_at IS NULL OR retired_at > $1 ORDER BY signs_from"
)
# Nothing that ends earlier is kept longer.
UPDATE_RETIRED = """
UPDATE signing_keys SET retired_at = $3
WHERE kid <> $1 AND family = $2 AND (retired_at IS NULL OR retired_at > $3) RETURNING kid
"""
DELETE_RETIRED = "DELETE FROM signing_keys WHERE retired_at <= $1"
INSERT_KEY = f"INSERT INTO signing_keys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
SELECT_NEEDS_RSA = """
SELECT EXISTS (SELECT 1 FROM clients
    WHERE id_token_signed_response_alg <> 'ES256' OR access_token_signed_response_alg <> 'ES256') AS needs_rsa
"""


async def lock(tx: Connection) -> None:
    await tx.execute(LOCK_KEYS)


async def list_published(database: Database | Connection, *, at: datetime) -> list[SealedKey]:
    return [_key(row) for row in await database.fetch(SELECT_PUBLISHED, at)]


async def add(tx: Connection, key: SealedKey) -> None:
    await tx.execute(
        INSERT_KEY,
        key.kid,
        key.public_jwk,
        key.sealed_private,
        key.sealing_key_id,
        key.published_at,
        key.signs_from,
        key.retired_at,
        key.family,
    )


async def retire_others(tx: Connection, key: SealedKey, *, at: datetime) -> list[str]:
    """The keys of the family whose end this set."""
    return [row["kid"] for row in await tx.fetch(UPDATE_RETIRED, key.kid, key.family, at)]


async def needs_rsa(database: Database | Connection) -> bool:
    row = await database.fetchrow(SELECT_NEEDS_RSA)
    return row is not None and bool(row["needs_rsa"])


async def forget_retired(tx: Connection, *, at: datetime) -> None:
    await tx.execute(DELETE_RETIRED, at)


def _key(row: asyncpg.Record) -> SealedKey:
    return SealedKey(**{**dict(row.items()), "family": Family(row["family"])})
