"""HEAD (RFC 9110 §9.3.2): what GET would answer, without its body."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.integration.common.test_admission import APPLICANT, mine, records
from tests.kit import Running, running


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(PUBLISHER, platform) as service:
        yield service


@pytest.fixture
async def http(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    server = new_server(service.apps[0], service.settings, port=0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a server of uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    server.should_exit = True
    await serving


async def test_the_head_of_an_answer_is_that_of_the_whole_and_is_recorded(
    service: Running, http: httpx.AsyncClient
) -> None:
    place = f"/v1/applicants/{APPLICANT}/notes"
    whole = await http.get(place, headers=mine(service))
    for _ in range(2):
        head = await http.head(place, headers=mine(service))
        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-type", "content-length", "cache-control"):
            assert head.headers[name] == whole.headers[name]
    assert len(await records(service)) == 3


async def test_the_head_of_what_is_refused_or_only_posted_is_refused_alike(http: httpx.AsyncClient) -> None:
    refused = await http.head(f"/v1/applicants/{APPLICANT}/notes")
    assert (refused.status_code, refused.content) == (401, b"")
    assert (await http.head("/nowhere")).status_code == 404
