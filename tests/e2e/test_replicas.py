"""Two replicas of every api and worker at once: two stories, each through replicas of its own."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deploy.demo.story import entering, play
from deploy.local import ports
from deploy.local.commands import full_environment
from deploy.local.databases import SERVICES
from deploy.local.environment import Platform
from deploy.local.layout import PROJECT
from tests.suite import real_suite

ROLES = ("api", "worker")


@contextmanager
def second_replicas(platform: Platform, logs: Path) -> Iterator[Platform]:
    """As many programs again, on other ports, with the same databases, broker and issuer."""
    chosen = ports.free()
    moved = replace(
        chosen,
        auth=platform.ports.auth,
        postgres=platform.ports.postgres,
        kafka=platform.ports.kafka,
        kafka_controller=platform.ports.kafka_controller,
    )
    second = replace(platform, ports=moved)
    programs = []
    try:
        for service in SERVICES:
            for role in ROLES:
                environment = full_environment(service, second, command=role)
                if service == "auth":
                    # People meet auth at the issuer's address; this replica answers its internal port alone.
                    environment["CLICSEQUR_PUBLIC_PORT"] = str(chosen.auth)
                with (logs / f"second-{service}-{role}.log").open("wb") as log:
                    programs.append(
                        subprocess.Popen(  # noqa: S603 - our own programs
                            [sys.executable, "-m", f"services.{service}", role],
                            cwd=PROJECT,
                            env=environment,
                            stdout=log,
                            stderr=log,
                        )
                    )
        yield second
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(15)


async def ready(platform: Platform) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
        for service in SERVICES:
            while not await _answers(client, f"{platform.internal_url(service)}/health/ready"):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.2)


async def _answers(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == httpx.codes.OK
    except httpx.ConnectError:
        return False


@pytest.mark.timeout(600)
async def test_two_stories_through_two_sets_of_replicas(tmp_path: Path) -> None:
    with real_suite(tmp_path / "suite") as suite, second_replicas(suite.platform, tmp_path) as second:
        await ready(second)

        async def story(platform: Platform) -> list[str]:
            async with entering(platform, suite.here) as world:
                outcomes = await play(world, tell=lambda _line: None)
                return [f"{one.step.title}: {one.told}" for one in outcomes if not one.succeeded]

        failed = await asyncio.gather(story(suite.platform), story(second))
        assert [*failed] == [[], []]
