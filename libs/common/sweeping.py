"""What is too old goes some rows at a time, each batch in a transaction of its own, however much has gathered."""

from collections.abc import Awaitable, Callable

from libs.common.database import Connection, Database

BATCH = 5_000
# In one round; the next round goes on, so that nothing else that is swept waits for ever.
MOST_BATCHES = 400


def deleting_some(table: str, condition: str) -> str:
    """A DELETE of at most `BATCH` rows, by their places: rows that change meanwhile are left for the next one."""
    return f"""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH}))
"""


async def delete_some(tx: Connection, statement: str, *arguments: object) -> int:
    """How many rows went."""
    return int((await tx.execute(statement, *arguments)).removeprefix("DELETE "))


async def in_rounds(
    database: Database, batch: Callable[[Connection], Awaitable[int]], *, full: int = BATCH
) -> None:
    """Runs `batch` until what it says it did is less than `full`.

    Raises DatabaseUnavailable; what the batches before it did stays done.
    """
    for _ in range(MOST_BATCHES):
        async with database.transaction() as tx:
            done = await batch(tx)
        if done < full:
            return
