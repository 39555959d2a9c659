"""Which faults are the database's, so that the same may succeed later, and which are the statement's own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.local.environment import Platform
from libs.common.database import Connection, Database
from libs.common.errors import DatabaseUnavailable
from tests.integration.common.probe import PUBLISHER
from tests.kit import Running, running

LOCK = "SELECT pg_advisory_xact_lock(71, $1)"


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(PUBLISHER, platform) as service:
        yield service


async def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(service: Running) -> None:
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with service.database.transaction() as tx:
            await tx.execute(LOCK, first)
            await met.wait()
            await tx.execute(LOCK, second)

    ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["DatabaseUnavailable", "NoneType"]


async def test_what_a_batch_did_not_do_because_it_ended_a_deadlock_is_done_for_each_alone(
    service: Running,
) -> None:
    async def write(connection: Connection, items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        async with connection.transaction():
            for item in items:
                await connection.execute(LOCK, item)
        return list(items)

    sizes: list[int] = []
    async with service.database.transaction() as other:
        await other.execute(LOCK, 2)
        asked = asyncio.gather(*(service.database.in_batches(write, item) for item in (1, 2)))
        async with asyncio.timeout(10):
            while not await service.database.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        # The batch has waited for longer, so it is the one that PostgreSQL ends.
        await other.execute(LOCK, 1)
    assert await asked == [1, 2]
    assert sizes == [2, 1, 1]


async def test_a_server_that_only_reads_is_one_that_is_failing_over(service: Running) -> None:
    async def change() -> None:
        async with service.database.transaction() as tx:
            await tx.execute("SET TRANSACTION READ ONLY")
            await tx.execute("DELETE FROM dpop_proofs")

    with pytest.raises(DatabaseUnavailable):
        await change()


async def test_a_value_that_cannot_be_sent_is_the_callers_fault(service: Running) -> None:
    before_all_years = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))

    with pytest.raises(asyncpg.DataError):
        await service.database.fetchrow("SELECT $1::timestamptz", before_all_years)


async def test_a_broken_rule_is_the_statements_own(service: Running) -> None:
    with pytest.raises(asyncpg.NotNullViolationError):
        await service.database.execute("INSERT INTO dpop_proofs (expires_at) VALUES ($1)", datetime.now(UTC))


async def test_whoever_is_gone_without_a_word_keeps_nothing_locked_for_long(service: Running) -> None:
    [kept] = await service.database.fetch(
        "SELECT current_setting('tcp_keepalives_idle') AS idle, current_setting('tcp_user_timeout') AS unanswered,"
        " current_setting('idle_in_transaction_session_timeout') AS in_transaction"
    )
    assert tuple(kept) == ("10", "20000", "30s")


async def test_a_transaction_that_its_session_did_not_outlive_may_be_tried_again(service: Running) -> None:
    async def pauses() -> None:
        async with service.database.transaction() as tx:
            await tx.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.3)
            await tx.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await pauses()
    assert await service.database.fetch("SELECT 1")


async def test_while_a_password_is_replaced_the_database_counts_as_away(service: Running) -> None:
    url = urlsplit(service.settings.database_url.get_secret_value())
    changed = url._replace(netloc=url.netloc.replace(f":{url.password}@", ":former@"))
    database = await Database.connect(SecretStr(urlunsplit(changed)), size=1)
    try:
        with pytest.raises(DatabaseUnavailable):
            await database.fetch("SELECT 1")
    finally:
        await database.close()
