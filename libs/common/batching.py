"""Does for many callers at once what each asked for alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
LANES = 2
LARGEST = 200


class Batches(Generic[Item, Result]):
    """What is asked while `write` runs is gathered for its next run, so nobody waits for company.

    `write` answers one result per item, in order, and does all of them or none. When a batch fails for a fault
    that is not shared by all its items, each item is tried alone: a bad one harms itself only.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        is_shared: Callable[[Exception], bool],
    ) -> None:
        self._write = write
        self._is_shared = is_shared
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._lanes: set[asyncio.Task[None]] = set()

    async def ask(self, item: Item) -> Result:
        """Raises whatever `write` raised."""
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if len(self._lanes) < LANES:
            # A batch belongs to no single caller, so it inherits nobody's trace.
            self._lanes.add(asyncio.create_task(self._run(), context=Context()))
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
                await self._settle(batch)
        finally:
            # In the same step that found nothing waiting: who asks next must not count on a lane that is over.
            self._lanes = {lane for lane in self._lanes if lane is not asyncio.current_task()}

    async def _settle(self, batch: "list[tuple[Item, asyncio.Future[Result]]]") -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to those who asked
            if len(batch) == 1 or self._is_shared(error):
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                return
            for one in batch:
                await self._settle([one])
            return
        for (_, answer), result in zip(batch, results, strict=True):
            # A caller that went away is not told.
            if not answer.done():
                answer.set_result(result)
