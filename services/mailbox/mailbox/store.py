from datetime import datetime
from uuid import UUID

from libs.common.database import Connection

INSERT_MAILBOX = """
INSERT INTO mailboxes (user_code_id, applicant_id, language, created_at, role) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_code_id) DO NOTHING RETURNING user_code_id
"""
UPDATE_ROLE = "UPDATE mailboxes SET role = $3 WHERE user_code_id = $1 AND applicant_id = $2"


async def add(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, *, user_code_id: UUID, applicant_id: UUID, language: str, role: str | None, at: datetime
) -> bool:
    """False when the user code already has its box; a twin that is being added is waited for."""
    added = await tx.fetchval(INSERT_MAILBOX, user_code_id, applicant_id, language, at, role)
    return added is not None


async def save_role(tx: Connection, user_code_id: UUID, *, applicant_id: UUID, role: str) -> None:
    await tx.execute(UPDATE_ROLE, user_code_id, applicant_id, role)
