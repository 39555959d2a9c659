"""Hearing notices: the department's own Kafka consumer on its own topic."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer


@dataclass(frozen=True)
class Heard:
    """`delay_ms` counts from the moment of the change to its arrival here, in milliseconds."""

    type: str
    sequence: int
    notice: dict[str, Any]
    delay_ms: float


@asynccontextmanager
async def listening(  # noqa: PLR0913 - the coordinates of one connection
    department: str, *, bootstrap: str, password: str, group: str, user: str | None = None, topic_prefix: str = ""
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that knows its place in the topic before the block begins."""
    consumer = AIOKafkaConsumer(
        f"{topic_prefix}departments.{department}.notices",
        bootstrap_servers=bootstrap,
        group_id=f"{topic_prefix}{user or department}.{group}",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=user or department,
        sasl_plain_password=password,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def heard(consumer: AIOKafkaConsumer) -> AsyncIterator[Heard]:
    """Each notice as it arrives, its place committed only once the next one is asked for."""
    async for record in consumer:
        arrived_at = datetime.now(UTC)
        notice = json.loads(record.value or b"{}")
        delay = arrived_at - datetime.fromisoformat(notice["time"])
        yield Heard(
            notice["type"].split(".")[1], int(notice["sequence"]), notice["data"], delay.total_seconds() * 1000
        )
        await consumer.commit()
