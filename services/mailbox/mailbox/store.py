from datetime import datetime
from uuid import UUID

from libs.common.database import Connection

INSERT_MAILBOX = """
INSERT INTO mailboxes (user_code_id, applicant_id, language, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_code_id) DO NOTHING RETURNING user_code_id
"""


async def add(tx: Connection, *, user_code_id: UUID, applicant_id: UUID, language: str, at: datetime) -> bool:
    """False when the user code already has its box; a twin that is being added is waited for."""
    added = await tx.fetchval(INSERT_MAILBOX, user_code_id, applicant_id, language, at)
    return added is not None
