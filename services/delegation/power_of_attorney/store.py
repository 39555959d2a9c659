from uuid import UUID

import asyncpg

from libs.common.database import Database
from services.delegation.applicant.rules import ApplicantState
from services.delegation.power_of_attorney.rules import Candidate, PowerOfAttorney

# A power given to an applicant serves its persons in charge, who have access to everything (clause 11). A held
# person uses none, and a power of one's own applicant leads nowhere else.
SELECT_CANDIDATES = """
SELECT power.id, granting_applicant_id, granting_name, granting_number, starts_on, ends_on, accepted_at,
       revoked_at, granting.state AS granting_state, own.state AS own_state
FROM user_codes AS code
JOIN powers_of_attorney AS power
    ON power.revoked_at IS NULL AND power.granting_applicant_id <> code.applicant_id
   AND (power.representing_user_code_id = code.id OR power.representing_applicant_id = code.applicant_id)
LEFT JOIN persons_in_charge AS person
    ON person.user_code_id = code.id AND person.applicant_id = code.applicant_id
   AND person.activated_at IS NOT NULL
LEFT JOIN applicants AS granting ON granting.id = power.granting_applicant_id
LEFT JOIN applicants AS own ON own.id = code.applicant_id
WHERE code.id = $1 AND code.is_activated
  AND (power.representing_user_code_id IS NOT NULL OR person.id IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM person_holds WHERE person_id = person.id AND released_at IS NULL)
ORDER BY granting_name, power.id LIMIT $2
"""


async def list_candidates(database: Database, user_code_id: UUID, *, limit: int) -> list[Candidate]:
    """Powers that the person behind this code might use."""
    return [_candidate(row) for row in await database.fetch(SELECT_CANDIDATES, user_code_id, limit)]


def _candidate(row: asyncpg.Record) -> Candidate:
    power = PowerOfAttorney(
        id=row["id"],
        granting_applicant_id=row["granting_applicant_id"],
        granting_name=row["granting_name"],
        granting_number=row["granting_number"],
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        accepted_at=row["accepted_at"],
        revoked_at=row["revoked_at"],
    )
    return Candidate(power, _state(row["granting_state"]), _state(row["own_state"]))


def _state(told: str | None) -> ApplicantState | None:
    return None if told is None else ApplicantState(told)
