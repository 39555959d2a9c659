import asyncio
from dataclasses import replace

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common import circuit_breaker
from libs.common.errors import ServiceUnavailable
from tests.integration.common.probe import PUBLISHER
from tests.kit import Through, running

MALFORMED = [
    b"<html>a proxy speaks</html>",
    b"",
    b"[]",
    b"{}",
    b'{"expires_in": 300}',
    b'{"access_token": "t"}',
    b'{"access_token": null, "expires_in": 300}',
    b'{"access_token": "", "expires_in": 300}',
    b'{"access_token": "t\\nX-More: 1", "expires_in": 300}',
    b'{"access_token": "t", "expires_in": "soon"}',
]


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_token_answer_that_cannot_be_read_means_that_the_service_is_away(
    platform: Platform, content: bytes
) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, content=content)

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        with pytest.raises(ServiceUnavailable):
            await calls.request("GET", "delegation", "/internal/v1/events")
        await calls.close()
    assert asked == ["/oauth/token"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"events": 3}', b'{"events": [{"event": {}}]}', b'{"events": [1]}']
)
async def test_a_feed_that_cannot_be_read_means_that_its_publisher_is_away(
    platform: Platform, content: bytes
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        return httpx.Response(200, content=content)

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        with pytest.raises(ServiceUnavailable):
            await calls.refill("delegation", "applicant:x", 0)
        await calls.close()


async def test_of_many_calls_that_need_a_token_at_once_one_asks_for_it(platform: Platform) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/oauth/token":
            await asyncio.sleep(0.05)
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        return httpx.Response(200, text=request.headers["authorization"])

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        answers = await asyncio.gather(*(calls.request("GET", "delegation", "/x") for _ in range(50)))
        await calls.close()
    assert {one.body for one in answers} == {b"Bearer t"}
    assert asked.count("/oauth/token") == 1


async def test_a_token_that_was_not_given_is_asked_for_again(platform: Platform) -> None:
    statuses = iter([503, 200])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(next(statuses), json={"access_token": "t", "expires_in": 300})
        return httpx.Response(200)

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        with pytest.raises(ServiceUnavailable):
            await calls.request("GET", "delegation", "/x")
        assert (await calls.request("GET", "delegation", "/x")).status == 200
        await calls.close()


async def test_a_service_that_hangs_is_left_alone_until_it_answers(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circuit_breaker, "PAUSE_SECONDS", 0.3)
    asked = []
    hangs = True

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        asked.append(request.url.path)
        if hangs and request.url.path == "/hangs":
            await asyncio.sleep(60)
        return httpx.Response(200)

    async with running(PUBLISHER, platform, outbound_timeout_seconds=0.1) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))

        async def fails(number: int) -> list[bool]:
            made = await asyncio.gather(
                *(calls.request("GET", "delegation", "/hangs") for _ in range(number)), return_exceptions=True
            )
            return [isinstance(one, ServiceUnavailable) for one in made]

        assert all(await fails(circuit_breaker.FAILURES))
        assert all(await fails(20))
        assert len(asked) == circuit_breaker.FAILURES
        assert (await calls.request("GET", "registry", "/another")).status == 200
        await asyncio.sleep(0.4)
        assert all(await fails(20))
        assert asked.count("/hangs") == circuit_breaker.FAILURES + 1
        hangs = False
        await asyncio.sleep(0.4)
        assert (await calls.request("GET", "delegation", "/hangs")).status == 200
        assert not any(await fails(20))
        await calls.close()


async def test_a_service_that_is_away_is_asked_each_time(platform: Platform) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        raise httpx.ConnectError("refused")

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        for _ in range(2 * circuit_breaker.FAILURES):
            with pytest.raises(ServiceUnavailable):
                await calls.request("GET", "delegation", "/x")
        await calls.close()
    assert len(asked) == 2 * circuit_breaker.FAILURES


async def test_a_call_that_is_given_up_counts_for_nothing(platform: Platform) -> None:
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300})
        asked.append(request.url.path)
        await asyncio.sleep(60)
        raise AssertionError

    async with running(PUBLISHER, platform) as service:
        calls = replace(service.resources.service_calls, pool=Through(httpx.MockTransport(answer)))
        for _ in range(2 * circuit_breaker.FAILURES):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await calls.request("GET", "delegation", "/x")
        await calls.close()
    assert len(asked) == 2 * circuit_breaker.FAILURES
