from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from libs.common.contracts.delegation import AccessRight
from libs.common.database import Connection
from services.registry.notice.rules import Hearer, identifiers_for

# Departments with an active enrolment of the applicant.
SELECT_HEARERS = """
SELECT departments.code, departments.notice_identifiers, applicants.identifiers
FROM applicants CROSS JOIN departments
WHERE applicants.id = $1 AND EXISTS (
    SELECT 1 FROM enrolments JOIN online_services ON online_services.code = enrolments.online_service
    WHERE enrolments.applicant_id = applicants.id AND enrolments.state = 'active'
      AND online_services.department = departments.code)
ORDER BY departments.code
"""
# Of those, the ones on whose services the person holds a right on the civil date $3: a person in charge on all.
SELECT_HEARERS_OF_PERSON = """
SELECT departments.code, departments.notice_identifiers, applicants.identifiers
FROM known_persons JOIN applicants ON applicants.id = known_persons.applicant_id CROSS JOIN departments
WHERE applicants.id = $1 AND known_persons.user_code_id = $2
  AND EXISTS (
    SELECT 1 FROM enrolments JOIN online_services ON online_services.code = enrolments.online_service
    WHERE enrolments.applicant_id = applicants.id AND enrolments.state = 'active'
      AND online_services.department = departments.code
      AND (known_persons.is_person_in_charge OR EXISTS (
        SELECT 1 FROM known_access_rights AS held
        WHERE held.user_code_id = known_persons.user_code_id AND held.online_service = online_services.code
          AND (held.starts_on IS NULL OR held.starts_on <= $3) AND (held.ends_on IS NULL OR held.ends_on >= $3))))
ORDER BY departments.code
"""
INSERT_TOLD = """
INSERT INTO told_suspensions (department, user_code_id, told_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING department
"""
DELETE_TOLD = "DELETE FROM told_suspensions WHERE user_code_id = $1 RETURNING department"
UPSERT_PERSON = """
INSERT INTO known_persons (user_code_id, applicant_id, is_person_in_charge) VALUES ($1, $2, $3)
ON CONFLICT (user_code_id) DO UPDATE
SET is_person_in_charge = known_persons.is_person_in_charge OR excluded.is_person_in_charge
"""
DELETE_RIGHTS = "DELETE FROM known_access_rights WHERE user_code_id = $1"
INSERT_RIGHT = """
INSERT INTO known_access_rights (user_code_id, online_service, task, starts_on, ends_on)
VALUES ($1, $2, $3, $4, $5)
"""


async def list_hearers(tx: Connection, applicant_id: UUID) -> list[Hearer]:
    return _hearers(await tx.fetch(SELECT_HEARERS, applicant_id))


async def list_hearers_of_person(
    tx: Connection, applicant_id: UUID, *, user_code_id: UUID, on: date
) -> list[Hearer]:
    return _hearers(await tx.fetch(SELECT_HEARERS_OF_PERSON, applicant_id, user_code_id, on))


async def add_told(tx: Connection, department: str, *, user_code_id: UUID, at: datetime) -> bool:
    """Whether the department did not know it yet."""
    return await tx.fetchval(INSERT_TOLD, department, user_code_id, at) is not None


async def remove_told(tx: Connection, user_code_id: UUID) -> set[str]:
    """The departments that were told."""
    return {row["department"] for row in await tx.fetch(DELETE_TOLD, user_code_id)}


async def save_person(
    tx: Connection, user_code_id: UUID, *, applicant_id: UUID, is_person_in_charge: bool
) -> None:
    """Once in charge, always known so: the one event that says otherwise is not yet published."""
    await tx.execute(UPSERT_PERSON, user_code_id, applicant_id, is_person_in_charge)


async def replace_rights(tx: Connection, user_code_id: UUID, rights: Sequence[AccessRight]) -> None:
    await tx.execute(DELETE_RIGHTS, user_code_id)
    rows = [(user_code_id, right.online_service, right.task, right.starts_on, right.ends_on) for right in rights]
    await tx.executemany(INSERT_RIGHT, rows)


def _hearers(rows: Sequence[asyncpg.Record]) -> list[Hearer]:
    return [Hearer(row["code"], identifiers_for(row["notice_identifiers"], row["identifiers"])) for row in rows]
