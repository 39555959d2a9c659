from uuid import UUID

from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from services.registry.enrolment.rules import Enrolment

# The same lock as every command that changes the state: a suspension sees the enrolment, or the other way round.
LOCK_APPLICANT = "SELECT id FROM applicants WHERE id = $1 FOR UPDATE"
SELECT_IS_ACTIVE = """
SELECT NOT EXISTS (
    SELECT 1 FROM standing
    WHERE subject_kind = 'applicant' AND subject_id = $1 AND source = 'registry' AND state <> 'active')
"""
SELECT_IS_ENROLLED = "SELECT EXISTS (SELECT 1 FROM enrolments WHERE applicant_id = $1 AND online_service = $2)"
INSERT_ENROLMENT = """
INSERT INTO enrolments (id, applicant_id, online_service, state, activated_at) VALUES ($1, $2, $3, 'active', $4)
"""
SELECT_ENROLMENTS = """
SELECT enrolments.id, applicant_id, department, online_service, activated_at
FROM enrolments JOIN online_services ON online_services.code = online_service
WHERE applicant_id = $1 ORDER BY activated_at, enrolments.id
"""
SELECT_APPLICANT_EXISTS = "SELECT EXISTS (SELECT 1 FROM applicants WHERE id = $1) AS found"


async def lock_applicant(tx: Connection, applicant_id: UUID) -> bool:
    """Whether its registration is active. Raises UnknownOrForeign."""
    if await tx.fetchval(LOCK_APPLICANT, applicant_id) is None:
        raise UnknownOrForeign
    is_active: bool = await tx.fetchval(SELECT_IS_ACTIVE, str(applicant_id))
    return is_active


async def is_enrolled(tx: Connection, applicant_id: UUID, *, online_service: str) -> bool:
    found: bool = await tx.fetchval(SELECT_IS_ENROLLED, applicant_id, online_service)
    return found


async def add(tx: Connection, enrolment: Enrolment) -> None:
    await tx.execute(
        INSERT_ENROLMENT, enrolment.id, enrolment.applicant_id, enrolment.online_service, enrolment.activated_at
    )


async def list_of_applicant(database: Database, applicant_id: UUID) -> list[Enrolment]:
    """Raises UnknownOrForeign."""
    exists = await database.fetchrow(SELECT_APPLICANT_EXISTS, applicant_id)
    if exists is None or not exists["found"]:
        raise UnknownOrForeign
    return [Enrolment(**dict(row.items())) for row in await database.fetch(SELECT_ENROLMENTS, applicant_id)]
