"""Sessions that are open, as they are shown to whoever may end them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Database

COLUMNS = """sessions.id, user_code_id, agent_id, is_recourse, amr, authenticated_at, started_at, last_seen_at,
    address, user_agent, represented_applicant_id"""
# Newest first: ids are of version 7 and grow with time.
SELECT_OF_HOLDER = f"""
SELECT {COLUMNS} FROM sessions
WHERE (user_code_id = $1 OR agent_id = $1) AND ended_at IS NULL AND stage = 'complete'
  AND last_seen_at >= $2 AND authenticated_at >= $3 AND id < $4
ORDER BY id DESC LIMIT $5
"""
# Of all persons of the applicant ($6), or of its users alone: a person in charge does not see a peer's.
SELECT_OF_APPLICANT = f"""
SELECT {COLUMNS} FROM sessions
WHERE applicant_id = $1 AND ended_at IS NULL AND stage = 'complete'
  AND last_seen_at >= $2 AND authenticated_at >= $3 AND id < $4
  AND ($6 OR EXISTS (
      SELECT 1 FROM persons
      WHERE persons.user_code_id = sessions.user_code_id AND persons.applicant_id = $1 AND role = 'user'))
  AND user_code_id = coalesce($7, user_code_id)
ORDER BY id DESC LIMIT $5
"""
SELECT_CLIENTS = """
SELECT session_id, client_id, name_fr, name_en FROM token_grants JOIN clients USING (client_id)
WHERE session_id = ANY ($1::uuid[]) GROUP BY session_id, client_id, name_fr, name_en
ORDER BY min(given_at), client_id
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Which sessions are alive, and from where the page goes on."""

    seen_since: datetime
    opened_since: datetime
    before: UUID
    limit: int


@dataclass(frozen=True, slots=True)
class GrantedClient:
    client_id: str
    name_fr: str
    name_en: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    id: UUID
    user_code_id: UUID | None
    agent_id: UUID | None
    is_recourse: bool
    amr: tuple[str, ...]
    started_at: datetime
    last_seen_at: datetime
    address: str | None
    user_agent: str | None
    represented_applicant_id: UUID | None
    clients: tuple[GrantedClient, ...]


async def list_of_holder(database: Database, holder_id: UUID, *, span: Span) -> list[OpenSession]:
    rows = await database.fetch(
        SELECT_OF_HOLDER, holder_id, span.seen_since, span.opened_since, span.before, span.limit
    )
    return await _with_clients(database, rows)


async def list_of_applicant(
    database: Database, applicant_id: UUID, *, user_code_id: UUID | None, of_all: bool, span: Span
) -> list[OpenSession]:
    rows = await database.fetch(
        SELECT_OF_APPLICANT,
        applicant_id,
        span.seen_since,
        span.opened_since,
        span.before,
        span.limit,
        of_all,
        user_code_id,
    )
    return await _with_clients(database, rows)


async def _with_clients(database: Database, rows: list[asyncpg.Record]) -> list[OpenSession]:
    granted: dict[UUID, list[GrantedClient]] = {row["id"]: [] for row in rows}
    for row in await database.fetch(SELECT_CLIENTS, list(granted)):
        granted[row["session_id"]].append(GrantedClient(row["client_id"], row["name_fr"], row["name_en"]))
    return [_open_session(row, granted[row["id"]]) for row in rows]


def _open_session(row: asyncpg.Record, clients: list[GrantedClient]) -> OpenSession:
    return OpenSession(
        id=row["id"],
        user_code_id=row["user_code_id"],
        agent_id=row["agent_id"],
        is_recourse=row["is_recourse"],
        amr=tuple(row["amr"]),
        # The previous release kept no beginning.
        started_at=row["started_at"] or row["authenticated_at"],
        last_seen_at=row["last_seen_at"],
        address=row["address"],
        user_agent=row["user_agent"],
        represented_applicant_id=row["represented_applicant_id"],
        clients=tuple(clients),
    )
