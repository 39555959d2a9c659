from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.common.database import Database
from services.delegation.access.rules import Facts, RightDates, Role
from services.delegation.applicant.rules import ApplicantState

# $1 department, $2 pairwise id, $3 online service, $4 task, $5 applicant. One statement, so one moment.
SELECT_FACTS = """
SELECT
    EXISTS (SELECT 1 FROM online_services WHERE code = $3 AND department = $1) AS is_own_service,
    EXISTS (SELECT 1 FROM enrolments WHERE applicant_id = $5 AND department = $1) AS is_enrolled_with_department,
    EXISTS (SELECT 1 FROM enrolments WHERE applicant_id = $5 AND department = $1 AND online_service = $3)
        AS is_enrolled_with_service,
    (SELECT state FROM applicants WHERE id = $5) AS applicant_state,
    CASE WHEN person.id IS NOT NULL THEN 'person_in_charge' WHEN users.id IS NOT NULL THEN 'user' END AS role,
    EXISTS (SELECT 1 FROM person_holds WHERE person_id = person.id AND released_at IS NULL) OR EXISTS (
        SELECT 1 FROM standing
        WHERE subject_kind = 'user_code' AND subject_id = code.id::text AND source = 'auth' AND state <> 'active')
        AS is_held,
    access_rights.user_id IS NOT NULL AS has_right, starts_on, ends_on
FROM (SELECT 1) AS question
LEFT JOIN department_subjects AS subject
    ON subject.department = $1 AND subject.pairwise_id = $2 AND subject.applicant_id = $5
LEFT JOIN user_codes AS code ON code.id = subject.user_code_id AND code.is_activated AND code.applicant_id = $5
LEFT JOIN persons_in_charge AS person
    ON person.user_code_id = code.id AND person.applicant_id = $5 AND person.activated_at IS NOT NULL
LEFT JOIN users ON users.user_code_id = code.id AND users.applicant_id = $5
LEFT JOIN access_rights
    ON access_rights.user_id = users.id AND access_rights.online_service = $3 AND access_rights.task = $4
"""


@dataclass(frozen=True, slots=True)
class Question:
    department: str
    subject: str
    online_service: str
    task: str
    applicant_id: UUID


async def get_facts(database: Database, question: Question) -> Facts:
    row = await database.fetchrow(
        SELECT_FACTS,
        question.department,
        question.subject,
        question.online_service,
        question.task,
        question.applicant_id,
    )
    if row is None:
        raise LookupError("a question always has one row of facts")
    return _facts(row)


def _facts(row: asyncpg.Record) -> Facts:
    state, role = row["applicant_state"], row["role"]
    return Facts(
        is_own_service=row["is_own_service"],
        is_enrolled_with_department=row["is_enrolled_with_department"],
        is_enrolled_with_service=row["is_enrolled_with_service"],
        applicant_state=None if state is None else ApplicantState(state),
        role=None if role is None else Role(role),
        is_held=row["is_held"],
        right=RightDates(row["starts_on"], row["ends_on"]) if row["has_right"] else None,
    )
