"""What an authenticated, recorded read costs beside a bare one."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import httpx

from deploy.demo.world import World
from deploy.local import ports
from deploy.local.layout import PROJECT
from tests.bench import floor
from tests.bench.figures import Figure
from tests.bench.load import get, requests_per_second
from tests.bench.people import SignedIn, add_person, registry_resources

ROUNDS = 5


async def authenticated_read(world: World, *, name: str = "authenticated-read-ratio") -> list[Figure]:
    """Requests/s of a one-row read with its access record, and of the floor, measured in turn."""
    async with registry_resources(world.platform) as resources:
        session = await add_person(world, resources, number=0)
        database_url = resources.settings.database_url.get_secret_value()
    ours, floors = [], []
    async with bare_server(database_url, floor.__name__) as port:
        for _ in range(ROUNDS):
            floors.append(
                await requests_per_second(port, [get(f"/applicants/{session.applicant_id}", headers={})])
            )
            ours.append(await requests_per_second(world.platform.ports.public("registry"), [_read(session)]))
    # Each pair was measured within seconds: the median of their ratios outlives a slow minute.
    ratios = [value / least for value, least in zip(ours, floors, strict=True)]
    return [Figure(name, median(ours), "req/s", median(floors), median(ratios))]


def _read(session: SignedIn) -> bytes:
    return get(f"/v1/applicants/{session.applicant_id}", headers=session.person.bearer("registry"))


@asynccontextmanager
async def bare_server(database_url: str, module: str) -> AsyncIterator[int]:
    """The port of a program that does the least that could be done."""
    port = _free_port()
    server = subprocess.Popen(  # noqa: ASYNC220, S603 - our own server, started before anything is measured
        [sys.executable, "-m", module, str(port)],
        cwd=PROJECT,
        env={**os.environ, floor.DATABASE: database_url},
    )
    try:
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{port}/openapi.json")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _free_port() -> int:
    with socket.create_server((ports.LOOPBACK, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
