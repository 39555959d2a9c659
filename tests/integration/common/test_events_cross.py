"""Relay, topic, inbox: nothing lost, nothing doubled, nothing out of order, whatever dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from prometheus_client import REGISTRY

from deploy.kafka import access
from deploy.local import infrastructure
from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.envelope import Envelope, applicant_key
from libs.common.errors import DatabaseUnavailable
from libs.common.ids import new_id
from libs.common.inbox import KEPT, LOCK_SEQUENCE, forget_old_applied, list_parked
from libs.common.kafka import new_producer
from libs.common.operations import freshness_report
from libs.common.outbox import list_after_position, watermarks_topic
from libs.common.relay import Relay
from libs.common.service import new_follower
from libs.common.sweeping import every_in_rounds
from tests.integration.common.probe import CONSUMER, PUBLISHER, note
from tests.kit import Running, Through, running

WAIT_SECONDS = 30
CONSUMERS_OF_FOLLOWER = 3


@dataclass
class Pair:
    publisher: Running
    consumer: Running

    async def say(self, applicant_id: UUID, *texts: str) -> None:
        for text in texts:
            call = Call(actor="system", at=now(), correlation_id=new_id())
            await note(self.publisher.database, call, applicant_id=applicant_id, text=text)

    async def heard(self, applicant_id: UUID) -> list[str]:
        rows = await self.consumer.database.fetch(
            "SELECT text FROM notes WHERE applicant_id = $1 ORDER BY row_number", applicant_id
        )
        return [row["text"] for row in rows]

    @asynccontextmanager
    async def relaying(
        self, *, before_mark: Callable[[], None] = lambda: None
    ) -> AsyncIterator[asyncio.Task[None]]:
        async with _task(Relay("registry", self.publisher.settings, before_mark).run()) as task:
            yield task

    @asynccontextmanager
    async def following(self) -> AsyncIterator[asyncio.Task[None]]:
        async with _task(new_follower(CONSUMER, self.consumer.resources).run()) as task:
            yield task


@asynccontextmanager
async def _task(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def pair(platform_with_kafka: Platform) -> AsyncIterator[Pair]:
    platform = replace(platform_with_kafka, topic_prefix=f"t{uuid4().hex[:8]}.")
    await asyncio.to_thread(infrastructure.apply_access, platform, access.load())
    async with running(PUBLISHER, platform) as publisher, running(CONSUMER, platform) as consumer:
        consumer.resources.service_calls.pool = Through(_FeedTransport(publisher))
        yield Pair(publisher, consumer)


async def _feed(publisher: Running, request: httpx.Request) -> httpx.Response:
    return await publisher.internal.get(
        request.url.raw_path.decode(), headers=publisher.tokens.service("auth", "feeds")
    )


class _FeedTransport(httpx.AsyncBaseTransport):
    """Takes the consumer's calls to the publisher's real internal application."""

    def __init__(self, publisher: Running) -> None:
        self._publisher = publisher

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "x", "expires_in": 300}, request=request)
        answer = await _feed(self._publisher, request)
        return httpx.Response(answer.status_code, content=answer.content, request=request)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - the other side is a real process of its own
            await asyncio.sleep(0.05)


async def test_events_arrive_once_and_in_order_per_applicant(pair: Pair) -> None:
    one, other = new_id(), new_id()
    async with pair.relaying(), pair.following():
        await asyncio.gather(pair.say(one, *map(str, range(20))), pair.say(other, *map(str, range(20))))
        for applicant in (one, other):

            async def complete(applicant: UUID = applicant) -> bool:
                return await pair.heard(applicant) == [str(number) for number in range(20)]

            await until(complete)


async def test_sequences_are_gapless_per_key_and_positions_rise(pair: Pair) -> None:
    one, other = new_id(), new_id()
    async with pair.relaying():
        await pair.say(one, "a", "b")
        await pair.say(other, "c")
        await pair.say(one, "d")

        async def published() -> bool:
            rows = await pair.publisher.database.fetch("SELECT 1 FROM outbox WHERE published_at IS NULL")
            return not rows

        await until(published)
    rows = await pair.publisher.database.fetch(
        "SELECT partitionkey, sequence, position FROM outbox ORDER BY position"
    )
    assert [row["position"] for row in rows] == [1, 2, 3, 4]
    assert [row["sequence"] for row in rows if row["partitionkey"] == applicant_key(one)] == [1, 2, 3]


async def test_a_relay_killed_between_publishing_and_marking_doubles_nothing_and_loses_nothing(pair: Pair) -> None:
    applicant = new_id()
    kills = iter([True, True])

    def die() -> None:
        if next(kills, False):
            raise OSError("killed between the broker's answer and its record")

    async with pair.following(), pair.relaying(before_mark=die):
        await pair.say(applicant, "a", "b", "c")

        async def complete() -> bool:
            return await pair.heard(applicant) == ["a", "b", "c"] and next(kills, None) is None

        await until(complete)
        await pair.say(applicant, "d")

        async def last() -> bool:
            return await pair.heard(applicant) == ["a", "b", "c", "d"]

        await until(last)


async def test_two_relays_and_two_followers_publish_and_apply_once(pair: Pair) -> None:
    applicants = [new_id() for _ in range(10)]
    async with pair.relaying(), pair.relaying(), pair.following(), pair.following():
        await asyncio.gather(*(pair.say(applicant, "a", "b", "c") for applicant in applicants))

        async def complete() -> bool:
            return all([await pair.heard(applicant) == ["a", "b", "c"] for applicant in applicants])

        await until(complete)


async def test_a_follower_that_is_ended_in_the_instant_in_which_it_is_ready_ends(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = AIOKafkaConsumer.start
    started = []

    async def start_and_end(consumer: AIOKafkaConsumer) -> None:
        await start(consumer)
        started.append(consumer)
        if len(started) == CONSUMERS_OF_FOLLOWER:
            task.cancel()

    monkeypatch.setattr(AIOKafkaConsumer, "start", start_and_end)
    async with pair.following() as task:
        ended, _ = await asyncio.wait([task], timeout=WAIT_SECONDS)
        assert ended


async def test_a_second_relay_takes_over_when_the_first_one_dies(pair: Pair) -> None:
    applicant = new_id()
    async with pair.following(), pair.relaying() as first, pair.relaying():
        await pair.say(applicant, "a")

        async def heard_a() -> bool:
            return await pair.heard(applicant) == ["a"]

        await until(heard_a)
        first.cancel()
        await pair.say(applicant, "b")

        async def heard_b() -> bool:
            return await pair.heard(applicant) == ["a", "b"]

        await until(heard_b)


async def test_a_poison_event_parks_its_key_while_others_flow_and_replay_applies_in_order(pair: Pair) -> None:
    ill, well = new_id(), new_id()
    async with pair.relaying(), pair.following():
        await pair.say(ill, "before", "poison", "after")
        await pair.say(well, "fine")

        async def settled() -> bool:
            return await pair.heard(well) == ["fine"] and len(await list_parked(pair.consumer.database)) == 2

        await until(settled)
    assert await pair.heard(ill) == ["before"]
    parked = await list_parked(pair.consumer.database)
    assert [event["sequence"] for event in parked] == [2, 3]
    with pytest.raises(ValueError, match="cannot be applied"):
        await pair.consumer.inbox.replay(source="urn:clicsequr:registry", partitionkey=applicant_key(ill))
    assert len(await list_parked(pair.consumer.database)) == 2


async def test_a_replay_after_the_cause_is_mended_applies_in_order(pair: Pair) -> None:
    applicant = new_id()
    owner = await asyncpg.connect(pair.consumer.owner_url)
    try:
        await owner.execute("ALTER TABLE notes ADD CONSTRAINT no_b CHECK (text <> 'b')")
        async with pair.relaying(), pair.following():
            await pair.say(applicant, "a", "b", "c")

            async def parked() -> bool:
                return len(await list_parked(pair.consumer.database)) == 2

            await until(parked)
        await owner.execute("ALTER TABLE notes DROP CONSTRAINT no_b")
    finally:
        await owner.close()
    assert (
        await pair.consumer.inbox.replay(source="urn:clicsequr:registry", partitionkey=applicant_key(applicant))
        == 2
    )
    assert await pair.heard(applicant) == ["a", "b", "c"]
    assert await list_parked(pair.consumer.database) == []


async def test_double_and_late_deliveries_change_nothing(pair: Pair) -> None:
    applicant = new_id()
    await pair.say(applicant, "a", "b", "c")
    a, b, c = await published(pair, applicant)
    for envelope in [a, a, c, b, c, a]:
        await pair.consumer.inbox.receive("registry", envelope)
    assert await pair.heard(applicant) == ["a", "b", "c"]


async def test_what_was_applied_long_ago_is_forgotten_and_still_not_applied_again(pair: Pair) -> None:
    applicant = new_id()
    await pair.say(applicant, "a", "b")
    run = await published(pair, applicant)
    await pair.consumer.inbox.receive_run("registry", run)
    database = pair.consumer.database
    await every_in_rounds(database, partial(forget_old_applied, now=now() + KEPT - timedelta(minutes=1)))
    assert len(await database.fetch("SELECT 1 FROM inbox")) == 2
    await every_in_rounds(database, partial(forget_old_applied, now=now() + KEPT))
    assert await database.fetch("SELECT 1 FROM inbox") == []
    await pair.consumer.inbox.receive_run("registry", run)
    for envelope in run:
        await pair.consumer.inbox.receive("registry", envelope)
    assert await pair.heard(applicant) == ["a", "b"]


async def published(pair: Pair, *applicants: UUID) -> list[Envelope]:
    """What stands in the feed about these applicants, in its order."""
    async with pair.relaying():

        async def marked() -> bool:
            return not await pair.publisher.database.fetch("SELECT 1 FROM outbox WHERE published_at IS NULL")

        await until(marked)
    rows = await list_after_position(pair.publisher.database, "registry.events", position=0, limit=1000)
    keys = {applicant_key(applicant) for applicant in applicants}
    return [row.envelope for row in rows if row.envelope.partitionkey in keys]


async def test_a_run_of_events_of_several_applicants_is_applied_once_in_order(pair: Pair) -> None:
    one, other = new_id(), new_id()
    for text in "abc":
        await pair.say(one, text)
        await pair.say(other, text.upper())
    run = await published(pair, one, other)
    for _ in range(2):
        await pair.consumer.inbox.receive_run("registry", run)
        assert await pair.heard(one) == ["a", "b", "c"]
        assert await pair.heard(other) == ["A", "B", "C"]


async def test_a_run_that_begins_with_what_was_applied_before_goes_on_where_it_stood(pair: Pair) -> None:
    applicant = new_id()
    await pair.say(applicant, "a", "b", "c", "d")
    run = await published(pair, applicant)
    await pair.consumer.inbox.receive_run("registry", run[:2])
    await pair.consumer.inbox.receive_run("registry", run[1:])
    assert await pair.heard(applicant) == ["a", "b", "c", "d"]


async def test_a_run_with_a_gap_refills_it_from_the_feed(pair: Pair) -> None:
    applicant = new_id()
    await pair.say(applicant, "a", "b", "c", "d")
    run = await published(pair, applicant)
    await pair.consumer.inbox.receive_run("registry", [run[0], run[3]])
    assert await pair.heard(applicant) == ["a", "b", "c", "d"]


async def test_a_poison_event_in_a_run_parks_its_key_alone(pair: Pair) -> None:
    ill, well = new_id(), new_id()
    await pair.say(ill, "before", "poison", "after")
    await pair.say(well, "fine", "too")
    await pair.consumer.inbox.receive_run("registry", await published(pair, ill, well))
    assert await pair.heard(ill) == ["before"]
    assert await pair.heard(well) == ["fine", "too"]
    assert [event["sequence"] for event in await list_parked(pair.consumer.database)] == [2, 3]
    await pair.say(ill, "later")
    await pair.consumer.inbox.receive_run("registry", (await published(pair, ill))[-1:])
    assert [event["sequence"] for event in await list_parked(pair.consumer.database)] == [2, 3, 4]


async def test_an_event_that_ends_a_deadlock_is_tried_again_and_not_parked(pair: Pair) -> None:
    applicant = new_id()
    await pair.say(applicant, "a")
    [envelope] = await published(pair, applicant)
    inbox, database = pair.consumer.inbox, pair.consumer.database
    async with database.transaction() as other:
        await other.execute(
            "INSERT INTO inbox VALUES ($1, $2, 'other', $3, 1, now())",
            envelope.id,
            envelope.source,
            envelope.partitionkey,
        )
        receiving = asyncio.create_task(inbox.receive("registry", envelope))

        async def waits() -> bool:
            return bool(await database.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"))

        await until(waits)
        # The event's transaction has waited for longer, so it is the one that PostgreSQL ends.
        await other.fetchval(LOCK_SEQUENCE, envelope.source, envelope.partitionkey)
        with pytest.raises(DatabaseUnavailable):
            await receiving
        await other.execute("DELETE FROM inbox")
        await other.execute("UPDATE inbox_sequences SET last_sequence = 0")
    assert await list_parked(database) == []
    await inbox.receive("registry", envelope)
    assert await pair.heard(applicant) == ["a"]


async def test_a_message_that_is_no_event_of_its_topic_is_kept_and_blocks_nobody(pair: Pair) -> None:
    applicant = new_id()
    counted = partial(REGISTRY.get_sample_value, "clicsequr_unreadable_messages_total", {"publisher": "registry"})
    before = counted() or 0
    settings = pair.publisher.settings
    producer = new_producer(settings)
    await producer.start()
    for value in (b"not json", b'{"specversion":"1.0"}', None):
        await producer.send_and_wait(settings.topic("registry.events"), value, key=b"applicant:x")
    await producer.stop()
    async with pair.relaying(), pair.following():
        await pair.say(applicant, "a")

        async def heard() -> bool:
            return await pair.heard(applicant) == ["a"]

        await until(heard)

        async def kept() -> bool:
            rows = await pair.consumer.database.fetch("SELECT 1 FROM unreadable_messages")
            return len(rows) == 3

        await until(kept)
    assert counted() == before + 3


async def test_a_follower_is_fresh_once_it_has_applied_what_was_published(pair: Pair) -> None:
    freshness = pair.consumer.resources.freshness
    freshness.fresh_as_of = {}
    assert not freshness_report(freshness)["fresh"]
    async with pair.relaying(), pair.following():
        await pair.say(new_id(), "a")

        async def fresh() -> bool:
            await freshness.read()
            return bool(freshness_report(freshness)["fresh"])

        await until(fresh)
    assert freshness.age_seconds("registry") < 10


@pytest.mark.parametrize("followers", [1, 2])
async def test_a_follower_stays_fresh_while_events_never_pause(pair: Pair, followers: int) -> None:
    """On the last day of filing there is always a record that is not committed yet."""
    oldest = 0.0
    freshness = pair.consumer.resources.freshness
    freshness.fresh_as_of = {}
    async with AsyncExitStack() as stack:
        for _ in range(followers):
            await stack.enter_async_context(pair.following())
        await stack.enter_async_context(pair.relaying())

        async def fresh() -> bool:
            await freshness.read()
            return bool(freshness_report(freshness)["fresh"])

        await until(fresh)
        ends = now() + timedelta(seconds=8)
        while now() < ends:
            await asyncio.gather(*(pair.say(new_id(), "on and on") for _ in range(4)))
            await freshness.read()
            oldest = max(oldest, freshness.age_seconds("registry"))
            await asyncio.sleep(0.02)
    assert oldest < 5


async def test_a_watermark_that_is_none_is_passed_over(pair: Pair) -> None:
    freshness = pair.consumer.resources.freshness
    freshness.fresh_as_of = {}
    producer = new_producer(pair.publisher.settings)
    await producer.start()
    async with pair.following(), pair.relaying():

        async def fresh() -> bool:
            await freshness.read()
            return freshness.age_seconds("registry") < 3

        await until(fresh)
        topic = pair.publisher.settings.topic(watermarks_topic("registry"))
        for value in (b"{}", b"[]", b"not json", None):
            await producer.send_and_wait(topic, value, key=b"registry")
        await producer.stop()
        seen_at = now()

        async def fresh_again() -> bool:
            await freshness.read()
            return freshness.fresh_as_of["registry"] > seen_at

        await until(fresh_again)
