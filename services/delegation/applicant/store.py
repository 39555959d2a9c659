from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from libs.common.contracts.registry import EnrolmentActivated
from libs.common.database import Connection
from services.delegation.applicant.rules import ApplicantState

INSERT_APPLICANT = """
INSERT INTO applicants (id, state, state_since) VALUES ($1, 'submitted', '-infinity') ON CONFLICT DO NOTHING
"""
SELECT_APPLICANT_FOR_UPDATE = "SELECT state FROM applicants WHERE id = $1 FOR UPDATE"
# A late event never undoes a newer one.
UPSERT_STATE = """
INSERT INTO applicants (id, state, state_since) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, state_since = excluded.state_since
WHERE applicants.state_since <= excluded.state_since
"""
UPSERT_ENROLMENT = """
INSERT INTO enrolments (applicant_id, online_service, department, enrolment_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (applicant_id, online_service) DO UPDATE
SET department = excluded.department, enrolment_id = excluded.enrolment_id
"""
SELECT_ENROLLED_SERVICES = "SELECT online_service FROM enrolments WHERE applicant_id = $1"
SELECT_ENROLLED_DEPARTMENTS = "SELECT DISTINCT department FROM enrolments WHERE applicant_id = $1"
UPSERT_NAMED_CODE = """
INSERT INTO user_codes (id, applicant_id, is_named, is_activated) VALUES ($1, $2, true, false)
ON CONFLICT (id) DO UPDATE SET is_named = true WHERE user_codes.applicant_id = excluded.applicant_id
"""
UPSERT_ACTIVATED_CODE = """
INSERT INTO user_codes (id, applicant_id, is_named, is_activated) VALUES ($1, $2, false, true)
ON CONFLICT (id) DO UPDATE SET is_activated = true WHERE user_codes.applicant_id = excluded.applicant_id
"""
UPDATE_UNNAMED_CODES = """
UPDATE user_codes SET is_named = false WHERE applicant_id = $1 AND id = ANY ($2::uuid[])
"""
SELECT_NAMED_CODES = "SELECT id FROM user_codes WHERE applicant_id = $1 AND is_named"
INSERT_SUBJECT = """
INSERT INTO department_subjects (department, pairwise_id, user_code_id, applicant_id) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""
DELETE_UNUSED_CODES = "DELETE FROM user_codes WHERE applicant_id = $1 AND NOT is_named AND NOT is_activated"
DELETE_SUBJECTS = "DELETE FROM department_subjects WHERE applicant_id = $1 AND user_code_id = ANY ($2::uuid[])"

Subject = tuple[str, str, UUID, UUID]


async def add(tx: Connection, applicant_id: UUID) -> None:
    await tx.execute(INSERT_APPLICANT, applicant_id)


async def find_state_for_update(tx: Connection, applicant_id: UUID) -> ApplicantState | None:
    state = await tx.fetchval(SELECT_APPLICANT_FOR_UPDATE, applicant_id)
    return None if state is None else ApplicantState(state)


async def save_state(tx: Connection, applicant_id: UUID, *, state: ApplicantState, since: datetime) -> None:
    await tx.execute(UPSERT_STATE, applicant_id, state.value, since)


async def save_enrolment(tx: Connection, event: EnrolmentActivated) -> None:
    await tx.execute(
        UPSERT_ENROLMENT, event.applicant_id, event.online_service, event.department, event.enrolment_id
    )


async def list_services(tx: Connection, applicant_id: UUID) -> frozenset[str]:
    rows = await tx.fetch(SELECT_ENROLLED_SERVICES, applicant_id)
    return frozenset(row["online_service"] for row in rows)


async def list_departments(tx: Connection, applicant_id: UUID) -> frozenset[str]:
    rows = await tx.fetch(SELECT_ENROLLED_DEPARTMENTS, applicant_id)
    return frozenset(row["department"] for row in rows)


async def save_named_code(tx: Connection, applicant_id: UUID, user_code_id: UUID) -> None:
    await tx.execute(UPSERT_NAMED_CODE, user_code_id, applicant_id)


async def save_activated_code(tx: Connection, applicant_id: UUID, user_code_id: UUID) -> None:
    await tx.execute(UPSERT_ACTIVATED_CODE, user_code_id, applicant_id)


async def list_named_codes(tx: Connection, applicant_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SELECT_NAMED_CODES, applicant_id)]


async def add_subjects(tx: Connection, subjects: Iterable[Subject]) -> None:
    await tx.executemany(INSERT_SUBJECT, list(subjects))


async def drop_codes(tx: Connection, applicant_id: UUID, user_code_ids: list[UUID]) -> None:
    await tx.execute(UPDATE_UNNAMED_CODES, applicant_id, user_code_ids)
    await tx.execute(DELETE_UNUSED_CODES, applicant_id)
    await tx.execute(DELETE_SUBJECTS, applicant_id, user_code_ids)
