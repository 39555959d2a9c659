import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from libs.common.settings import ServiceSettings

REQUEST_TIMEOUT_MS = 10_000
START_SECONDS = 15.0
TOPIC_SECONDS = 5.0
ENDING_SECONDS = 2.0


def _connection(settings: ServiceSettings) -> dict[str, Any]:
    tls = ssl.create_default_context(cafile=str(settings.kafka_ca_file)) if settings.kafka_ca_file else None
    return {
        "bootstrap_servers": settings.kafka_bootstrap.split(","),
        "security_protocol": "SASL_SSL" if tls else "SASL_PLAINTEXT",
        "ssl_context": tls,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.kafka_username,
        "sasl_plain_password": settings.kafka_password.get_secret_value(),
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
    }


def new_producer(settings: ServiceSettings) -> AIOKafkaProducer:
    """A producer whose retries neither lose, double nor reorder within its life (idempotence, acks=all)."""
    return AIOKafkaProducer(**_connection(settings), acks="all", enable_idempotence=True, linger_ms=0)


async def abandon(producer: AIOKafkaProducer) -> None:
    """Ends a producer and what it has under way; what it still holds is never sent.

    Its own `stop` sends everything first, for as long as the brokers refuse it. Raises TimeoutError when a request
    had to be cut off, or a broker does not take what is on its way; also then the producer has ended.
    """
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await producer._sender.close()  # noqa: SLF001 - the library has no public way that does not flush
    finally:
        producer._closed = True  # noqa: SLF001 - or it complains of a producer left open
        async with asyncio.timeout(ENDING_SECONDS):
            await producer.client.close()


async def list_missing(settings: ServiceSettings, topics: Sequence[str]) -> list[str]:
    """Those of the topics that the broker does not know, or does not let this principal know.

    Raises KafkaError or TimeoutError when it does not answer.
    """
    producer = new_producer(settings)
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
        return [topic for topic in topics if not await _is_there(producer, settings.topic(topic))]
    finally:
        await producer.stop()


async def _is_there(producer: AIOKafkaProducer, topic: str) -> bool:
    try:
        async with asyncio.timeout(TOPIC_SECONDS):
            return bool(await producer.partitions_for(topic))
    except (TopicAuthorizationFailedError, UnknownTopicOrPartitionError, TimeoutError):
        return False


@asynccontextmanager
async def consuming(
    settings: ServiceSettings, *topics: str, group: str | None, from_latest: bool = False
) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer that begins where its group stood, else at the earliest (or latest) record.

    It commits only when told to. Without topics it only asks where its group stands.
    """
    consumer = AIOKafkaConsumer(
        *(settings.topic(topic) for topic in topics),
        **_connection(settings),
        group_id=None if group is None else settings.topic(group),
        enable_auto_commit=False,
        auto_offset_reset="latest" if from_latest else "earliest",
        fetch_max_wait_ms=500,
        max_poll_interval_ms=300_000,
        metadata_max_age_ms=30_000,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
