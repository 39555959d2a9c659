from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.holds import Side
from services.auth.incident.rules import Channel, Incident, Kind, Outcome

COLUMNS = """id, applicant_id, user_code_id, kind, channel, description, reported_by, reported_at,
    reported_to_person_in_charge_at, reported_to_provider_at, passes_on_at, resolved_at, resolved_by, outcome"""
SELECT_INCIDENT = f"SELECT {COLUMNS} FROM incidents WHERE id = $1 AND applicant_id = $2"
SELECT_INCIDENT_FOR_UPDATE = f"{SELECT_INCIDENT} FOR UPDATE"
SELECT_OF_APPLICANT = f"""
SELECT {COLUMNS} FROM incidents
WHERE applicant_id = $1 AND ($2::uuid IS NULL OR user_code_id = $2) AND ($3::uuid IS NULL OR id < $3)
ORDER BY id DESC LIMIT $4
"""
SELECT_SILENT_FOR_UPDATE = f"""
SELECT {COLUMNS} FROM incidents WHERE passes_on_at <= $1 ORDER BY passes_on_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""
INSERT_INCIDENT = f"""
INSERT INTO incidents ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
UPDATE_PASSED_ON = """
UPDATE incidents SET reported_to_provider_at = $2, passes_on_at = NULL
WHERE id = $1 AND reported_to_provider_at IS NULL AND resolved_at IS NULL
"""
UPDATE_RESOLVED = """
UPDATE incidents SET resolved_at = $2, resolved_by = $3, outcome = $4, passes_on_at = NULL
WHERE id = $1 AND resolved_at IS NULL
"""
INSERT_HOLD_OF = "INSERT INTO incident_holds (incident_id, hold_id, side) VALUES ($1, $2, $3)"
SELECT_HOLD_OF = "SELECT hold_id FROM incident_holds WHERE incident_id = $1 AND side = $2"
INSERT_STEP = "INSERT INTO incident_steps (incident_id, at, step, actor, note) VALUES ($1, $2, $3, $4, $5)"
SELECT_STEPS = "SELECT at, step, actor, note FROM incident_steps WHERE incident_id = $1 ORDER BY at, step"


@dataclass(frozen=True, slots=True)
class Step:
    at: datetime
    step: str
    actor: str
    note: str | None


async def find(database: Database, incident_id: UUID, *, applicant_id: UUID) -> Incident | None:
    row = await database.fetchrow(SELECT_INCIDENT, incident_id, applicant_id)
    return None if row is None else _incident(row)


async def find_for_update(tx: Connection, incident_id: UUID, *, applicant_id: UUID) -> Incident | None:
    row = await tx.fetchrow(SELECT_INCIDENT_FOR_UPDATE, incident_id, applicant_id)
    return None if row is None else _incident(row)


async def list_of_applicant(
    database: Database, applicant_id: UUID, *, user_code_id: UUID | None, before: UUID | None, limit: int
) -> list[Incident]:
    """Newest first; `user_code_id` limits them to one code."""
    rows = await database.fetch(SELECT_OF_APPLICANT, applicant_id, user_code_id, before, limit)
    return [_incident(row) for row in rows]


async def list_silent_for_update(tx: Connection, *, at: datetime) -> list[Incident]:
    return [_incident(row) for row in await tx.fetch(SELECT_SILENT_FOR_UPDATE, at)]


async def add(tx: Connection, incident: Incident) -> None:
    await tx.execute(
        INSERT_INCIDENT,
        incident.id,
        incident.applicant_id,
        incident.user_code_id,
        incident.kind.value,
        incident.channel.value,
        incident.description,
        incident.reported_by,
        incident.reported_at,
        incident.reported_to_person_in_charge_at,
        incident.reported_to_provider_at,
        incident.passes_on_at,
        incident.resolved_at,
        incident.resolved_by,
        incident.outcome,
    )


async def save_passed_on(tx: Connection, incident: Incident) -> None:
    await update_one(tx, UPDATE_PASSED_ON, incident.id, incident.reported_to_provider_at)


async def save_resolved(tx: Connection, incident: Incident) -> None:
    await update_one(
        tx, UPDATE_RESOLVED, incident.id, incident.resolved_at, incident.resolved_by, incident.outcome
    )


async def add_hold(tx: Connection, incident_id: UUID, *, hold_id: UUID, side: Side) -> None:
    await tx.execute(INSERT_HOLD_OF, incident_id, hold_id, side.value)


async def find_hold(tx: Connection, incident_id: UUID, *, side: Side) -> UUID | None:
    found: UUID | None = await tx.fetchval(SELECT_HOLD_OF, incident_id, side.value)
    return found


async def add_step(tx: Connection, incident_id: UUID, step: Step) -> None:
    await tx.execute(INSERT_STEP, incident_id, step.at, step.step, step.actor, step.note)


async def list_steps(database: Database, incident_id: UUID) -> Sequence[Step]:
    return [Step(**dict(row.items())) for row in await database.fetch(SELECT_STEPS, incident_id)]


def _incident(row: asyncpg.Record) -> Incident:
    found = dict(row.items())
    outcome = found.pop("outcome")
    return Incident(
        **{**found, "kind": Kind(found["kind"]), "channel": Channel(found["channel"])},
        outcome=None if outcome is None else Outcome(outcome),
    )
