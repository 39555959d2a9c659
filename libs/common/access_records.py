"""Who called, for whom, when, with what outcome: kept before the answer is given (clauses 19 and 30)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.contracts.envelope import applicant_key, department_key
from libs.common.database import Connection, Database
from libs.common.ids import new_id
from libs.common.principal import Principal

# One statement records the call and asks `standing`, so that every replica agrees without a cache.
# $18, $19: kinds and ids of the subjects; $20: the token's iat; $21: whether the call is admitted in recourse;
# $22: partition keys whose facts must not be parked. A reason found earlier ($17) comes first.
INSERT_ACCESS_RECORD = """
WITH objection AS (
    SELECT CASE
        WHEN bool_or($20::timestamptz <= refuse_issued_before) THEN 'token-refused'
        WHEN bool_or(state <> 'active' AND NOT (subject_kind = 'applicant' AND $21)) THEN 'access-suspended'
    END AS reason
    FROM standing JOIN unnest($18::text[], $19::text[]) AS subject (kind, id)
      ON subject_kind = subject.kind AND subject_id = subject.id
), parked AS (
    SELECT 'facts-too-old' AS reason
    WHERE EXISTS (SELECT 1 FROM parked_events WHERE partitionkey = ANY ($22::text[]))
), verdict AS (
    SELECT coalesce($17::text, (SELECT reason FROM objection), (SELECT reason FROM parked)) AS reason
)
INSERT INTO access_records (
    id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id, client_id, role, acr,
    purpose, action, address, user_agent, outcome, reason)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       CASE WHEN reason IS NULL THEN $16 ELSE 'refused' END, reason
FROM verdict
RETURNING reason
"""

COLUMNS = """id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id, client_id, role,
    acr, purpose, action, address, user_agent, outcome, reason"""
SELECT_OF_APPLICANT = f"""
SELECT {COLUMNS} FROM access_records
WHERE applicant_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5
"""
SELECT_OF_USER_CODE = f"""
SELECT {COLUMNS} FROM access_records
WHERE user_code_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The call itself: `action` is the method and route template, never an address with values in it."""

    correlation_id: UUID
    at: datetime
    action: str
    address: str | None = None
    user_agent: str | None = None
    purpose: str | None = None
    first_actor: str | None = None


@dataclass(frozen=True, slots=True)
class AccessRecord:
    id: UUID
    at: datetime
    correlation_id: UUID
    applicant_id: UUID | None
    actor: str
    first_actor: str | None
    user_code_id: UUID | None
    session_id: UUID | None
    client_id: str | None
    role: str | None
    acr: str | None
    purpose: str | None
    action: str
    address: str | None
    user_agent: str | None
    outcome: str
    reason: str | None


async def record_call(  # noqa: PLR0913 - one row's facts, each by name
    database: Database | Connection,
    principal: Principal,
    *,
    circumstances: Circumstances,
    applicant_id: UUID | None,
    refusal: str | None = None,
    recourse_route: bool = False,
    needs_facts: bool = True,
) -> str | None:
    """Writes the record of a call and answers why it is refused, or None when it is admitted.

    Raises DatabaseUnavailable; then the call must not go on.
    """
    kinds, subjects = principal.subjects()
    about = applicant_id or principal.applicant_id
    row = await database.fetchrow(
        INSERT_ACCESS_RECORD,
        new_id(),
        circumstances.at,
        circumstances.correlation_id,
        about,
        principal.actor,
        circumstances.first_actor,
        principal.user_code_id,
        principal.session_id,
        principal.client_id,
        principal.role,
        principal.acr,
        circumstances.purpose,
        circumstances.action,
        circumstances.address,
        circumstances.user_agent,
        "admitted",
        refusal,
        kinds,
        subjects,
        principal.issued_at,
        recourse_route and principal.is_recourse,
        _keys_of_facts(principal, about) if needs_facts else [],
    )
    reason: str | None = row["reason"] if row else None
    return reason


def _keys_of_facts(principal: Principal, applicant_id: UUID | None) -> list[str]:
    """Partition keys of the events that a decision for this caller about this applicant rests on."""
    applicant = [] if applicant_id is None else [applicant_key(applicant_id)]
    return applicant if principal.department is None else [*applicant, department_key(principal.department)]


async def list_of_applicant(
    database: Database, applicant_id: UUID, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[AccessRecord]:
    rows = await database.fetch(SELECT_OF_APPLICANT, applicant_id, until, *after, limit)
    return [_record(row) for row in rows]


async def list_of_user_code(
    database: Database, user_code_id: UUID, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[AccessRecord]:
    rows = await database.fetch(SELECT_OF_USER_CODE, user_code_id, until, *after, limit)
    return [_record(row) for row in rows]


def _record(row: asyncpg.Record) -> AccessRecord:
    return AccessRecord(**dict(row.items()))
