"""Clients with what two persons decide about them, the disabled ones included."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database, update_one
from services.auth.client import store
from services.auth.client.change_rules import ClientState, Registered
from services.auth.client.rules import Client
from services.auth.client.store import COLUMNS, client_of

# Whoever registers or changes clients holds it: two who want one name wait for each other.
LOCK_CLIENTS = "SELECT pg_advisory_xact_lock(hashtextextended('registered clients', 0))"
SELECT_REGISTERED = f"SELECT {COLUMNS}, jwk, state, is_installed FROM clients WHERE client_id = $1"
SELECT_PAGE = f"""
SELECT {COLUMNS}, jwk, state, is_installed FROM clients
WHERE client_id > $1 AND ($2::text IS NULL OR department = $2) ORDER BY client_id LIMIT $3
"""
SELECT_OF_PRODUCT = f"""
SELECT {COLUMNS}, jwk, state, is_installed FROM clients WHERE software = $1 AND client_id <> $2
"""
UPDATE_DECIDED = "UPDATE clients SET state = $2, is_installed = false WHERE client_id = $1 AND state = $3"


async def lock(tx: Connection) -> None:
    await tx.execute(LOCK_CLIENTS)


async def find(database: Database | Connection, client_id: str) -> Registered | None:
    row = await database.fetchrow(SELECT_REGISTERED, client_id)
    return None if row is None else _registered(row)


async def list_page(database: Database, *, after: str, department: str | None, limit: int) -> Sequence[Registered]:
    """`department`: only clients of this one."""
    return [_registered(row) for row in await database.fetch(SELECT_PAGE, after, department, limit)]


async def list_beside(tx: Connection, client: Client) -> Sequence[Registered]:
    """The other clients of its product."""
    rows = await tx.fetch(SELECT_OF_PRODUCT, client.software, client.client_id)
    return [_registered(row) for row in rows]


async def save_registration(tx: Connection, client: Client, *, state: ClientState, at: datetime) -> None:
    """The installation changes it no more. `state`: what it stays in."""
    await store.save(tx, client, at=at)
    await save_state(tx, client.client_id, state=state, was=state)


async def save_state(tx: Connection, client_id: str, *, state: ClientState, was: ClientState) -> None:
    """Raises UnexpectedRowCount when it was in another state by then."""
    await update_one(tx, UPDATE_DECIDED, client_id, state, was)


def _registered(row: asyncpg.Record) -> Registered:
    return Registered(client_of(row), ClientState(row["state"]), row["is_installed"])
