"""May this applicant, user code, session or agent act now. No row, no objection."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from libs.common.clock import next_second
from libs.common.database import Connection
from libs.common.sweeping import delete_some, deleting_some

RECOURSE_ONLY = "recourse-only"
LONGEST_TOKEN = timedelta(minutes=10)
SubjectKind = Literal["applicant", "user_code", "session", "agent"]

# A late event never moves the bound back.
UPSERT_STANDING = """
INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (subject_kind, subject_id, source) DO UPDATE
SET state = excluded.state,
    refuse_issued_before = greatest(standing.refuse_issued_before, excluded.refuse_issued_before)
"""
SELECT_STANDING = """
SELECT state, refuse_issued_before FROM standing WHERE subject_kind = $1 AND subject_id = $2
"""
SELECT_BARRED = """
SELECT EXISTS (SELECT 1 FROM standing WHERE subject_kind = $1 AND subject_id = $2 AND state <> 'active')
"""
DELETE_ENDED_SESSIONS = deleting_some("standing", "subject_kind = 'session' AND refuse_issued_before < $1")


async def set_standing(  # noqa: PLR0913 - the columns of one row
    tx: Connection, kind: SubjectKind, subject_id: UUID, *, source: str, state: str, changed_at: datetime
) -> None:
    """Refuses every token issued up to `changed_at` rounded up to the second, also when `state` is active again.

    `source` is the service that owns the fact: one owner's release never lifts another's objection.
    """
    await tx.execute(UPSERT_STANDING, kind, str(subject_id), source, state, next_second(changed_at))


async def is_barred(tx: Connection, kind: SubjectKind, subject_id: str) -> bool:
    """Whether anybody's objection stands against it now."""
    return bool(await tx.fetchval(SELECT_BARRED, kind, subject_id))


async def forget_ended_sessions(tx: Connection, *, now: datetime) -> int:
    """Removes objections to sessions whose last token has expired."""
    return await delete_some(tx, DELETE_ENDED_SESSIONS, now - LONGEST_TOKEN)
