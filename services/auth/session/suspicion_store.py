from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from libs.common.database import Connection, defer
from libs.common.sweeping import delete_some, deleting_some
from services.auth.session.suspicion import Kind, Mark

# One round trip, each part by its index and bounded: a code that ten thousand guessed at costs no more.
SELECT_MARKS_AND_FAILURES = """
SELECT kind, mark, last_at, NULL AS address FROM (
    SELECT kind, mark, last_at FROM sign_in_marks WHERE user_code_id = $1 AND last_at >= $2
    ORDER BY last_at DESC LIMIT 500) AS marks
UNION ALL
SELECT NULL, NULL, NULL, address FROM (
    SELECT DISTINCT address FROM (
        SELECT address, reason FROM access_records WHERE user_code_id = $1 AND at >= $3 AND at <= $4
        ORDER BY at DESC, id DESC LIMIT 1000) AS latest
    WHERE reason IN ('wrong-password', 'too-many-attempts')) AS failures
"""
UPSERT_MARKS = """
INSERT INTO sign_in_marks (user_code_id, kind, mark, last_at)
SELECT $1, kind, mark, $4 FROM unnest($2::text[], $3::bytea[]) AS new (kind, mark)
ON CONFLICT (user_code_id, kind, mark) DO UPDATE SET last_at = greatest(sign_in_marks.last_at, excluded.last_at)
"""
DELETE_MARKS_OF = "DELETE FROM sign_in_marks WHERE user_code_id = $1"
DELETE_OLD_MARKS = deleting_some("sign_in_marks", "last_at < $1")


async def list_marks_and_failures(
    tx: Connection, user_code_id: UUID, *, at: datetime, marks_since: datetime, failures_since: datetime
) -> tuple[Sequence[Mark], set[str | None]]:
    """The code's marks, and the addresses from which sign-ins by it failed."""
    rows = await tx.fetch(SELECT_MARKS_AND_FAILURES, user_code_id, marks_since, failures_since, at)
    marks = [Mark(Kind(row["kind"]), row["mark"], row["last_at"]) for row in rows if row["kind"] is not None]
    return marks, {row["address"] for row in rows if row["kind"] is None}


def add_marks(tx: Connection, user_code_id: UUID, marks: Collection[tuple[Kind, bytes]], *, at: datetime) -> None:
    kinds = [kind.value for kind, _ in marks]
    defer(tx, UPSERT_MARKS, user_code_id, kinds, [mark for _, mark in marks], at)


async def forget_marks_of(tx: Connection, user_code_id: UUID) -> None:
    await tx.execute(DELETE_MARKS_OF, user_code_id)


async def forget_old_marks(tx: Connection, *, before: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_MARKS, before)
