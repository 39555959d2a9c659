from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

from deploy.kafka import access, broker
from deploy.local.environment import Platform
from deploy.local.infrastructure import apply_access

NOTICES = "departments.revenu-quebec.notices"


def _login(platform: Platform, principal: str, *, password: str | None = None) -> dict[str, Any]:
    return {
        "bootstrap_servers": platform.kafka_bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": principal,
        "sasl_plain_password": password or platform.kafka_password(principal),
    }


@asynccontextmanager
async def _producer(platform: Platform, principal: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**_login(platform, principal), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(
    platform: Platform, principal: str, *, topic: str, group: str
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        platform.topic_prefix + topic,
        **_login(platform, principal),
        group_id=platform.topic_prefix + group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _read_one(platform: Platform, principal: str, *, topic: str, group: str) -> bytes:
    async with _consumer(platform, principal, topic=topic, group=group) as consumer:
        record = await consumer.getone()
        return bytes(record.value)


async def test_a_wrong_password_is_refused(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    producer = AIOKafkaProducer(**_login(platform, "auth", password="wrong"))
    try:
        with pytest.raises(KafkaConnectionError):
            await producer.start()
    finally:
        await producer.stop()
    assert "Authentication failed during authentication due to invalid credentials" in caplog.text


async def test_a_department_reads_the_notices_meant_for_it(platform: Platform) -> None:
    async with _producer(platform, "registry") as producer:
        await producer.send_and_wait(platform.topic_prefix + NOTICES, b"notice")
    read = await _read_one(platform, "revenu-quebec", topic=NOTICES, group="revenu-quebec.reader")
    assert read == b"notice"


async def test_a_department_cannot_read_another_departments_notices(platform: Platform) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _read_one(platform, "cnesst", topic=NOTICES, group="cnesst.reader")


async def test_a_department_cannot_take_another_departments_group(platform: Platform) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await _read_one(platform, "revenu-quebec", topic=NOTICES, group="cnesst.reader")


async def test_a_department_cannot_read_the_events_of_a_service(platform: Platform) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _read_one(platform, "revenu-quebec", topic="registry.events", group="revenu-quebec.reader")


@pytest.mark.parametrize("topic", ["registry.events", "auth.watermarks", NOTICES])
async def test_a_service_cannot_write_the_topic_of_another(platform: Platform, topic: str) -> None:
    async with _producer(platform, "mailbox") as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(platform.topic_prefix + topic, b"forged")


async def test_a_service_writes_its_own_topics_with_idempotence(platform: Platform) -> None:
    async with _producer(platform, "auth") as producer:
        for topic in ("auth.events", "auth.watermarks"):
            await producer.send_and_wait(platform.topic_prefix + topic, b"fact", key=b"key")


def test_applying_the_catalogue_again_changes_nothing(platform: Platform) -> None:
    assert apply_access(platform, access.load()) == broker.Applied(topics_made=0, rights_given=0, rights_taken=0)


def test_a_right_that_leaves_the_catalogue_is_taken_back(platform: Platform) -> None:
    whole = access.load()
    less = whole.model_copy(update={"principals": {**whole.principals, "cnesst": access.Principal()}})
    assert apply_access(platform, less).rights_taken == 2
    assert apply_access(platform, whole).rights_given == 2


def test_partitions_are_never_changed(platform: Platform) -> None:
    whole = access.load()
    wider = access.Topic(partitions=24, retention_days=30)
    changed = whole.model_copy(update={"topics": {**whole.topics, "auth.events": wider}})
    with pytest.raises(access.AccessCatalogueError, match="partitions are never changed"):
        apply_access(platform, changed)


def test_a_prefix_leaves_the_rights_of_others_alone(platform: Platform) -> None:
    whole = access.load()
    passwords = {name: platform.kafka_password(name) for name in whole.principals}
    with broker.connect(
        platform.kafka_bootstrap, username=platform.kafka_operator, password=platform.kafka_operator_password()
    ) as admin:
        given = broker.apply(admin, whole, passwords=passwords, topic_prefix="other.")
    assert given.topics_made == len(whole.topics)
    assert apply_access(platform, whole).rights_given == 0
