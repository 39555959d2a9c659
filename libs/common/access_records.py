"""Who called, for whom, when, with what outcome: kept before the answer is given (clauses 19 and 30)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.contracts.envelope import agent_key, applicant_key, department_key
from libs.common.database import Connection, Database
from libs.common.ids import new_id
from libs.common.principal import Principal

# One statement records calls and asks `standing`, so that every replica agrees without a cache. It takes as many
# calls as came together: one array per column, the subjects ($21-$23) and the partition keys whose facts must
# not be parked ($24, $25) beside the id of the record they belong to. A reason found earlier ($16) comes first.
# OFFSET 0 keeps each subject a look-up by key, whatever the planner thinks of the table's size.
INSERT_ACCESS_RECORDS = """
WITH call AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
        $17::timestamptz[], $18::boolean[], $19::uuid[], $20::uuid[])
    AS call (
        id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id,
        client_id, role, acr, purpose, action, address, user_agent, refusal,
        issued_at, in_recourse, user_code_applicant_id, about_agent_id)
), objection AS (
    SELECT call.id, CASE
        WHEN bool_or(call.issued_at <= found.refuse_issued_before) THEN 'token-refused'
        WHEN bool_or(found.state <> 'active' AND NOT (
            call.in_recourse AND (subject.kind = 'applicant' OR found.state = 'recourse-only')))
            THEN 'access-suspended'
    END AS reason
    FROM unnest($21::uuid[], $22::text[], $23::text[]) AS subject (record_id, kind, id)
    JOIN call ON call.id = subject.record_id
    CROSS JOIN LATERAL (
        SELECT state, refuse_issued_before FROM standing
        WHERE subject_kind = subject.kind AND subject_id = subject.id OFFSET 0) AS found
    GROUP BY call.id
), parked AS (
    SELECT fact.record_id AS id FROM unnest($24::uuid[], $25::text[]) AS fact (record_id, partitionkey)
    WHERE EXISTS (SELECT 1 FROM parked_events WHERE parked_events.partitionkey = fact.partitionkey)
)
INSERT INTO access_records (
    id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id, client_id, role, acr,
    purpose, action, address, user_agent, outcome, reason, user_code_applicant_id, about_agent_id)
SELECT id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id, client_id, role, acr,
       purpose, action, address, user_agent, CASE WHEN reason IS NULL THEN 'admitted' ELSE 'refused' END, reason,
       user_code_applicant_id, about_agent_id
FROM (
    SELECT call.*, coalesce(
        call.refusal, objection.reason,
        CASE WHEN call.id IN (SELECT parked.id FROM parked) THEN 'facts-too-old' END) AS reason
    FROM call LEFT JOIN objection USING (id)) AS judged
RETURNING id, reason
"""

COLUMNS = """id, at, correlation_id, applicant_id, actor, first_actor, user_code_id, session_id, client_id, role,
    acr, purpose, action, address, user_agent, outcome, reason, user_code_applicant_id, about_agent_id"""
# No record is in both halves: the second column is filled where it differs from the first.
SELECT_OF_APPLICANT = f"""
SELECT {COLUMNS} FROM (
    (SELECT {COLUMNS} FROM access_records
    WHERE applicant_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5)
    UNION ALL
    (SELECT {COLUMNS} FROM access_records
    WHERE user_code_applicant_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5)
) AS found ORDER BY at, id LIMIT $5
"""
SELECT_OF_USER_CODE = f"""
SELECT {COLUMNS} FROM access_records
WHERE user_code_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5
"""
SELECT_OF_CLIENT = f"""
SELECT {COLUMNS} FROM access_records
WHERE client_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5
"""
# The LIKE is what lets the index of agents' calls alone be used. What an agent did is about nobody else.
SELECT_OF_AGENT = f"""
SELECT {COLUMNS} FROM (
    (SELECT {COLUMNS} FROM access_records
    WHERE actor = 'agent:' || $1::uuid AND actor LIKE 'agent:%' AND at <= $2 AND (at, id) > ($3, $4)
    ORDER BY at, id LIMIT $5)
    UNION ALL
    (SELECT {COLUMNS} FROM access_records
    WHERE about_agent_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5)
) AS found ORDER BY at, id LIMIT $5
"""
SELECT_OF_WINDOW = f"""
SELECT {COLUMNS} FROM access_records WHERE at <= $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4
"""
SELECT_APPLICANT_OF_CODE = """
SELECT coalesce(user_code_applicant_id, applicant_id) AS applicant_id FROM access_records
WHERE user_code_id = $1
    AND (user_code_applicant_id IS NOT NULL OR applicant_id IS NOT NULL AND role IS DISTINCT FROM 'mandatary')
