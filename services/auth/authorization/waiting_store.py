"""Requests that wait for their answer, read with their client in one statement: each page needs both."""

from datetime import datetime

from libs.common.database import Database
from services.auth.authorization.rules import AuthorizationRequest
from services.auth.authorization.store import REQUEST_COLUMNS
from services.auth.client.rules import Client
from services.auth.client.store import CLIENTS, client_of

REQUEST_NAMES = tuple(name.strip() for name in REQUEST_COLUMNS.split(","))
# Only the client's columns keep their names.
SELECT_REQUEST_AND_CLIENT = f"""
SELECT {", ".join(f"r.{name} AS request_{name}" for name in REQUEST_NAMES)}, c.*
FROM authorization_requests r JOIN ({CLIENTS}) c USING (client_id)
WHERE r.secret_hash = $1 AND r.expires_at > $2
"""


async def find_request_and_client(
    database: Database, secret_hash: bytes, *, at: datetime
) -> tuple[AuthorizationRequest, Client] | None:
    row = await database.fetchrow(SELECT_REQUEST_AND_CLIENT, secret_hash, at)
    if row is None:
        return None
    named = {name: row[f"request_{name}"] for name in REQUEST_NAMES}
    texts = {name: tuple(named[name]) for name in ("scope", "resources")}
    return AuthorizationRequest(**{**named, **texts}), client_of(row)
