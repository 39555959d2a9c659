"""Of two that share a connection, the one that sends on it gives it up first."""

import asyncio

import httpcore
import pytest

from deploy.local.environment import Platform
from libs.common import http_calls
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.kit import running

NGINX_IDLE_SECONDS = 60


@pytest.mark.parametrize("app", [0, 1], ids=["public", "internal"])
async def test_whoever_sends_gives_up_an_idle_connection_before_its_server_closes_it(
    platform: Platform, app: int
) -> None:
    async with running(PUBLISHER, platform) as service:
        config = new_server(service.apps[app], service.settings, port=0).config
    assert config.timeout_keep_alive > max(NGINX_IDLE_SECONDS, http_calls.IDLE_SECONDS)


async def test_a_server_that_is_stopped_waits_for_no_idle_connection(platform: Platform) -> None:
    async with running(PUBLISHER, platform) as service, httpcore.AsyncConnectionPool() as caller:
        server = new_server(service.apps[1], service.settings, port=0)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        answer = await caller.request("GET", f"http://127.0.0.1:{port}/health/live")
        assert answer.status == 200
        assert [one.is_idle() for one in caller.connections] == [True]
        server.should_exit = True
        async with asyncio.timeout(2):
            await serving
