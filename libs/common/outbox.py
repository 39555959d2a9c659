"""Events leave in the transaction that made them true; the relay publishes them, the feed shows them."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.common.call import Call
from libs.common.contracts.envelope import SEQUENCE_DIGITS, Envelope, Event
from libs.common.database import Connection, Database, defer
from libs.common.ids import new_id
from libs.common.telemetry import current_traceparent

INSERT_OUTBOX = """
INSERT INTO outbox (
    id, topic, source, type, time, partitionkey, actor, correlationid, causationid, traceparent, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
COLUMNS = """id, topic, source, type, time, partitionkey, actor, correlationid, causationid, traceparent, data,
    sequence, position"""
SELECT_AFTER_POSITION = f"""
SELECT {COLUMNS} FROM outbox WHERE topic = $1 AND position > $2 ORDER BY position LIMIT $3
"""
SELECT_AFTER_SEQUENCE = f"""
SELECT {COLUMNS} FROM outbox WHERE topic = $1 AND partitionkey = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    position: int
    topic: str
    envelope: Envelope


def events_topic(service: str) -> str:
    return f"{service}.events"


def watermarks_topic(service: str) -> str:
    return f"{service}.watermarks"


def notices_topic(department: str) -> str:
    return f"departments.{department}.notices"


async def publish(  # noqa: PLR0913 - an event and how it travels, each by name
    tx: Connection, call: Call, event: Event, *, service: str, partitionkey: str, is_urgent: bool = True
) -> UUID:
    """Adds one event of a service to its outbox, in the caller's transaction; returns the event's id.

    One that is not urgent wakes nobody: it leaves with the next that is, or when the relay next looks by itself.
    """
    event_id = new_id()
    defer(
        tx,
        INSERT_OUTBOX,
        event_id,
        events_topic(service),
        service,
        event.type,
        call.at,
        partitionkey,
        call.actor,
        call.correlation_id,
        call.causation_id,
        current_traceparent(),
        event.model_dump(mode="json"),
        wakes_relay=is_urgent,
    )
    return event_id


async def publish_notice(tx: Connection, call: Call, notice: Event, *, department: str) -> UUID:
    """Adds one notice for one department; it never says who, nor under which call."""
    notice_id = new_id()
    defer(
        tx,
        INSERT_OUTBOX,
        notice_id,
        notices_topic(department),
        "registry",
        notice.type,
        call.at,
        f"department:{department}",
        None,
        None,
        None,
        None,
        notice.model_dump(mode="json"),
        wakes_relay=True,
    )
    return notice_id


async def list_after_position(database: Database, topic: str, *, position: int, limit: int) -> list[OutboxRow]:
    return [outbox_row(row) for row in await database.fetch(SELECT_AFTER_POSITION, topic, position, limit)]


async def list_after_sequence(
    database: Database, topic: str, *, partitionkey: str, sequence: int, limit: int
) -> list[OutboxRow]:
    rows = await database.fetch(SELECT_AFTER_SEQUENCE, topic, partitionkey, sequence, limit)
    return [outbox_row(row) for row in rows]


def outbox_row(row: asyncpg.Record) -> OutboxRow:
    envelope = Envelope(
        id=row["id"],
        source=source_address(row["source"], row["topic"]),
        type=row["type"],
        time=row["time"],
        partitionkey=row["partitionkey"],
        sequence=f"{row['sequence']:0{SEQUENCE_DIGITS}}",
        actor=row["actor"],
        correlationid=row["correlationid"],
        causationid=row["causationid"],
        traceparent=row["traceparent"],
        data=row["data"],
    )
    return OutboxRow(row["position"], row["topic"], envelope)


def source_address(service: str, topic: str) -> str:
    """CloudEvents `source`: one per topic, since sequences are gapless per source and partition key."""
    return f"urn:clicsequr:{service}" if topic == events_topic(service) else f"urn:clicsequr:{service}:{topic}"
