from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database
from services.auth.client.rules import Client, ClientKind

COLUMNS = (
    """client_id, kind, department, name_fr, name_en, redirect_uris, post_logout_redirect_uris, scopes, jwk"""
)
SELECT_CLIENT = f"SELECT {COLUMNS} FROM clients WHERE client_id = $1"
SELECT_CLIENT_FOR_UPDATE = f"{SELECT_CLIENT} FOR UPDATE"
UPSERT_CLIENT = f"""
INSERT INTO clients ({COLUMNS}, installed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (client_id) DO UPDATE SET
    kind = excluded.kind, department = excluded.department, name_fr = excluded.name_fr,
    name_en = excluded.name_en, redirect_uris = excluded.redirect_uris,
    post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes,
    jwk = excluded.jwk, installed_at = excluded.installed_at
"""
INSERT_ASSERTION = """
INSERT INTO client_assertions (client_id, jti_hash, expires_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING client_id
"""
DELETE_OLD_ASSERTIONS = "DELETE FROM client_assertions WHERE expires_at < $1"


async def find(database: Database | Connection, client_id: str) -> Client | None:
    row = await database.fetchrow(SELECT_CLIENT, client_id)
    return None if row is None else _client(row)


async def find_for_update(tx: Connection, client_id: str) -> Client | None:
    row = await tx.fetchrow(SELECT_CLIENT_FOR_UPDATE, client_id)
    return None if row is None else _client(row)


async def save(tx: Connection, client: Client, *, at: datetime) -> None:
    await tx.execute(
        UPSERT_CLIENT,
        client.client_id,
        client.kind,
        client.department,
        client.name_fr,
        client.name_en,
        client.redirect_uris,
        client.post_logout_redirect_uris,
        client.scopes,
        client.jwk,
        at,
    )


async def use_assertion(database: Database, *, client_id: str, jti_hash: bytes, expires_at: datetime) -> bool:
    """False when this assertion was used before."""
    return await database.fetchrow(INSERT_ASSERTION, client_id, jti_hash, expires_at) is not None


async def forget_old_assertions(tx: Connection, *, at: datetime) -> None:
    await tx.execute(DELETE_OLD_ASSERTIONS, at)


def _client(row: asyncpg.Record) -> Client:
    return Client(
        client_id=row["client_id"],
        kind=ClientKind(row["kind"]),
        department=row["department"],
        name_fr=row["name_fr"],
        name_en=row["name_en"],
        redirect_uris=tuple(row["redirect_uris"]),
        post_logout_redirect_uris=tuple(row["post_logout_redirect_uris"]),
        scopes=tuple(row["scopes"]),
        jwk=row["jwk"],
    )
