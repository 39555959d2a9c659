"""PostgreSQL or Kafka goes away and comes back: what goes on, what is refused, what recovers by itself."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from prometheus_client import REGISTRY

from deploy.kafka import access
from deploy.local import infrastructure, kafka, keys, layout, ports, postgres
from deploy.local.databases import create
from deploy.local.environment import Platform
from deploy.local.layout import Layout
from libs.common import relay as relaying
from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.operations import freshness_report
from libs.common.relay import Relay
from libs.common.service import new_follower
from services.auth import app as auth
from services.auth.cookies import SESSION
from tests.integration.common.probe import CONSUMER, PUBLISHER, note
from tests.kit import Running, idempotent, running

WAIT_SECONDS = 60


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not await condition():  # noqa: ASYNC110 - the other side is a real process of its own
            await asyncio.sleep(0.1)


@asynccontextmanager
async def in_background(*works: Awaitable[None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Switch:
    """A server that a test turns off and on, its state kept."""

    def __init__(self, start: Callable[[], object], stop: Callable[[object], None]) -> None:
        self._start, self._stop = start, stop
        self._server: object | None = None

    def on(self) -> None:
        self._server = self._start()

    def off(self) -> None:
        if self._server is not None:
            self._stop(self._server)
            self._server = None

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """The server takes connections and what is sent, and answers nothing."""
        program: subprocess.Popen[bytes] = self._server.program  # type: ignore[union-attr]
        program.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            program.send_signal(signal.SIGCONT)


@contextmanager
def switched(switch: Switch) -> Iterator[Switch]:
    try:
        switch.on()
        yield switch
    finally:
        switch.off()


@pytest.fixture
async def own_postgres(tmp_path: Path) -> AsyncIterator[tuple[Platform, Switch]]:
    here = Layout(state=tmp_path / "own", cache=layout.from_environment().cache)
    platform = infrastructure.describe(here, ports.free())
    password = keys.read(keys.database_password_file(here.keys, keys.SUPERUSER))
    switch = Switch(
        lambda: postgres.start(here.state, port=platform.ports.postgres, password=password),
        postgres.stop,  # type: ignore[arg-type]
    )
    with switched(switch):
        await create(platform.postgres_url, keys.database_passwords(here.keys))
        yield platform, switch
        switch.off()
        switch.on()


async def _post(service: Running) -> int:
    applicant = new_id()
    answer = await service.public.post(
        f"/v1/applicants/{applicant}/notes",
        json={"text": "x"},
        headers={**service.tokens.person_in_charge(applicant, new_id()), **idempotent()},
    )
    if answer.status_code == 503:
        assert answer.json()["code"] == "database-unavailable"
        assert answer.headers["retry-after"]
    return answer.status_code


async def _ready(service: Running) -> int:
    return (await service.internal.get("/health/ready")).status_code


async def test_while_postgresql_is_away_every_replica_stays_ready_to_answer_503_and_recovers_by_itself(
    own_postgres: tuple[Platform, Switch],
) -> None:
    platform, switch = own_postgres
    async with running(PUBLISHER, platform) as service:
        assert (await _post(service), await _ready(service)) == (201, 200)
        await asyncio.to_thread(switch.off)
        assert (await _post(service), await _ready(service)) == (503, 200)
        assert (await service.internal.get("/health/live")).status_code == 200
        await asyncio.to_thread(switch.on)

        async def recovered() -> bool:
            return await _post(service) == 201

        await until(recovered)


async def test_a_replica_whose_connections_are_all_taken_stays_ready_to_answer_503(platform: Platform) -> None:
    async with running(PUBLISHER, platform, database_pool_size=1) as service, service.database.connection():
        assert (await _post(service), await _ready(service)) == (503, 200)


async def test_while_postgresql_is_away_a_page_says_so_to_a_person(own_postgres: tuple[Platform, Switch]) -> None:
    platform, switch = own_postgres
    keys.create(platform.keys)
    async with running(auth.SERVICE, platform, peers=None, keys_dir=platform.keys) as service:
        await asyncio.to_thread(switch.off)
        answer = await service.public.get("/oauth/logout", headers={"Cookie": f"{SESSION}={'s' * 43}"})
        await asyncio.to_thread(switch.on)
        assert answer.status_code == 503
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["retry-after"]
        assert "<h1" in answer.text


@pytest.fixture
async def own_kafka(platform: Platform, tmp_path: Path) -> AsyncIterator[tuple[Platform, Switch]]:
    here = Layout(state=tmp_path / "own", cache=layout.from_environment().cache)
    here.make()
    chosen = ports.free()
    own = replace(platform, kafka_bootstrap=f"{ports.LOOPBACK}:{chosen.kafka}")
    switch = Switch(
        lambda: kafka.start(
            here.state,
            port=chosen.kafka,
            controller_port=chosen.kafka_controller,
            password=platform.kafka_operator_password(),
            cache=here.cache,
        ),
        kafka.stop,  # type: ignore[arg-type]
    )
    with switched(switch):
        await asyncio.to_thread(infrastructure.apply_access, own, access.load())
        yield own, switch


@pytest.mark.timeout(240)
async def test_while_kafka_is_away_commands_go_on_facts_age_and_the_outbox_drains_in_order_afterwards(
    own_kafka: tuple[Platform, Switch],
) -> None:
    platform, switch = own_kafka
    applicant = new_id()
    async with running(PUBLISHER, platform) as publisher, running(CONSUMER, platform) as consumer:
        relay = Relay("registry", publisher.settings)

        async def say(text: str) -> None:
            call = Call(actor="system", at=now(), correlation_id=new_id())
            await note(publisher.database, call, applicant_id=applicant, text=text)

        async def heard() -> list[str]:
            rows = await consumer.database.fetch("SELECT text FROM notes ORDER BY row_number")
            return [row["text"] for row in rows]

        consumer.resources.freshness.fresh_as_of = {}
        async with in_background(relay.run(), new_follower(CONSUMER, consumer.resources).run()):
            await say("before")

            async def first() -> bool:
                return await heard() == ["before"]

            await until(first)
            await asyncio.to_thread(switch.off)
            for text in ("a", "b", "c"):
                await say(text)
            await _age_rules_apply(consumer)
            await asyncio.to_thread(switch.on)

            async def drained() -> bool:
                return await heard() == ["before", "a", "b", "c"]

            await until(drained)

            async def fresh() -> bool:
                await consumer.resources.freshness.read()
                return bool(freshness_report(consumer.resources.freshness)["fresh"])

            await until(fresh)


async def _age_rules_apply(consumer: Running) -> None:
    """Nothing was heard for longer than the limit: the same reading, seen from later."""
    freshness = consumer.resources.freshness
    await freshness.read()
    freshness.fresh_as_of["registry"] = now() - timedelta(seconds=freshness.limit_seconds + 1)
    assert freshness.too_old() == "registry"
    assert not freshness_report(freshness)["fresh"]


def _left_of_kafka(platform: Platform) -> list[object]:
    """Tasks of the client library and connections to the broker that this process has."""
    port = int(platform.kafka_bootstrap.rpartition(":")[2])
    tasks = [task for task in asyncio.all_tasks() if "aiokafka" in repr(task)]
    connections = psutil.Process(os.getpid()).net_connections("tcp")
    return [*tasks, *(one for one in connections if getattr(one.raddr, "port", 0) == port)]


def _restarts() -> float:
    return REGISTRY.get_sample_value("clicsequr_relay_restarts_total") or 0.0


@asynccontextmanager
async def _relay_without_answers(
    own_kafka: tuple[Platform, Switch], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """A relay whose broker falls silent once it has been heard; it has begun anew when the block ends."""
    monkeypatch.setattr(relaying, "SEND_SECONDS", 3.0)
    platform, switch = own_kafka
    async with running(PUBLISHER, platform) as publisher:
        async with in_background(Relay("registry", publisher.settings).run()):

            async def leads() -> bool:
                return (REGISTRY.get_sample_value("clicsequr_outbox_drained_timestamp_seconds") or 0) > began

            began = now().timestamp()
            await until(leads)
            before = _restarts()
            with switch.deaf():
                yield publisher

                async def began_anew() -> bool:
                    return _restarts() > before

                await until(began_anew)
        assert _left_of_kafka(platform) == []


@pytest.mark.timeout(240)
async def test_a_relay_whose_events_get_no_answer_leaves_nothing_of_its_producer_behind(
    own_kafka: tuple[Platform, Switch], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _relay_without_answers(own_kafka, monkeypatch) as publisher:
        call = Call(actor="system", at=now(), correlation_id=new_id())
        await note(publisher.database, call, applicant_id=new_id(), text="unanswered")


@pytest.mark.timeout(240)
async def test_a_relay_whose_watermark_gets_no_answer_begins_anew(
    own_kafka: tuple[Platform, Switch], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _relay_without_answers(own_kafka, monkeypatch):
        pass
