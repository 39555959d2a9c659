from datetime import datetime
from uuid import UUID

from libs.common.database import Connection
from services.auth.user_code.disuse_rules import Watched

SELECT_DUE = """
SELECT id FROM user_codes WHERE state = 'active' AND disuse_due_at <= $1
ORDER BY disuse_due_at LIMIT 200 FOR UPDATE SKIP LOCKED
"""
SELECT_WATCHED = """
SELECT greatest(
        c.activated_at,
        (SELECT max(s.authenticated_at) FROM sessions s
            WHERE s.user_code_id = c.id AND s.stage = 'complete' AND NOT s.is_recourse),
        (SELECT max(h.released_at) FROM user_code_holds h WHERE h.user_code_id = c.id),
        r.changed_at) AS used_at,
    c.disuse_warnings AS warnings,
    r.state IS DISTINCT FROM 'active' OR coalesce(p.is_held, false)
        OR EXISTS (SELECT 1 FROM user_code_holds h WHERE h.user_code_id = c.id AND h.released_at IS NULL)
        AS is_barred
FROM user_codes c
LEFT JOIN registrations r ON r.applicant_id = c.applicant_id
LEFT JOIN persons p ON p.user_code_id = c.id
WHERE c.id = $1 AND c.state = 'active'
"""
UPDATE_WATCHED = "UPDATE user_codes SET disuse_due_at = $2, disuse_warnings = $3 WHERE id = $1"


async def list_due(tx: Connection, *, at: datetime) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SELECT_DUE, at)]


async def find_watched(tx: Connection, user_code_id: UUID) -> Watched | None:
    row = await tx.fetchrow(SELECT_WATCHED, user_code_id)
    return None if row is None else Watched(row["used_at"], row["warnings"], row["is_barred"])


async def save_watched(tx: Connection, user_code_id: UUID, *, due_at: datetime, warnings: int) -> None:
    await tx.execute(UPDATE_WATCHED, user_code_id, due_at, warnings)
