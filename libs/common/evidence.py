"""What an admitted command did, appended in its own transaction (clauses 7, 19, 30)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection, Database, defer
from libs.common.ids import new_id

INSERT_EVIDENCE = """
INSERT INTO evidence_records (
    id, at, correlation_id, causation_id, applicant_id, command, actor, user_code_id, session_id, client_id,
    role, acr, amr, conditions, content, user_code_applicant_id, power_of_attorney_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
COLUMNS = """id, at, correlation_id, causation_id, applicant_id, command, actor, user_code_id, session_id,
    client_id, role, acr, amr, conditions, content, user_code_applicant_id, power_of_attorney_id"""
# No record is in both halves: the second column is filled where it differs from the first.
SELECT_OF_APPLICANT = f"""
SELECT {COLUMNS} FROM (
    (SELECT {COLUMNS} FROM evidence_records
    WHERE applicant_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5)
    UNION ALL
    (SELECT {COLUMNS} FROM evidence_records
    WHERE user_code_applicant_id = $1 AND at <= $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5)
) AS found ORDER BY at, id LIMIT $5
"""


async def record_evidence(
    tx: Connection, call: Call, command: str, *, applicant_id: UUID | None, content: dict[str, Any]
) -> None:
    """Appends one record: who, for whom, under which power, by which authentication, when, what.

    `content` holds no secret. A mandatary's is listed to whose code was used as to whom it was done for.
    """
    principal = call.principal
    defer(
        tx,
        INSERT_EVIDENCE,
        new_id(),
        call.at,
        call.correlation_id,
        call.causation_id,
        applicant_id,
        command,
        call.actor,
        principal.user_code_id if principal else None,
        principal.session_id if principal else None,
        principal.client_id if principal else None,
        principal.role if principal else None,
        principal.acr if principal else None,
        list(principal.amr) if principal else None,
        principal.conditions if principal else None,
        content,
        principal.code_applicant_beside(applicant_id) if principal else None,
        principal.power_of_attorney_id if principal else None,
    )


async def list_evidence(
    database: Database, applicant_id: UUID, *, until: datetime, after: tuple[datetime, UUID], limit: int
) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch(SELECT_OF_APPLICANT, applicant_id, until, *after, limit)]
