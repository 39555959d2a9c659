"""The monthly partitions of the access records come without holding anybody up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from deploy.local import databases
from deploy.local.environment import Platform
from libs.common.database import Connection
from libs.common.ids import new_id
from libs.common.migrate import migrate
from services.mailbox.app import SERVICE
from tests.kit import drop_database, new_database

LAST_PARTITION = """
SELECT max(relname) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'access_records'::regclass AND relname LIKE 'access\\_records\\_2%'
"""
MADE_OF = """
SELECT array(
           SELECT attname || format_type(atttypid, atttypmod) || attnotnull || atthasdef FROM pg_attribute
           WHERE attrelid = place.oid AND attnum > 0 ORDER BY attnum) AS columns,
       array(
           SELECT substring(pg_get_indexdef(indexrelid) FROM 'USING.*') || indisunique || parent.relname
           FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid JOIN pg_class parent ON parent.oid = inhparent
           WHERE indrelid = place.oid ORDER BY 1) AS indexes,
       array(
           SELECT conname || replace(pg_get_constraintdef(oid), ' NOT VALID', '') FROM pg_constraint
           WHERE conrelid = place.oid AND contype IN ('c', 'n') ORDER BY 1) AS constraints,
       place.relacl, place.relowner
FROM pg_class place WHERE relname = $1
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = $1::text::oid"
INSERT = """
INSERT INTO access_records (id, at, correlation_id, actor, action, outcome)
VALUES ($1, now(), $1, 'system', 'test', 'admitted')
"""


@dataclass
class Migrated:
    """A migrated database, to which its owner and its service are connected."""

    owner_url: str
    owner: Connection
    app: Connection

    async def migrate(self) -> None:
        await migrate(self.owner_url, service_folder=SERVICE.folder, app_role=databases.app(SERVICE.name))

    async def lose_last_partition(self) -> str:
        name: str = await self.owner.fetchval(LAST_PARTITION)
        await self.owner.execute(f"DROP TABLE {name}")
        return name

    @asynccontextmanager
    async def read_on(self) -> AsyncIterator[None]:
        """Somebody has read all access records and has not ended the transaction."""
        async with self.owner.transaction():
            await self.owner.fetchval("SELECT count(*) FROM access_records")
            yield


@pytest.fixture
async def migrated(platform: Platform) -> AsyncIterator[Migrated]:
    name = await new_database(SERVICE, platform)
    owner_url = platform.database_url(databases.owner(SERVICE.name), database=name)
    owner = await asyncpg.connect(owner_url)
    app = await asyncpg.connect(platform.database_url(databases.app(SERVICE.name), database=name))
    yield Migrated(owner_url, owner, app)
    await owner.close()
    await app.close()
    await drop_database(name, platform)


async def _until_it_waits(database: Connection) -> None:
    here = str(await database.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()"))
    async with asyncio.timeout(10):
        while not await database.fetchval(WAITS, here):  # noqa: ASYNC110 - another connection waits
            await asyncio.sleep(0.02)


async def test_calls_are_recorded_while_a_partition_waits_for_a_reader(migrated: Migrated) -> None:
    name = await migrated.lose_last_partition()
    async with migrated.read_on():
        migrating = asyncio.create_task(migrated.migrate())
        await _until_it_waits(migrated.app)
        await migrated.app.execute(INSERT, new_id(), timeout=2)
        assert not migrating.done()
    await migrating
    assert await migrated.owner.fetchval(LAST_PARTITION) == name


async def test_a_partition_that_cannot_be_had_soon_is_left_to_the_next_run(migrated: Migrated) -> None:
    name = await migrated.lose_last_partition()
    async with migrated.read_on():
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with asyncio.timeout(10):
                await migrated.migrate()
    await migrated.migrate()
    assert await migrated.owner.fetchval(LAST_PARTITION) == name


async def test_where_no_partition_is_missing_nobody_is_waited_for(migrated: Migrated) -> None:
    async with migrated.read_on(), asyncio.timeout(3):
        await migrated.migrate()


async def test_a_partition_has_all_that_the_default_one_has(migrated: Migrated) -> None:
    name = await migrated.lose_last_partition()
    await migrated.migrate()
    added = await migrated.owner.fetchrow(MADE_OF, name)
    assert added is not None
    assert len(added["indexes"]) == 7
    assert added == await migrated.owner.fetchrow(MADE_OF, "access_records_default")
