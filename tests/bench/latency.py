"""From the commit of a change to its effect elsewhere."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.demo.world import PURPOSE, SERVICES, Person, World, expect
from deploy.local import databases
from examples.clic_revenu.notices import listening
from tests.bench.figures import Figure, percentile
from tests.bench.load import Line, Lines, get, post
from tests.bench.people import SignedIn, add_applicants, add_person, registry_resources

SUSPENSIONS = 1000
WARM_UP_SUSPENSIONS = 1000
SUSPENSIONS_PER_SECOND = 50
ARRIVAL_SECONDS = 60
SESSIONS = 100
ROUND_TRIPS = 300
HOLD = {"reason_code": "requirements-not-met", "grounds": "mesure"}

# The row of a hold is written once, in the transaction of the suspension, so its commit is the suspension's.
SELECT_COMMITS = "SELECT applicant_id, pg_xact_commit_timestamp(xmin) AS at FROM registration_holds"


async def notice_latency(world: World) -> list[Figure]:
    """Suspensions over many applicants at a steady rate; each notice timed at the department's own consumer.

    The first ones warm the broker, which compiles itself as it runs, and are not counted.
    """
    async with registry_resources(world.platform) as resources:
        applicants = await add_applicants(resources, WARM_UP_SUSPENSIONS + SUSPENSIONS)
    await world.agent("decider")
    await world.until("the services to have heard of the applicants", lambda: _nothing_waits(world))
    async with _department(world) as consumer:
        await _caught_up(consumer)
        arrivals = asyncio.create_task(_arrivals(consumer, set(applicants)))
        await _suspend_at_a_steady_rate(world, applicants)
        async with asyncio.timeout(ARRIVAL_SECONDS):
            arrived = await arrivals
    commits = await _commits(world)
    delays = [(arrived[one] - commits[one]).total_seconds() * 1000 for one in applicants[WARM_UP_SUSPENSIONS:]]
    floor = await _kafka_round_trips(world)
    return [
        _delay("notice-latency-p50-ms", percentile(delays, 0.50), percentile(floor, 0.50)),
        _delay("notice-latency-p99-ms", percentile(delays, 0.99), percentile(floor, 0.99)),
    ]


def _delay(name: str, value: float, floor: float | None = None) -> Figure:
    return Figure(name, value, "ms", floor, value / floor if floor else None)


def _department(world: World, *, code: str = "revenu-quebec") -> AbstractAsyncContextManager[AIOKafkaConsumer]:
    platform = world.platform
    return listening(
        code,
        bootstrap=platform.kafka_bootstrap,
        password=platform.kafka_password(code),
        group=f"bench-{uuid4().hex[:8]}",
    )


async def _nothing_waits(world: World) -> bool:
    """No service still applies events of the preparation, which is no part of what is measured."""
    lags = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for service in SERVICES:
            report = await client.get(f"{world.platform.internal_url(service)}/internal/v1/freshness")
            lags.append(report.json()["lag"])
    return not any(lags)


async def _caught_up(consumer: AIOKafkaConsumer) -> None:
    await consumer.seek_to_end()
    for partition in consumer.assignment():
        await consumer.position(partition)


async def _arrivals(consumer: AIOKafkaConsumer, awaited: set[UUID]) -> dict[UUID, datetime]:
    found: dict[UUID, datetime] = {}
    async for record in consumer:
        at = datetime.now(UTC)
        notice = json.loads(record.value or b"{}")
        applicant_id = UUID(notice["data"]["applicant_id"])
        if notice["type"] == "clicsequr.access-suspended.v1" and applicant_id in awaited:
            found[applicant_id] = at
        if len(found) == len(awaited):
            break
    return found


async def _suspend_at_a_steady_rate(world: World, applicants: Sequence[UUID]) -> None:
    loop = asyncio.get_running_loop()
    lines = Lines(world.platform.ports.public("registry"))
    decider = await world.agent("decider")
    began, sent = loop.time(), []
    for number, applicant_id in enumerate(applicants):
        await asyncio.sleep(max(0.0, began + number / SUSPENSIONS_PER_SECOND - loop.time()))
        sent.append(asyncio.create_task(_suspend(lines, decider, applicant_id)))
    await asyncio.gather(*sent)
    lines.close()


async def _suspend(lines: Lines, decider: Person, applicant_id: UUID) -> None:
    headers = {**decider.bearer("registry"), "Clicsequr-Purpose": PURPOSE, "Idempotency-Key": str(uuid4())}
    status = await lines.ask(post(f"/v1/applicants/{applicant_id}/holds", headers=headers, body=HOLD))
    expect(status == httpx.codes.CREATED, f"a suspension was answered {status}")


async def _commits(world: World) -> dict[UUID, datetime]:
    connection = await asyncpg.connect(databases.address(world.platform.postgres_url, database="registry"))
    try:
        return {row["applicant_id"]: row["at"] for row in await connection.fetch(SELECT_COMMITS)}
    finally:
        await connection.close()


async def _kafka_round_trips(world: World) -> list[float]:
    """Milliseconds from a bare send to its arrival at a bare consumer of the same broker and topic."""
    platform = world.platform
    producer = AIOKafkaProducer(
        bootstrap_servers=platform.kafka_bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="registry",
        sasl_plain_password=platform.kafka_password("registry"),
        acks="all",
        enable_idempotence=True,
    )
    await producer.start()
    times = []
    try:
        # The topic of a department that hears nothing in this run.
        async with _department(world, code="cnesst") as consumer:
            await _caught_up(consumer)
            for _ in range(ROUND_TRIPS):
                began = time.perf_counter()
                await producer.send("departments.cnesst.notices", b"{}", key=b"department:cnesst")
                await consumer.getone()
                times.append((time.perf_counter() - began) * 1000)
    finally:
        await producer.stop()
    return times


async def revocation_latency(world: World) -> list[Figure]:
    """Each session's four live tokens are used without pause until all four are refused."""
    async with registry_resources(world.platform) as resources:
        sessions = [await add_person(world, resources, number=number) for number in range(SESSIONS)]
    decider = await world.agent("decider")
    lines = Lines(world.platform.ports.public("registry"))
    refused = {}
    for session in sessions:
        waiting = [asyncio.create_task(_refused_by(world, session, service)) for service in SERVICES]
        await _suspend(lines, decider, session.applicant_id)
        refused[session.applicant_id] = max(await asyncio.gather(*waiting))
    lines.close()
    commits = await _commits(world)
    delays = [(at - commits[applicant_id]).total_seconds() * 1000 for applicant_id, at in refused.items()]
    return [
        _delay("revocation-latency-p50-ms", percentile(delays, 0.50)),
        _delay("revocation-latency-p99-ms", percentile(delays, 0.99)),
    ]


async def _refused_by(world: World, session: SignedIn, service: str) -> datetime:
    line = Line(world.platform.ports.public(service))
    request = get("/v1/me/access-records?limit=1", headers=session.person.bearer(service))
    async with asyncio.timeout(20):
        while (status := await line.ask(request)) == httpx.codes.OK:
            pass
    line.close()
    expect(status == httpx.codes.UNAUTHORIZED, f"{service} answered {status} to a token of a suspended applicant")
    return datetime.now(UTC)
