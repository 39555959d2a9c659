"""What is too old goes some rows at a time, each batch in a transaction of its own, however much has gathered."""

from collections.abc import Awaitable, Callable

from libs.common.database import Connection, Database

BATCH = 5_000
# In one round; the next round goes on, so that nothing else that is swept waits for ever.
MOST_BATCHES = 400


def deleting_some(table: str, condition: str, *, is_ever_updated: bool = True) -> str:
    """A DELETE of at most `BATCH` rows, by their places.

    Rows that somebody is changing are left and not waited for. To lock takes the right to update, which nobody has
    on rows that are only ever added and deleted.
    """
    lock = "FOR UPDATE SKIP LOCKED" if is_ever_updated else ""
    return f"""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {BATCH} {lock}))
"""


async def delete_some(tx: Connection, statement: str, *arguments: object) -> int:
    """How many rows went."""
    return int((await tx.execute(statement, *arguments)).removeprefix("DELETE "))


async def every_in_rounds(database: Database, *batches: Callable[[Connection], Awaitable[int]]) -> None:
    """Each of them `in_rounds`, whatever becomes of the others. Raises ExceptionGroup of what they raised."""
    faults: list[Exception] = []
    for batch in batches:
        try:
            await in_rounds(database, batch)
        except Exception as fault:  # noqa: BLE001 - told once all were tried
            faults.append(fault)
    if faults:
        raise ExceptionGroup("not all that is too old is gone", faults)


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
