"""Requests that wait, or were answered, read with their client in one statement: each page needs both."""

from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database
from services.auth.authorization.rules import AuthorizationRequest
from services.auth.authorization.store import ASKED_COLUMNS, REQUEST_COLUMNS
from services.auth.client.rules import Client
from services.auth.client.store import CLIENTS, client_of

REQUEST_NAMES = tuple(name.strip() for name in REQUEST_COLUMNS.split(","))
ASKED = ", ".join(f"r.{name.strip()} AS request_{name.strip()}" for name in ASKED_COLUMNS.split(","))
# Only the client's columns keep their names.
SELECT_REQUEST_AND_CLIENT = f"""
SELECT {ASKED}, r.pushed_hash AS request_pushed_hash, c.*
FROM authorization_requests r JOIN ({CLIENTS}) c USING (client_id)
WHERE r.secret_hash = $1 AND r.expires_at > $2
"""
SELECT_ANSWERED_AND_CLIENT = f"""
SELECT {ASKED}, NULL::bytea AS request_pushed_hash, c.*
FROM answered_requests r JOIN ({CLIENTS}) c USING (client_id)
WHERE r.secret_hash = $1 AND r.expires_at > $2
"""


async def find_request_and_client(
    database: Database, secret_hash: bytes, *, at: datetime
) -> tuple[AuthorizationRequest, Client] | None:
    return _read(await database.fetchrow(SELECT_REQUEST_AND_CLIENT, secret_hash, at))


async def find_answered_and_client(
    database: Database | Connection, secret_hash: bytes, *, at: datetime
) -> tuple[AuthorizationRequest, Client] | None:
    return _read(await database.fetchrow(SELECT_ANSWERED_AND_CLIENT, secret_hash, at))


def _read(row: asyncpg.Record | None) -> tuple[AuthorizationRequest, Client] | None:
    if row is None:
        return None
    named = {name: row[f"request_{name}"] for name in REQUEST_NAMES}
    texts = {name: tuple(named[name]) for name in ("scope", "resources")}
    return AuthorizationRequest(**{**named, **texts}), client_of(row)