ORDER BY at DESC LIMIT 1
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
    """`user_code_applicant_id`: whose code was used, where that is not the applicant that the call was about.

    `about_agent_id`: the agent whose account or token somebody else's call was about.
    """

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
    user_code_applicant_id: UUID | None
    about_agent_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Recorded:
    """One call to be recorded: its row's values, its subjects, its partition keys."""

    id: UUID
    values: tuple[object, ...]
    subjects: tuple[list[str], list[str]]
    keys: list[str]


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

    On a Database, calls that come together are recorded together; on a connection the record is part of its
    transaction. Raises DatabaseUnavailable; then the call must not go on.
    """
    about = applicant_id or principal.applicant_id
    record_id = new_id()
    call = _Recorded(
        record_id,
        (
            record_id,
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
            refusal,
            principal.issued_at,
            recourse_route and principal.is_recourse,
            principal.code_applicant_beside(about),
            None if principal.is_acting_agent else principal.agent_id,
        ),
        principal.subjects(),
        _keys_of_facts(principal, about) if needs_facts else [],
    )
    if isinstance(database, Database):
        reason: str | None = await database.in_batches(_write, call)
        return reason
    return (await _write(database, [call]))[0]


async def _write(connection: Connection, calls: Sequence[_Recorded]) -> list[str | None]:
    columns = [list(column) for column in zip(*(call.values for call in calls), strict=True)]
    about = [call.id for call in calls for _ in call.subjects[0]]
    kinds = [kind for call in calls for kind in call.subjects[0]]
    subjects = [subject for call in calls for subject in call.subjects[1]]
    keyed = [call.id for call in calls for _ in call.keys]
    keys = [key for call in calls for key in call.keys]
    rows = await connection.fetch(INSERT_ACCESS_RECORDS, *columns, about, kinds, subjects, keyed, keys)
    if len(rows) == 1:
        return [rows[0]["reason"]]
    reasons = {row["id"]: row["reason"] for row in rows}
    return [reasons[call.id] for call in calls]


def _keys_of_facts(principal: Principal, applicant_id: UUID | None) -> list[str]:
    """Partition keys of the events that a decision for this caller about this applicant rests on."""
    applicants = (applicant_id, principal.mandatary_applicant_id)
    keys = [applicant_key(one) for one in applicants if one is not None]
    if principal.department is not None:
        keys.append(department_key(principal.department))
    if principal.agent_id is not None:
        keys.append(agent_key(principal.agent_id))
    return keys


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


async def list_of_client(
    database: Database, client_id: str, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[AccessRecord]:
    rows = await database.fetch(SELECT_OF_CLIENT, client_id, until, *after, limit)
    return [_record(row) for row in rows]


async def list_of_agent(
    database: Database, agent_id: UUID, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[AccessRecord]:
    rows = await database.fetch(SELECT_OF_AGENT, agent_id, until, *after, limit)
    return [_record(row) for row in rows]


async def list_of_window(
    database: Database, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[AccessRecord]:
    rows = await database.fetch(SELECT_OF_WINDOW, until, *after, limit)
    return [_record(row) for row in rows]


async def find_applicant_of_code(database: Database, user_code_id: UUID) -> UUID | None:
    """Of a code that ever called this service."""
    row = await database.fetchrow(SELECT_APPLICANT_OF_CODE, user_code_id)
    return None if row is None else row["applicant_id"]


def _record(row: asyncpg.Record) -> AccessRecord:
    return AccessRecord(**dict(row.items()))
