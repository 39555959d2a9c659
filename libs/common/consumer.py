"""The worker's loop: reads other services' topics into the inbox and keeps count of how fresh that is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from libs.common.contracts.envelope import Envelope
from libs.common.database import Database
from libs.common.errors import Unavailable
from libs.common.inbox import Inbox, read_envelope
from libs.common.kafka import consuming
from libs.common.outbox import events_topic, watermarks_topic
from libs.common.settings import ServiceSettings
from libs.common.telemetry import UNREADABLE
from libs.common.watermarks import Progress, read_mark

log = logging.getLogger(__name__)

BATCH = 200
RUN = 50
COMMIT_MS = 250
MARKS_MS = 1_000
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
UPSERT_FRESHNESS = """
INSERT INTO freshness (publisher, fresh_as_of, lag) VALUES ($1, $2, $3)
ON CONFLICT (publisher) DO UPDATE
SET fresh_as_of = greatest(freshness.fresh_as_of, excluded.fresh_as_of), lag = excluded.lag
"""
UPSERT_LAG = """
INSERT INTO freshness (publisher, fresh_as_of, lag) VALUES ($1, to_timestamp(0), $2)
ON CONFLICT (publisher) DO UPDATE SET lag = excluded.lag
"""
TRANSIENT = (KafkaError, Unavailable, OSError, TimeoutError)


@dataclass(frozen=True)
class Follower:
    """Consumes the events of `publishers` for one service, as one of any number of replicas."""

    service: str
    settings: ServiceSettings
    database: Database
    inbox: Inbox
    publishers: Sequence[str]
    progress: dict[str, Progress] = field(default_factory=dict)

    async def run(self) -> None:
        """Both loops, each started anew after a fault of Kafka or the database; such a fault never parks."""
        for publisher in self.publishers:
            # Shown as zero before it counts: what appears with its first message was never seen to grow.
            UNREADABLE.labels(publisher)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_forever(self._follow_events))
            tasks.create_task(_forever(self._follow_watermarks))

    async def _follow_events(self) -> None:
        loop = asyncio.get_running_loop()
        async with consuming(self.settings, *map(events_topic, self.publishers), group=self.service) as consumer:
            applied: dict[TopicPartition, int] = {}
            committed_at = loop.time()
            while True:
                fetched = await consumer.getmany(timeout_ms=COMMIT_MS, max_records=BATCH)
                async with asyncio.TaskGroup() as tasks:
                    for place, records in fetched.items():
                        tasks.create_task(self._apply(place, records))
                applied |= {place: records[-1].offset + 1 for place, records in fetched.items() if records}
                if applied and loop.time() - committed_at >= COMMIT_MS / 1000:
                    # A place that another replica has meanwhile is not ours to commit; it sees duplicates.
                    ours = {place: applied[place] for place in applied.keys() & consumer.assignment()}
                    if ours:
                        await consumer.commit(ours)
                        for place, offset in ours.items():
                            self._progress_at(place).commit(place.partition, offset)
                    applied, committed_at = {}, loop.time()

    async def _apply(self, place: TopicPartition, records: "list[ConsumerRecord[bytes, bytes]]") -> None:
        topic = place.topic.removeprefix(self.settings.topic_prefix)
        publisher = topic.partition(".")[0]
        run: list[Envelope] = []
        for record in records:
            try:
                run.append(read_envelope(publisher, record.value))
            except ValueError as error:
                log.exception("an unreadable message is kept", extra={"topic": topic, "offset": record.offset})
                await _until_done(partial(self._keep_unreadable, topic, record, fault=type(error).__name__))
                UNREADABLE.labels(publisher).inc()
        for start in range(0, len(run), RUN):
            await _until_done(partial(self.inbox.receive_run, publisher, run[start : start + RUN]))

    async def _keep_unreadable(self, topic: str, record: "ConsumerRecord[bytes, bytes]", *, fault: str) -> None:
        await self.inbox.keep_unreadable(
            topic,
            partition=record.partition,
            offset=record.offset,
            content=record.value or b"",
            fault=fault,
        )

    async def _follow_watermarks(self) -> None:
        """Fresh as of `drained_at` once the group's committed offsets are past what was written by then."""
        topics = map(watermarks_topic, self.publishers)
        async with (
            consuming(self.settings, group=self.service) as group,
            consuming(self.settings, *topics, group=None, from_latest=True) as marks,
        ):
            while True:
                fetched = await marks.getmany(timeout_ms=MARKS_MS)
                for place, records in fetched.items():
                    self._see_marks(place, records)
                await self.note_progress(group)

    def _see_marks(self, place: TopicPartition, records: "list[ConsumerRecord[bytes, bytes]]") -> None:
        for record in records:
            try:
                self._progress_at(place).see(read_mark(record.value or b""))
            except (ValueError, KeyError, TypeError, AttributeError):
                # The facts age until a mark can be read again.
                log.exception("a watermark cannot be read", extra={"offset": record.offset})

    def _progress_at(self, place: TopicPartition) -> Progress:
        """With the publisher whose topic it is."""
        return self._progress_with(place.topic.removeprefix(self.settings.topic_prefix).partition(".")[0])

    def _progress_with(self, publisher: str) -> Progress:
        return self.progress.setdefault(publisher, Progress())

    async def note_progress(self, group: AIOKafkaConsumer) -> None:
        # By the publishers, which are fixed: the other loop may meanwhile commit the first events of one.
        for publisher in self.publishers:
            await self._note_progress_with(group, publisher, self._progress_with(publisher))

    async def _note_progress_with(self, group: AIOKafkaConsumer, publisher: str, progress: Progress) -> None:
        fresh_as_of = progress.advance()
        if fresh_as_of is None:
            await self._ask_how_far(group, publisher, progress)
            fresh_as_of = progress.advance()
        if fresh_as_of is not None:
            await self.database.execute(UPSERT_FRESHNESS, publisher, fresh_as_of, progress.lag)
        elif progress.is_behind:
            await self.database.execute(UPSERT_LAG, publisher, progress.lag)

    async def _ask_how_far(self, group: AIOKafkaConsumer, publisher: str, progress: Progress) -> None:
        """What other replicas committed, and what was before this one began, only the broker knows."""
        for partition in progress.doubtful():
            place = TopicPartition(self.settings.topic(events_topic(publisher)), partition)
            progress.commit(partition, await group.committed(place) or 0)


async def _until_done(apply: Callable[[], Awaitable[None]]) -> None:
    attempt = 0
    while True:
        try:
            await apply()
        except Unavailable:
            log.warning("an event waits for the database or a feed")
            await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
            attempt += 1
        else:
            return


async def _forever(loop: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await loop()
        except* TRANSIENT as fault:
            log.warning("following starts anew", extra={"fault": type(fault.exceptions[0]).__name__})
        await asyncio.sleep(RETRY_SECONDS[1])
