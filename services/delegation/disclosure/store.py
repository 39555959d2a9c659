from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from libs.common.database import Connection, Database

INSERT_AUTHORIZATION = """
INSERT INTO disclosure_authorizations (user_id, recipient, authorized_by, authorized_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING user_id
"""
DELETE_AUTHORIZATION = """
DELETE FROM disclosure_authorizations WHERE user_id = $1 AND recipient = $2 RETURNING user_id
"""
SELECT_IS_KNOWN = """
SELECT EXISTS (SELECT 1 FROM enrolments WHERE applicant_id = $1 AND department = $2)
   AND EXISTS (SELECT 1 FROM online_services WHERE code = $3 AND department = $2) AS is_known
"""
# Persons in charge have access to everything (clause 11), unless held.
UNHELD_PERSONS = """
SELECT user_code_id, language FROM persons_in_charge AS person
WHERE applicant_id = $1 AND activated_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM person_holds WHERE person_id = person.id AND released_at IS NULL)
"""
SELECT_CONFIDENTIAL_ADDRESSEES = f"""
{UNHELD_PERSONS} UNION ALL
SELECT user_code_id, language FROM users JOIN disclosure_authorizations ON user_id = users.id
WHERE applicant_id = $1 AND recipient = $2
ORDER BY user_code_id
"""
SELECT_ADDRESSEES = f"""
{UNHELD_PERSONS} UNION ALL
SELECT user_code_id, language FROM users
WHERE applicant_id = $1 AND EXISTS (
    SELECT 1 FROM access_rights WHERE user_id = users.id AND online_service = $2
       AND coalesce(starts_on <= $3, true) AND coalesce(ends_on >= $3, true))
ORDER BY user_code_id
"""
SELECT_IS_DISCLOSED = """
SELECT EXISTS (SELECT 1 FROM persons_in_charge
               WHERE applicant_id = $1 AND user_code_id = $2 AND activated_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM users JOIN disclosure_authorizations ON user_id = users.id
               WHERE applicant_id = $1 AND user_code_id = $2 AND recipient = $3) AS is_disclosed
"""


@dataclass(frozen=True, slots=True)
class Addressee:
    user_code_id: UUID
    language: str


async def add(tx: Connection, user_id: UUID, recipient: str, *, by: str, at: datetime) -> bool:
    """False when it was authorized already."""
    return await tx.fetchval(INSERT_AUTHORIZATION, user_id, recipient, by, at) is not None


async def remove(tx: Connection, user_id: UUID, recipient: str) -> bool:
    """False when nothing was authorized."""
    return await tx.fetchval(DELETE_AUTHORIZATION, user_id, recipient) is not None


async def is_known(database: Database, applicant_id: UUID, *, department: str, online_service: str) -> bool:
    """Whether the applicant is enrolled with the department and the service is the department's."""
    row = await database.fetchrow(SELECT_IS_KNOWN, applicant_id, department, online_service)
    return bool(row and row["is_known"])


async def list_confidential_addressees(
    database: Database, applicant_id: UUID, *, department: str
) -> list[Addressee]:
    rows = await database.fetch(SELECT_CONFIDENTIAL_ADDRESSEES, applicant_id, department)
    return [Addressee(**dict(row.items())) for row in rows]


async def list_addressees(
    database: Database, applicant_id: UUID, *, online_service: str, on: date
) -> list[Addressee]:
    rows = await database.fetch(SELECT_ADDRESSEES, applicant_id, online_service, on)
    return [Addressee(**dict(row.items())) for row in rows]


async def is_disclosed(database: Database, applicant_id: UUID, *, user_code_id: UUID, recipient: str) -> bool:
    row = await database.fetchrow(SELECT_IS_DISCLOSED, applicant_id, user_code_id, recipient)
    return bool(row and row["is_disclosed"])
