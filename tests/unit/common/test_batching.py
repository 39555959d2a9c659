import asyncio
from collections.abc import Sequence

import pytest

from libs.common.batching import LANES, Batches


class Away(Exception):
    pass


def is_away(error: Exception) -> bool:
    return isinstance(error, Away)


class Desk:
    """Doubles numbers once it is let to; a negative one cannot be doubled."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.batches: list[list[int]] = []
        self.is_away = False

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.open.wait()
        if self.is_away:
            raise Away
        if min(numbers) < 0:
            raise ValueError("negative")
        return [2 * number for number in numbers]


async def asked(desk: Desk, *numbers: int) -> list[int | BaseException]:
    batches = Batches(desk.double, is_shared=is_away)
    asking = asyncio.gather(*(batches.ask(number) for number in numbers), return_exceptions=True)
    await asyncio.sleep(0)
    desk.open.set()
    async with asyncio.timeout(5):
        return await asking


async def test_each_is_given_its_own_answer() -> None:
    assert await asked(Desk(), 1, 2, 3, 4, 5) == [2, 4, 6, 8, 10]


async def test_what_comes_while_a_batch_is_under_way_goes_together_in_the_next() -> None:
    desk = Desk()
    batches = Batches(desk.double, is_shared=is_away)
    early = [asyncio.create_task(batches.ask(number)) for number in range(LANES)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.batches == [[0, 1]]
    late = [asyncio.create_task(batches.ask(number)) for number in range(10, 20)]
    await asyncio.sleep(0)
    desk.open.set()
    assert await asyncio.gather(*early, *late) == [*(0, 2), *range(20, 40, 2)]
    assert desk.batches == [[0, 1], list(range(10, 20))]


async def test_a_bad_one_fails_alone() -> None:
    first, bad, last = await asked(Desk(), 1, -1, 3)
    assert (first, last) == (2, 6)
    assert isinstance(bad, ValueError)


async def test_a_fault_that_all_share_is_told_to_all_and_not_tried_again() -> None:
    desk = Desk()
    desk.is_away = True
    answers = await asked(desk, 1, 2, 3)
    assert all(isinstance(answer, Away) for answer in answers)
    assert sum(map(len, desk.batches)) == 3


async def test_whoever_went_away_keeps_nobody_from_an_answer() -> None:
    desk = Desk()
    batches = Batches(desk.double, is_shared=is_away)
    gone, stays = (asyncio.create_task(batches.ask(number)) for number in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    desk.open.set()
    async with asyncio.timeout(5):
        assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_whoever_asks_in_the_instant_in_which_all_lanes_end_is_answered() -> None:
    desk = Desk()
    batches = Batches(desk.double, is_shared=is_away)

    async def ask_twice() -> tuple[int, int]:
        return await batches.ask(0), await batches.ask(10)

    asking = asyncio.create_task(ask_twice())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    other = asyncio.create_task(batches.ask(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.batches == [[0], [1]]
    desk.open.set()
    async with asyncio.timeout(5):
        assert await asking == (0, 20)
    assert await other == 2
