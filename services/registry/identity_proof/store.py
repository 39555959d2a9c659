from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.database import Connection
from libs.common.ids import new_id

SELECT_FAILURES = """
SELECT count(*) FILTER (WHERE registration_id = $1) AS of_file,
       count(*) FILTER (WHERE identification_number = $2) AS of_applicant
FROM identity_proof_attempts
WHERE (registration_id = $1 OR identification_number = $2) AND at > $3 AND NOT matched
"""
INSERT_ATTEMPT = """
INSERT INTO identity_proof_attempts (id, registration_id, identification_number, at, matched)
VALUES ($1, $2, $3, $4, $5)
"""


@dataclass(frozen=True, slots=True)
class Failures:
    of_file: int
    of_applicant: int


async def count_failures(
    tx: Connection, registration_id: UUID, *, identification_number: str, since: datetime
) -> Failures:
    row = await tx.fetchrow(SELECT_FAILURES, registration_id, identification_number, since)
    return Failures(0, 0) if row is None else Failures(row["of_file"], row["of_applicant"])


async def add_attempt(
    tx: Connection, registration_id: UUID, *, identification_number: str, at: datetime, is_match: bool
) -> None:
    await tx.execute(INSERT_ATTEMPT, new_id(), registration_id, identification_number, at, is_match)
