from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.contracts.registry import ClearedPerson, PersonInChargeDesignated
from libs.common.database import Connection, Database, update_one
from libs.common.holds import Hold, Side
from services.delegation.person_in_charge.rules import PersonInCharge

SELECT_PERSONS = """
SELECT id, applicant_id, user_code_id, given_name, family_name, language, email, designated_at, activated_at
FROM persons_in_charge WHERE applicant_id = $1 ORDER BY designated_at, id
"""
SELECT_PERSONS_FOR_UPDATE = SELECT_PERSONS + "FOR UPDATE"
SELECT_HOLDS = """
SELECT person_id, id, side, reason_code, grounds, placed_by, placed_at, released_by, released_at
FROM person_holds WHERE person_id = ANY ($1::uuid[]) ORDER BY placed_at, id
"""
INSERT_PERSON = """
INSERT INTO persons_in_charge (
    id, applicant_id, user_code_id, given_name, family_name, language, email, designated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
UPDATE_ACTIVATED = """
UPDATE persons_in_charge SET activated_at = cleared.cleared_at FROM clearances AS cleared
WHERE persons_in_charge.id = $1 AND activated_at IS NULL AND cleared.person_id = persons_in_charge.id
  AND cleared.applicant_id = persons_in_charge.applicant_id
  AND cleared.user_code_id = persons_in_charge.user_code_id
RETURNING persons_in_charge.id
"""
INSERT_CLEARANCE = """
INSERT INTO clearances (person_id, applicant_id, user_code_id, cleared_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
DELETE_PENDING_PERSONS = """
DELETE FROM persons_in_charge WHERE applicant_id = $1 AND activated_at IS NULL RETURNING user_code_id
"""
DELETE_CLEARANCES = """
DELETE FROM clearances WHERE applicant_id = $1
  AND NOT EXISTS (SELECT 1 FROM persons_in_charge WHERE id = person_id AND activated_at IS NOT NULL)
"""
INSERT_HOLD = """
INSERT INTO person_holds (id, person_id, side, reason_code, grounds, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
UPDATE_RELEASED = """
UPDATE person_holds SET released_by = $2, released_at = $3 WHERE id = $1 AND released_at IS NULL
"""


async def list_of_applicant(database: Database, applicant_id: UUID) -> list[PersonInCharge]:
    async with database.connection() as connection:
        return await _with_holds(connection, await connection.fetch(SELECT_PERSONS, applicant_id))


async def list_for_update(tx: Connection, applicant_id: UUID) -> list[PersonInCharge]:
    return await _with_holds(tx, await tx.fetch(SELECT_PERSONS_FOR_UPDATE, applicant_id))


async def _with_holds(tx: Connection, rows: Sequence[asyncpg.Record]) -> list[PersonInCharge]:
    holds: dict[UUID, list[Hold]] = defaultdict(list)
    for row in await tx.fetch(SELECT_HOLDS, [row["id"] for row in rows]):
        found = dict(row.items())
        person_id, side = found.pop("person_id"), Side(found.pop("side"))
        holds[person_id].append(Hold(**found, side=side))
    return [PersonInCharge(**dict(row.items()), holds=tuple(holds[row["id"]])) for row in rows]


async def add(tx: Connection, event: PersonInChargeDesignated, *, at: datetime) -> None:
    await tx.execute(
        INSERT_PERSON,
        event.person_id,
        event.applicant_id,
        event.user_code_id,
        event.given_name,
        event.family_name,
        event.language,
        event.email,
        at,
    )


async def add_clearance(tx: Connection, applicant_id: UUID, cleared: ClearedPerson, *, at: datetime) -> None:
    await tx.execute(INSERT_CLEARANCE, cleared.person_id, applicant_id, cleared.user_code_id, at)


async def activate_if_cleared(tx: Connection, person_id: UUID) -> bool:
    """True when this made the person active: known here, cleared with the same code, and not active before."""
    return await tx.fetchrow(UPDATE_ACTIVATED, person_id) is not None


async def drop_pending(tx: Connection, applicant_id: UUID) -> list[UUID]:
    """Removes persons never activated, and clearances without an active person; answers the persons' codes."""
    rows = await tx.fetch(DELETE_PENDING_PERSONS, applicant_id)
    await tx.execute(DELETE_CLEARANCES, applicant_id)
    return [row["user_code_id"] for row in rows]


async def add_hold(tx: Connection, person_id: UUID, hold: Hold) -> None:
    await tx.execute(
        INSERT_HOLD,
        hold.id,
        person_id,
        hold.side.value,
        hold.reason_code,
        hold.grounds,
        hold.placed_by,
        hold.placed_at,
    )


async def save_released(tx: Connection, hold: Hold) -> None:
    await update_one(tx, UPDATE_RELEASED, hold.id, hold.released_by, hold.released_at)
