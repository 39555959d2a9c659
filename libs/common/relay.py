"""Publishes a service's outbox: one relay per service at a time, in order, at least once."""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from libs.common.database import OUTBOX_CHANNEL, SESSION, prepare_connection
from libs.common.kafka import abandon, consuming, new_producer
from libs.common.outbox import COLUMNS, OutboxRow, events_topic, outbox_row, watermarks_topic
from libs.common.settings import ServiceSettings
from libs.common.telemetry import DRAINED, PUBLISHED, RELAY_RESTARTS

if TYPE_CHECKING:
    from datetime import datetime

    from libs.common.database import Connection

log = logging.getLogger(__name__)

LOCK_KEY = 7_305_111_983
BATCH = 500
POLL_SECONDS = 0.25
SEND_SECONDS = 10.0
WATERMARK_SECONDS = 1.0
RETRY_SECONDS = 1.0

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"
# Gives what waits its sequences and positions, stored before anybody else sees them. The statement's own time is
# before its snapshot: what was committed by then is seen. One row always comes, of nulls when nothing waits.
ASSIGN = f"""
WITH waiting AS (
    SELECT row_number, topic, partitionkey FROM outbox WHERE position IS NULL ORDER BY row_number LIMIT $1
), numbered AS (
    SELECT row_number,
           (SELECT coalesce(max(position), 0) FROM outbox)
               + row_number() OVER (ORDER BY row_number) AS next_position,
           (SELECT coalesce(max(sequence), 0) FROM outbox
            WHERE topic = waiting.topic AND partitionkey = waiting.partitionkey)
               + row_number() OVER (PARTITION BY topic, partitionkey ORDER BY row_number) AS next_sequence
    FROM waiting
), assigned AS (
    UPDATE outbox SET position = next_position, sequence = next_sequence
    FROM numbered WHERE outbox.row_number = numbered.row_number
    RETURNING {COLUMNS}
)
SELECT statement_timestamp() AS asked_at, assigned.*
FROM (VALUES (1)) AS always LEFT JOIN assigned ON true ORDER BY position
"""
SELECT_UNPUBLISHED = f"""
SELECT {COLUMNS} FROM outbox WHERE published_at IS NULL AND position IS NOT NULL ORDER BY position LIMIT $1
"""
# Lost in a crash, it is published again: the mark does not wait for the disk.
UPDATE_PUBLISHED = """
UPDATE outbox SET published_at = clock_timestamp()
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS unhurried
WHERE published_at IS NULL AND position BETWEEN $1 AND $2
"""
AWAY = (KafkaError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass
class Relay:
    """`before_mark` runs between the broker's answer and its record, where tests kill the relay."""

    service: str
    settings: ServiceSettings
    before_mark: Callable[[], None] = lambda: None
    _offsets: dict[int, int] = field(default_factory=dict)

    async def run(self) -> None:
        """Holds the lock on a direct connection, or waits for it; starts anew after any fault."""
        while True:
            try:
                await self._lead()
            except AWAY as error:
                log.warning("the relay starts anew", extra={"fault": type(error).__name__})
                RELAY_RESTARTS.inc()
            await asyncio.sleep(RETRY_SECONDS)

    async def _lead(self) -> None:
        connection = await asyncpg.connect(
            self.settings.direct_url,
            timeout=SEND_SECONDS,
            command_timeout=SEND_SECONDS,
            server_settings=SESSION,
        )
        try:
            await prepare_connection(connection)
            while not await connection.fetchval(TRY_LOCK, LOCK_KEY):  # noqa: ASYNC110 - another process holds it
                await asyncio.sleep(RETRY_SECONDS)
            # Only this connection assigns: when it is lost, the lock and the right to assign go together.
            bell = asyncio.Event()
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: bell.set())
            await self._publish_with_one_producer(connection, bell)
        finally:
            with suppress(*AWAY):
                await connection.close(timeout=1)

    async def _publish_with_one_producer(self, connection: "Connection", bell: asyncio.Event) -> None:
        self._offsets = await self._last_offsets()
        producer = new_producer(self.settings)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await producer.start()
            await self._publish_left_over(connection, producer)
            loop = asyncio.get_running_loop()
            marked_at = 0.0
            while True:
                bell.clear()
                drained_at = await self._drain(connection, producer)
                if drained_at is not None:
                    DRAINED.set(drained_at.timestamp())
                if drained_at is not None and loop.time() - marked_at >= WATERMARK_SECONDS:
                    await self._write_watermark(producer, drained_at)
                    marked_at = loop.time()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0 if drained_at is None else POLL_SECONDS):
                        await bell.wait()
        finally:
            with suppress(*AWAY):
                await abandon(producer)

    async def _last_offsets(self) -> dict[int, int]:
        topic = self.settings.topic(events_topic(self.service))
        async with consuming(self.settings, events_topic(self.service), group=None) as consumer:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            ends = await consumer.end_offsets(partitions)
            return {partition.partition: offset - 1 for partition, offset in ends.items()}

    async def _publish_left_over(self, connection: "Connection", producer: AIOKafkaProducer) -> None:
        """What an earlier relay assigned and did not mark: it may have been published or not."""
        while rows := await connection.fetch(SELECT_UNPUBLISHED, BATCH):
            await self._publish(connection, producer, [outbox_row(row) for row in rows])

    async def _drain(self, connection: "Connection", producer: AIOKafkaProducer) -> "datetime | None":
        """Publishes one batch; the instant up to which nothing is left, or None when more may wait."""
        assigned = await connection.fetch(ASSIGN, BATCH)
        asked_at: datetime = assigned[0]["asked_at"]
        if assigned[0]["position"] is None:
            return asked_at
        await self._publish(connection, producer, [outbox_row(row) for row in assigned])
        return None if len(assigned) == BATCH else asked_at

    async def _publish(self, connection: "Connection", producer: AIOKafkaProducer, rows: list[OutboxRow]) -> None:
        await self._send(producer, rows)
        self.before_mark()
        await connection.execute(UPDATE_PUBLISHED, rows[0].position, rows[-1].position)
        PUBLISHED.inc(len(rows))

    async def _send(self, producer: AIOKafkaProducer, rows: list[OutboxRow]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            waiting = [
                await producer.send(
                    self.settings.topic(row.topic),
                    row.envelope.to_json(),
                    key=row.envelope.partitionkey.encode(),
                    headers=_headers(row),
                )
                for row in rows
            ]
            answers: list[RecordMetadata] = await asyncio.gather(*waiting)
        for row, answer in zip(rows, answers, strict=True):
            if row.topic == events_topic(self.service):
                self._offsets[answer.partition] = max(answer.offset, self._offsets.get(answer.partition, -1))

    async def _write_watermark(self, producer: AIOKafkaProducer, drained_at: "datetime") -> None:
        mark = {
            "drained_at": drained_at.isoformat(),
            "offsets": {str(p): o for p, o in self._offsets.items()},
        }
        async with asyncio.timeout(SEND_SECONDS):
            await producer.send_and_wait(
                self.settings.topic(watermarks_topic(self.service)),
                json.dumps(mark).encode(),
                key=self.service.encode(),
            )


def _headers(row: OutboxRow) -> list[tuple[str, bytes]]:
    headers = [("content-type", b"application/cloudevents+json")]
    if row.envelope.traceparent:
        headers.append(("traceparent", row.envelope.traceparent.encode()))
    return headers
