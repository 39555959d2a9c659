from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.holds import Hold, Side, UnknownHold

SELECT_HOLDS = """
SELECT id, side, reason_code, grounds, placed_by, placed_at, released_by, released_at
FROM user_code_holds WHERE user_code_id = $1 ORDER BY placed_at, id
"""
SELECT_HOLD = """
SELECT id, side, reason_code, grounds, placed_by, placed_at, released_by, released_at
FROM user_code_holds WHERE user_code_id = $1 AND id = $2
"""
INSERT_HOLD = """
INSERT INTO user_code_holds (id, user_code_id, side, reason_code, grounds, salt, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
UPDATE_RELEASED = """
UPDATE user_code_holds SET released_by = $2, released_at = $3 WHERE id = $1 AND released_at IS NULL
"""


async def list_holds(database: Database | Connection, user_code_id: UUID) -> tuple[Hold, ...]:
    return tuple(_hold(row) for row in await database.fetch(SELECT_HOLDS, user_code_id))


async def get_hold(tx: Connection, user_code_id: UUID, hold_id: UUID) -> Hold:
    """Raises UnknownHold."""
    row = await tx.fetchrow(SELECT_HOLD, user_code_id, hold_id)
    if row is None:
        raise UnknownHold
    return _hold(row)


async def add_hold(tx: Connection, user_code_id: UUID, hold: Hold, *, salt: bytes) -> None:
    await tx.execute(
        INSERT_HOLD,
        hold.id,
        user_code_id,
        hold.side.value,
        hold.reason_code,
        hold.grounds,
        salt,
        hold.placed_by,
        hold.placed_at,
    )


async def save_released(tx: Connection, hold: Hold) -> None:
    await update_one(tx, UPDATE_RELEASED, hold.id, hold.released_by, hold.released_at)


def _hold(row: asyncpg.Record) -> Hold:
    found = dict(row.items())
    return Hold(**{**found, "side": Side(found["side"])})
