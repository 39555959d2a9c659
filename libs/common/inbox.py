"""Applies another service's events once each, in order of their key, in the transaction of their effect."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.envelope import Envelope, Event
from libs.common.database import Connection, Database
from libs.common.errors import Unavailable
from libs.common.outbox import events_topic, source_address
from libs.common.sweeping import delete_some, deleting_some
from libs.common.telemetry import span

log = logging.getLogger(__name__)

# Taking the row locks the key: a consumer that lost its partition and the one that got it cannot both apply.
LOCK_SEQUENCE = """
INSERT INTO inbox_sequences (source, partitionkey, last_sequence) VALUES ($1, $2, 0)
ON CONFLICT (source, partitionkey) DO UPDATE SET last_sequence = inbox_sequences.last_sequence
RETURNING last_sequence
"""
UPDATE_SEQUENCE = "UPDATE inbox_sequences SET last_sequence = $3 WHERE source = $1 AND partitionkey = $2"
INSERT_INBOX = """
INSERT INTO inbox (event_id, source, type, partitionkey, sequence, applied_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING event_id
"""
# What nearly every run of events needs, in one statement: per key they are the next ones ($7-$9: its first and
# last sequence) and nothing of it is parked; then the events ($1-$6) are noted. Fewer rows than events: look
# closer. The moved rows stay locked until the events' effect commits. OFFSET 0 keeps parked keys a look-up by key.
ADVANCE = """
WITH key AS (
    SELECT * FROM unnest($7::text[], $8::bigint[], $9::bigint[]) AS given (partitionkey, first, last)
    WHERE NOT EXISTS (
        SELECT 1 FROM parked_events AS parked
        WHERE parked.source = $10 AND parked.partitionkey = given.partitionkey OFFSET 0)
), moved AS (
    UPDATE inbox_sequences AS known SET last_sequence = key.last FROM key
    WHERE known.source = $10 AND known.partitionkey = key.partitionkey AND known.last_sequence = key.first - 1
    RETURNING key.partitionkey
), begun AS (
    INSERT INTO inbox_sequences (source, partitionkey, last_sequence)
    SELECT $10, partitionkey, last FROM key WHERE first = 1
    ON CONFLICT DO NOTHING RETURNING partitionkey
)
INSERT INTO inbox (event_id, source, type, partitionkey, sequence, applied_at)
SELECT event.*
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
         AS event (event_id, source, type, partitionkey, sequence, applied_at)
JOIN (SELECT partitionkey FROM moved UNION ALL SELECT partitionkey FROM begun) AS advanced USING (partitionkey)
RETURNING event_id
"""
SELECT_KEY_IS_PARKED = "SELECT EXISTS (SELECT 1 FROM parked_events WHERE source = $1 AND partitionkey = $2)"
INSERT_PARKED = """
INSERT INTO parked_events (event_id, source, partitionkey, sequence, envelope, fault, parked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""
INSERT_UNREADABLE = """
INSERT INTO unreadable_messages (topic, partition, "offset", content, fault, received_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
SELECT_PARKED = """
SELECT event_id, source, partitionkey, sequence, fault, parked_at, envelope FROM parked_events
ORDER BY source, partitionkey, sequence
"""
SELECT_FIRST_PARKED = """
SELECT event_id, envelope FROM parked_events WHERE source = $1 AND partitionkey = $2
ORDER BY sequence LIMIT 1
"""
DELETE_PARKED = "DELETE FROM parked_events WHERE event_id = $1"

# Long enough to look into what happened; a later repetition is known by its sequence.
KEPT = timedelta(days=30)
DELETE_OLD = deleting_some("inbox", "applied_at < $1", is_ever_updated=False)

Apply = Callable[[Connection, Call, Any], Awaitable[None]]
Refill = Callable[[str, str, int], Awaitable[list[Envelope]]]


class SequenceMissing(Exception):
    """Events between `last` and this one were not seen yet; the publisher's feed has them."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last


class _LookCloser(Exception):
    """Rolls back a run that is not as simple as hoped."""


@dataclass(frozen=True)
class Handler:
    """What a service does on one type of event, in the given transaction."""

    event: type[Event]
    apply: Apply


@dataclass(frozen=True)
class Inbox:
    """`refill(publisher, partitionkey, after_sequence)` reads the publisher's feed when a sequence is missing."""

    database: Database
    handlers: Mapping[str, Handler]
    refill: Refill

    async def receive_run(self, publisher: str, run: Sequence[Envelope]) -> None:
        """Applies consecutive events of one partition in one transaction, or looks at each when that cannot be.

        Raises as `receive` does.
        """
        try:
            if await self._apply_run(run):
                return
        except Unavailable:
            raise
        except Exception:
            log.warning("a run of events is taken apart", extra={"events": len(run)}, exc_info=True)
        for envelope in run:
            await self.receive(publisher, envelope)

    async def _apply_run(self, run: Sequence[Envelope]) -> bool:
        """False when they are not simply the next ones of their keys; then nothing that has a handler was done."""
        spans = _spans(run)
        if spans is None:
            return False
        columns = [list(column) for column in zip(*map(_row, run), strict=True)]
        arguments = (*columns, list(spans), *map(list, zip(*spans.values(), strict=True)), run[0].source)
        try:
            if not any(envelope.type in self.handlers for envelope in run):
                _require_all(await self.database.fetch(ADVANCE, *arguments), run)
                return True
            async with self.database.transaction() as tx:
                _require_all(await tx.fetch(ADVANCE, *arguments), run)
                for envelope in run:
                    await _run_handler(tx, self.handlers, envelope)
        except _LookCloser:
            return False
        return True

    async def receive(self, publisher: str, envelope: Envelope) -> None:
        """Applies an event and whatever of its key was missed before it; parks what cannot be applied.

        Raises Unavailable: then nothing was done and it is to be tried again.
        """
        try:
            await self._apply_or_park(envelope)
        except SequenceMissing as gap:
            for missed in await self.refill(publisher, envelope.partitionkey, gap.last):
                if missed.sequence_number < envelope.sequence_number:
                    await self._apply_or_park(missed, gap_was_refilled=True)
            await self._apply_or_park(envelope, gap_was_refilled=True)

    async def _apply_or_park(self, envelope: Envelope, *, gap_was_refilled: bool = False) -> None:
        try:
            async with self.database.transaction() as tx:
                if not await _is_next(tx, envelope):
                    return
                if await tx.fetchval(SELECT_KEY_IS_PARKED, envelope.source, envelope.partitionkey):
                    await self._park(tx, envelope, fault="an earlier event of this key is parked")
                else:
                    await apply_event(tx, self.handlers, envelope)
        except Unavailable:
            raise
        except Exception as error:
            if isinstance(error, SequenceMissing) and not gap_was_refilled:
                raise
            log.exception("an event is parked", extra={"event_id": str(envelope.id), "type": envelope.type})
            async with self.database.transaction() as tx:
                if await _is_next(tx, envelope, gap_allowed=True):
                    await self._park(tx, envelope, fault=_fault(error))

    async def _park(self, tx: Connection, envelope: Envelope, *, fault: str) -> None:
        await tx.execute(
            INSERT_PARKED,
            envelope.id,
            envelope.source,
            envelope.partitionkey,
            envelope.sequence_number,
            envelope.model_dump(mode="json"),
            fault,
            now(),
        )

    async def keep_unreadable(
        self, topic: str, *, partition: int, offset: int, content: bytes, fault: str
    ) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(INSERT_UNREADABLE, topic, partition, offset, content, fault, now())

    async def replay(self, *, source: str, partitionkey: str) -> int:
        """Applies the parked events of a key in order; returns how many. Stops at the first that still fails."""
        replayed = 0
        while True:
            async with self.database.transaction() as tx:
                await tx.fetchval(LOCK_SEQUENCE, source, partitionkey)
                row = await tx.fetchrow(SELECT_FIRST_PARKED, source, partitionkey)
                if row is None:
                    return replayed
                await apply_event(tx, self.handlers, Envelope.model_validate(row["envelope"]))
                await tx.execute(DELETE_PARKED, row["event_id"])
            replayed += 1


async def _is_next(tx: Connection, envelope: Envelope, *, gap_allowed: bool = False) -> bool:
    """Locks the key and moves its sequence on; False when this event was seen before. Raises SequenceMissing."""
    last: int = await tx.fetchval(LOCK_SEQUENCE, envelope.source, envelope.partitionkey)
    if envelope.sequence_number <= last:
        return False
    if envelope.sequence_number > last + 1 and not gap_allowed:
        raise SequenceMissing(last)
    await tx.execute(UPDATE_SEQUENCE, envelope.source, envelope.partitionkey, envelope.sequence_number)
    return True


async def apply_event(tx: Connection, handlers: Mapping[str, Handler], envelope: Envelope) -> None:
    """Runs the handler of an event, unless its id was applied before; unknown types pass by."""
    if await tx.fetchval(INSERT_INBOX, *_row(envelope)) is not None:
        await _run_handler(tx, handlers, envelope)


async def _run_handler(tx: Connection, handlers: Mapping[str, Handler], envelope: Envelope) -> None:
    handler = handlers.get(envelope.type)
    if handler is None:
        return
    with span(envelope.type, traceparent=envelope.traceparent):
        await handler.apply(tx, call_of(envelope), handler.event.model_validate(envelope.data))


def _require_all(noted: Sequence[asyncpg.Record], run: Sequence[Envelope]) -> None:
    if len(noted) != len(run):
        raise _LookCloser


def _spans(run: Sequence[Envelope]) -> dict[str, tuple[int, int]] | None:
    """The first and last sequence of each key; None when a key's events do not follow one another."""
    spans: dict[str, tuple[int, int]] = {}
    for envelope in run:
        number = envelope.sequence_number
        first, last = spans.get(envelope.partitionkey, (number, number - 1))
        if number != last + 1:
            return None
        spans[envelope.partitionkey] = (first, number)
    return spans


def _row(envelope: Envelope) -> tuple[UUID, str, str, str, int, datetime]:
    return (
        envelope.id,
        envelope.source,
        envelope.type,
        envelope.partitionkey,
        envelope.sequence_number,
        now(),
    )


def call_of(envelope: Envelope) -> Call:
    return Call(
        actor=envelope.actor or "system",
        at=envelope.time,
        correlation_id=envelope.correlationid or envelope.id,
        causation_id=envelope.id,
    )


def _fault(error: Exception) -> str:
    """The kind of fault and where in the event it lies, never a value of it."""
    if isinstance(error, ValidationError):
        places = [".".join(map(str, fault["loc"])) for fault in error.errors()[:10]]
        return f"ValidationError at {', '.join(places)}"
    if isinstance(error, asyncpg.PostgresError):
        return f"{type(error).__name__} {getattr(error, 'constraint_name', None) or ''}".strip()
    return type(error).__name__


def read_envelope(publisher: str, value: bytes | None) -> Envelope:
    """Raises ValueError when it is no CloudEvent or not of the topic's owner."""
    envelope = Envelope.model_validate_json(value or b"")
    if envelope.source != source_address(publisher, events_topic(publisher)):
        raise ValueError("the source is not the owner of the topic")
    return envelope


async def find_first_parked(tx: Connection, *, source: str, partitionkey: str) -> Envelope | None:
    """The parked event of a key that the others wait behind, while nobody replays the key."""
    await tx.fetchval(LOCK_SEQUENCE, source, partitionkey)
    row = await tx.fetchrow(SELECT_FIRST_PARKED, source, partitionkey)
    return None if row is None else Envelope.model_validate(row["envelope"])


async def discard_first_parked(tx: Connection, *, source: str, partitionkey: str) -> Envelope:
    """Removes it as if it had been applied: should it come again, it is known. Raises LookupError without one."""
    first = await find_first_parked(tx, source=source, partitionkey=partitionkey)
    if first is None:
        raise LookupError(partitionkey)
    await tx.execute(INSERT_INBOX, *_row(first))
    await tx.execute(DELETE_PARKED, first.id)
    return first


async def forget_old_applied(tx: Connection, *, now: datetime) -> int:
    return await delete_some(tx, DELETE_OLD, now - KEPT)


async def list_parked(database: Database) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch(SELECT_PARKED)]


def handlers_of(*pairs: tuple[type[Event], Apply]) -> dict[str, Handler]:
    return {event.type: Handler(event, apply) for event, apply in pairs}
