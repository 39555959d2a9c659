"""More people at once than the api can serve: it keeps to its memory and does each sign-in whole or not at all."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest
from pydantic import SecretStr

from deploy.local.environment import Platform, service_environment
from libs.common.clock import now
from services.auth.session import slowing
from services.auth.settings import AuthSettings
from services.auth.user_code.passwords import Passwords
from tests.crowd import PASSWORD, add_crowd, code_of
from tests.integration.auth import parties
from tests.integration.auth.parties import CLIC_REVENU, Browser, Client, answer_of
from tests.kit import Running

PEOPLE, VISITORS = 500, 1_000
ARGON2_MIB = 19
# What waiting calls, their answers and the allocator may take beside the hashes.
REST_MIB = 96
MIBIBYTE = 1_048_576
START_SECONDS = 30


@dataclass
class Api:
    """The api as a process of its own, with real hashes, on the test's database."""

    service: Running
    stack: AsyncExitStack
    watched: psutil.Process
    settings: AuthSettings
    sizes: list[float] = field(default_factory=list)

    async def browser(self, number: int) -> Browser:
        """On a network and a connection of its own."""
        headers = {"accept-language": "en", "x-forwarded-for": f"10.9.{number >> 8}.{number & 255}"}
        return Browser(await self.stack.enter_async_context(_client(self.service, headers)))

    def size(self) -> float:
        return float(self.watched.memory_info().rss) / MIBIBYTE

    async def watch(self) -> None:
        while True:
            self.sizes.append(self.size())
            await asyncio.sleep(0.02)


@pytest.fixture
async def api(auth: Running, platform: Platform) -> AsyncIterator[Api]:
    name = urlsplit(auth.settings.database_url.get_secret_value()).path.lstrip("/")
    environment = service_environment("auth", platform, database=name)
    fields = {key.removeprefix("CLICSEQUR_").lower(): value for key, value in environment.items()}
    settings = AuthSettings.model_validate(fields)
    await _prepare(auth, settings)
    process = subprocess.Popen(  # noqa: ASYNC220 - our own program
        [sys.executable, "-m", "services.auth", "api"],
        env={**environment, "CLICSEQUR_TRUSTED_PROXIES": "127.0.0.1", "CLICSEQUR_LOG_LEVEL": "ERROR"},
    )
    try:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(_client(auth, {}))
            await _answers(http)
            yield Api(replace(auth, public=http), stack, psutil.Process(process.pid), settings)
    finally:
        process.terminate()
        process.wait(20)


def _client(service: Running, headers: dict[str, str]) -> httpx.AsyncClient:
    """A new connection for each call: the server closes those that are idle while a crowd is served."""
    return httpx.AsyncClient(
        base_url=service.settings.public_url,
        headers=headers,
        timeout=60,
        limits=httpx.Limits(max_keepalive_connections=0),
        trust_env=False,
        verify=False,  # noqa: S501 - it is http
    )


async def _prepare(service: Running, settings: AuthSettings) -> None:
    """The people, and facts that stay fresh without a worker."""
    passwords = Passwords(settings, service.apps[0].state.parts.passwords._pepper)  # noqa: SLF001
    hashed = await passwords.hash(SecretStr(PASSWORD))
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        await add_crowd(connection, hashed, count=PEOPLE, at=now())
        for publisher in service.service.publishers:
            await connection.execute(
                "INSERT INTO freshness VALUES ($1, now() + interval '1 d', 0)"
                " ON CONFLICT (publisher) DO UPDATE SET fresh_as_of = excluded.fresh_as_of",
                publisher,
            )
    finally:
        await connection.close()


async def _answers(http: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answer = await http.get("/health/live")
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "the api does not start"
            await asyncio.sleep(0.1)
        else:
            assert answer.status_code < 500
            return


async def _sign_in(api: Api, relying: Client, number: int) -> httpx.Response:
    """The whole way to the client's callback; or the page that asks to come again."""
    browser = await api.browser(number)
    answer = await browser.get(relying.authorize())
    if answer.status_code != 200:
        return answer
    return await browser.submit({"user_code": code_of(number), "password": PASSWORD})


async def _rows(service: Running, table: str) -> int:
    found = await service.database.fetch(f"SELECT count(*) AS rows FROM {table}")
    rows: int = found[0]["rows"]
    return rows


async def test_a_storm_of_sign_ins_is_served_or_asked_to_wait_and_never_half_done(
    api: Api, platform: Platform
) -> None:
    relying = parties.client(api.service, platform, CLIC_REVENU)
    warm = answer_of(await _sign_in(api, relying, 0))
    assert (await relying.redeem(warm["code"])).status_code == 200
    before, watching = api.size(), asyncio.create_task(api.watch())
    answers = await asyncio.gather(*(_sign_in(api, relying, number) for number in range(1, PEOPLE)))
    watching.cancel()
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {303, 503}, statuses
    accepted = [answer_of(answer)["code"] for answer in answers if answer.status_code == 303]
    assert accepted
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 503)
    assert await _rows(api.service, "sessions") == len(accepted) + 1
    assert await _rows(api.service, "authorization_codes") == len(accepted) + 1
    for code in accepted:
        assert (await relying.redeem(code)).status_code == 200
    refused = next(number for number, answer in enumerate(answers, 1) if answer.status_code == 503)
    assert (await _sign_in(api, relying, refused)).status_code == 303, "once the crowd is gone"
    hashes = api.settings.hashing_threads * ARGON2_MIB
    assert max(api.sizes) - before <= hashes + REST_MIB
    assert api.size() - before <= REST_MIB
    failures = await api.service.database.fetch("SELECT max(failures) AS most FROM sign_in_attempts")
    assert failures[0]["most"] <= slowing.OF_NETWORK.free


async def test_a_thousand_visitors_at_once_each_get_their_sign_in_page_or_are_asked_to_wait(
    api: Api, platform: Platform
) -> None:
    relying = parties.client(api.service, platform, CLIC_REVENU)
    address = relying.authorize()
    browsers = [await api.browser(number) for number in range(VISITORS)]
    before, watching = api.size(), asyncio.create_task(api.watch())
    answers = await asyncio.gather(*(browser.http.get(address) for browser in browsers))
    watching.cancel()
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {303, 503}, statuses
    assert statuses[303] == await _rows(api.service, "authorization_requests")
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert max(api.sizes) - before <= REST_MIB
    led = [browser for browser, answer in zip(browsers, answers, strict=True) if answer.status_code == 303]
    pages = await asyncio.gather(*(browser.http.get("/sign-in") for browser in led[:50]))
    assert {page.status_code for page in pages} == {200}
