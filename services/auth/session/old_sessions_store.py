"""Sessions that ended long ago, once nothing rests on them any more."""

from datetime import datetime

from libs.common.database import Connection
from libs.common.sweeping import BATCH, delete_some, deleting_some

# Codes are gone within the hour, or stay with their grant. Of each code the last use is kept, told from the others
# by `is_last_use`, so that no sweep looks at it again; it goes when there is a later one to keep.
DELETE_ENDED = f"""
WITH old AS (
    SELECT id, user_code_id FROM sessions AS one
    WHERE ended_at < $1 AND stage = 'complete' AND NOT is_last_use
      AND NOT EXISTS (SELECT 1 FROM token_grants WHERE session_id = one.id)
      AND NOT EXISTS (SELECT 1 FROM logout_deliveries WHERE session_id = one.id)
    LIMIT {BATCH} FOR UPDATE SKIP LOCKED
), codes AS (
    SELECT DISTINCT user_code_id FROM old WHERE user_code_id IS NOT NULL
), last AS (
    SELECT latest.id FROM codes CROSS JOIN LATERAL (
        SELECT id FROM sessions
        WHERE user_code_id = codes.user_code_id AND stage = 'complete' AND NOT is_recourse
        ORDER BY authenticated_at DESC, id DESC LIMIT 1) AS latest
), former AS (
    SELECT sessions.id FROM sessions JOIN codes USING (user_code_id)
    WHERE is_last_use AND sessions.id NOT IN (SELECT id FROM last)
    FOR UPDATE OF sessions SKIP LOCKED
), kept AS (
    UPDATE sessions SET is_last_use = true, address = NULL, user_agent = NULL
    FROM old JOIN last USING (id) WHERE sessions.id = old.id
), gone AS (
    DELETE FROM sessions
    WHERE id IN (SELECT id FROM old UNION ALL SELECT id FROM former) AND id NOT IN (SELECT id FROM last)
)
SELECT count(*) FROM old
"""
DELETE_NEVER_COMPLETED = deleting_some("sessions", "ended_at < $1 AND stage <> 'complete'")


async def forget_ended(tx: Connection, *, before: datetime) -> int:
    return int(await tx.fetchval(DELETE_ENDED, before))


async def forget_never_completed(tx: Connection, *, before: datetime) -> int:
    return await delete_some(tx, DELETE_NEVER_COMPLETED, before)
