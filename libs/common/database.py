import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg
from pydantic import SecretStr

from libs.common.batching import Batches
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
PARAMETER = re.compile(r"\$(\d+)")
COMBINATIONS = 64
ACQUIRE_SECONDS = 2.0
COMMAND_SECONDS = 10.0

# Every statement finds its rows by key whatever its arguments, and planning it anew each time would cost more than
# running it. A plan made while a table was still empty must not be to look through all of it.
SESSION = {
    "application_name": "clicsequr",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "random_page_cost": "1.1",
    # Whoever is gone without a word holds what it has locked for half a minute, not for the hours of the defaults.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "idle_in_transaction_session_timeout": "30000",
}

# The database is away, full or failing over, answers too late, or chose this transaction to end a deadlock:
# nothing that the caller did is at fault, and the same may succeed when it is tried again.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    # A password is being replaced: it is in the database before each process has it, or after.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InterfaceError,
)


@dataclass
class _Deferred:
    """What a transaction still has to append before it commits, by statement."""

    connection: Connection
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    wakes_relay: bool = False

    async def flush(self) -> None:
        """Statements with one row each go in one round trip, the others in one each."""
        alone = {statement: rows[0] for statement, rows in self.rows.items() if len(rows) == 1}
        if alone:
            arguments = [argument for row in alone.values() for argument in row]
            await self.connection.execute(_together(tuple(alone), tuple(map(len, alone.values()))), *arguments)
        for statement, rows in self.rows.items():
            if statement not in alone:
                await self.connection.executemany(statement, rows)


def _is_away_for_all(error: Exception) -> bool:
    """Of a batch that was chosen to end a deadlock each item may still be done alone."""
    return isinstance(error, DatabaseUnavailable) and not isinstance(
        error.__cause__, asyncpg.TransactionRollbackError
    )


def _renumbered(statement: str, before: int) -> str:
    return PARAMETER.sub(lambda found: f"${int(found[1]) + before}", statement)


@lru_cache(maxsize=COMBINATIONS)
def _together(statements: tuple[str, ...], numbers: tuple[int, ...]) -> str:
    """One statement that does what all of them do; `numbers`: how many parameters each has."""
    befores = accumulate(numbers[:-1], initial=0)
    *first, last = [_renumbered(statement, before) for statement, before in zip(statements, befores, strict=True)]
    beside = ", ".join(f"deferred_{number} AS ({statement})" for number, statement in enumerate(first))
    return f"WITH {beside} {last}" if beside else last


_deferred: ContextVar[_Deferred | None] = ContextVar("deferred", default=None)


def defer(tx: Connection, statement: str, *arguments: Any, wakes_relay: bool = False) -> None:
    """Appends a row as the transaction's last act, together with whatever else it appends then.

    For rows that the transaction itself does not read. `wakes_relay`: once it has committed. Raises RuntimeError
    outside `Database.transaction`, where nothing would write them.
    """
    deferred = _deferred.get()
    if deferred is None or deferred.connection is not tx:
        raise RuntimeError("only a transaction of the database can defer")
    deferred.rows.setdefault(statement, []).append(arguments)
    deferred.wakes_relay = deferred.wakes_relay or wakes_relay


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
        self._batches: dict[Callable[..., Any], Batches[Any, Any]] = {}

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
            server_settings=SESSION,
        )
        return cls(pool)

    async def close(self) -> None:
        if self._ringing is not None:
            await asyncio.wait([self._ringing])
        with suppress(TimeoutError):
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._pool.close()
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
        async with self.connection() as connection:
            deferred = _Deferred(connection)
            token = _deferred.set(deferred)
            try:
                async with connection.transaction():
                    yield connection
                    await deferred.flush()
            finally:
                _deferred.reset(token)
        if deferred.wakes_relay:
            self._ring()

    async def fetchrow(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        async with self.connection() as connection:
            return await connection.execute(query, *arguments)

    async def in_batches(
        self, write: Callable[[Connection, Sequence[Any]], Awaitable[Sequence[Any]]], item: Any
    ) -> Any:
        """`write`'s answer for one item; what comes while it runs is written together, in its next run.

        `write` runs one statement outside any transaction. Raises DatabaseUnavailable.
        """
        batches = self._batches.get(write)
        if batches is None:

            async def run(items: Sequence[Any]) -> Sequence[Any]:
                async with self.connection() as connection:
                    return await write(connection, items)

            batches = self._batches[write] = Batches(run, is_shared=_is_away_for_all)
        return await batches.ask(item)

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
