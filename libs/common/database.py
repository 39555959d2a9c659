import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg
from pydantic import SecretStr

from libs.common.errors import DatabaseUnavailable, StateChanged
from libs.common.telemetry import is_traced, trace_queries

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

OUTBOX_CHANNEL = "outbox"
# A hint that is lost in a crash is no loss, so its commit does not wait for the disk.
RING = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{OUTBOX_CHANNEL}', '')"
ACQUIRE_SECONDS = 2.0
COMMAND_SECONDS = 10.0

# The database is away, refuses connections, or answers too late: nothing that the caller did is at fault.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.InterfaceError,
)


# Set by outbox.publish: whether the relay is to be woken when the present transaction has committed.
has_published: ContextVar[bool] = ContextVar("has_published", default=False)


class UnexpectedRowCount(StateChanged):
    """A guarded UPDATE met another state than the one it was decided on."""


async def prepare_connection(connection: Connection) -> None:
    """JSON columns travel as Python values on this connection."""
    await connection.set_type_codec("jsonb", encoder=_dump, decoder=json.loads, schema="pg_catalog")


async def _keep_as_it_is(_connection: Connection) -> None:
    """No statement of ours changes its session, so a connection goes back to the pool without a round trip."""


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Lease:
    """One connection of the pool, for the length of a block."""

    __slots__ = ("_connection", "_pool", "_traced")

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._traced: AbstractContextManager[None] | None = None

    async def __aenter__(self) -> Connection:
        # A timer is worth its cost only when there may be waiting.
        timeout = None if self._pool.get_idle_size() else ACQUIRE_SECONDS
        try:
            self._connection = await self._pool.acquire(timeout=timeout)
        except AWAY as error:
            raise DatabaseUnavailable from error
        if is_traced():
            self._traced = trace_queries(self._connection)
            self._traced.__enter__()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._traced is not None:
                self._traced.__exit__(kind, error, trace)
            await self._pool.release(self._connection)
        except AWAY as away:
            raise DatabaseUnavailable from away
        if isinstance(error, AWAY):
            raise DatabaseUnavailable from error


class Database:
    """A bounded pool of connections of the application role."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._ringing: asyncio.Task[None] | None = None
        self._is_unheard = False

    @classmethod
    async def connect(cls, url: SecretStr, *, size: int) -> Self:
        """Opens connections as they are needed, so a service starts while its database is away."""
        pool = await asyncpg.create_pool(
            url.get_secret_value(),
            min_size=0,
            max_size=size,
            init=prepare_connection,
            reset=_keep_as_it_is,
            command_timeout=COMMAND_SECONDS,
            timeout=ACQUIRE_SECONDS,
            # Every statement finds its rows by key whatever its arguments: planning it anew each time costs
            # more than running it.
            server_settings={"application_name": "clicsequr", "plan_cache_mode": "force_generic_plan"},
        )
        return cls(pool)

    async def close(self) -> None:
        if self._ringing is not None:
            await asyncio.wait([self._ringing])
        with suppress(TimeoutError):
            await asyncio.wait_for(self._pool.close(), ACQUIRE_SECONDS)
        self._pool.terminate()

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection outside any transaction: each statement commits by itself.

        Raises DatabaseUnavailable.
        """
        return _Lease(self._pool)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction, committed when the block ends; then the relay is woken if events were published.

        Raises DatabaseUnavailable; a commit whose answer was lost raises it too, and the caller's
        Idempotency-Key tells on repetition what became of it.
        """
        published = has_published.set(False)
        try:
            async with self.connection() as connection, connection.transaction():
                yield connection
            if has_published.get():
                self._ring()
        finally:
            has_published.reset(published)

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        async with self.connection() as connection:
            return await connection.execute(query, *arguments)

    def _ring(self) -> None:
        """NOTIFY inside a transaction would take a lock shared by all commits, so it is sent after."""
        self._is_unheard = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        while self._is_unheard:
            self._is_unheard = False
            with suppress(DatabaseUnavailable, asyncpg.PostgresError):
                await self.execute(RING)


async def update_one(connection: Connection, query: str, *arguments: Any) -> None:
    """Runs an UPDATE guarded by id and expected prior state.

    Raises UnexpectedRowCount unless exactly one row was changed.
    """
    if await connection.execute(query, *arguments) != "UPDATE 1":
        raise UnexpectedRowCount
