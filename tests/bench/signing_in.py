"""What a whole sign-in, a client's token and the key set cost beside the least that could be done."""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import chain, count
from math import gcd
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import asyncpg
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from deploy.local import databases, keys
from deploy.local.environment import Platform, service_environment
from libs.common.clock import now
from services.auth.key_files import read_key
from services.auth.settings import AuthSettings
from services.auth.user_code.passwords import Passwords
from tests.bench import bare
from tests.bench.figures import Figure
from tests.bench.load import get, requests_per_second
from tests.bench.reading import bare_server
from tests.bench.talk import Talk, post_form
from tests.crowd import PASSWORD, add_crowd, code_of
from tests.suite import Suite

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CLIENT, CALLBACK = "clic-revenu", "http://127.0.0.1:18091/callback"
MACHINE = "registry"
FORM_TOKEN = re.compile(rb'name="form_token" value="([^"]+)"')
PEOPLE, AT_ONCE = 500, 8
# A machine changes its speed within seconds: many short rounds, each beside its floor, tell more than a few long
# ones.
ROUNDS, SECONDS, WARM_UP_SECONDS = 9, 2.0, 0.5
SIGN_IN_ROUNDS, SIGN_IN_SECONDS = 5, 4.0
# A suite that has just started still compiles (the broker's virtual machine) and prepares (each connection its
# statements); a suite that people sign in to has been up for longer.
SETTLING_SECONDS = 40.0
TOKENS_AT_ONCE, ASSERTIONS = 32, 20_000
MOST_SIGN_INS = 4_000
SELECT_PERSON = "SELECT EXISTS (SELECT 1 FROM user_codes WHERE code = $1)"
CREATE = "CREATE TABLE IF NOT EXISTS bare_rows (id uuid PRIMARY KEY, at timestamptz NOT NULL)"
Once = Callable[[Talk], Awaitable[None]]


def sign_in_ratio(suite: Suite, *, people: int = PEOPLE, name: str = "sign-in-ratio") -> list[Figure]:
    """Authorize, page, password, code and token, against password verifications alone with the same threads.

    Measured once people have signed in for a while.
    """
    return asyncio.run(_sign_in(suite.platform, people=people, name=name))


def token_ratio(suite: Suite, *, name: str = "token-ratio") -> list[Figure]:
    """client_credentials by private_key_jwt, against one durable INSERT behind a bare route.

    And against the least of its kind.
    """
    return asyncio.run(_token(suite.platform, name=name))


def jwks_ratio(suite: Suite, *, name: str = "jwks-ratio") -> list[Figure]:
    return asyncio.run(_jwks(suite.platform, name=name))


async def _sign_in(platform: Platform, *, people: int, name: str) -> list[Figure]:
    await require_crowd(platform, number=people)
    settings = settings_of(platform)
    assertions = assertions_of(platform, CLIENT, MOST_SIGN_INS)
    numbers = strides(people)

    async def once(talk: Talk) -> None:
        await whole_sign_in(talk, code_of(next(numbers)), assertion=next(assertions))

    await per_second(platform.ports.public("auth"), once, at_once=AT_ONCE, seconds=SETTLING_SECONDS)
    ours, floors = [], []
    for _ in range(SIGN_IN_ROUNDS):
        floors.append(await asyncio.to_thread(_verifications_per_second, settings))
        rate = await per_second(platform.ports.public("auth"), once, at_once=AT_ONCE, seconds=SIGN_IN_SECONDS)
        ours.append(rate)
    return [figure(name, ours, floors)]


async def _token(platform: Platform, *, name: str) -> list[Figure]:
    assertions = assertions_of(platform, MACHINE, ASSERTIONS)

    async def once(talk: Talk) -> None:
        asked = {"grant_type": "client_credentials", "resource": "urn:clicsequr:delegation"}
        await token_of(talk, asked, assertion=next(assertions))

    least = bare_token("/tokens", assertions_of(platform, MACHINE, ASSERTIONS))
    return await beside_bare(platform, name, once, bare_insert, least=least)


async def _jwks(platform: Platform, *, name: str) -> list[Figure]:
    ours: list[float] = []
    floors: list[float] = []
    address = databases.address(platform.postgres_url, database="auth")
    async with bare_server(address, bare.__name__) as port:
        for _ in range(ROUNDS):
            for rates, at, path in ((floors, port, "/jwks"), (ours, platform.ports.public("auth"), "/oauth/jwks")):
                rates.append(await requests_per_second(at, [get(path, headers={})], seconds=SECONDS))
    return [figure(name, ours, floors)]


async def beside_bare(
    platform: Platform, name: str, once: Once, bare_once: Once, *, least: Once | None = None
) -> list[Figure]:
    """`once` at our public port against `bare_once` at the bare server, in turn.

    `least`: what nobody can leave out of it, at the bare server too; makes a second figure.
    """
    async with superuser(platform) as connection:
        await connection.execute(CREATE)
    ours, floors, least_of_all = [], [], []
    address = databases.address(platform.postgres_url, database="auth")
    async with bare_server(address, bare.__name__) as port:
        for _ in range(ROUNDS):
            floors.append(await per_second(port, bare_once, at_once=TOKENS_AT_ONCE))
            if least is not None:
                least_of_all.append(await per_second(port, least, at_once=TOKENS_AT_ONCE))
            ours.append(await per_second(platform.ports.public("auth"), once, at_once=TOKENS_AT_ONCE))
    beside_least = [] if least is None else [figure(f"{name}-to-least", ours, least_of_all)]
    return [figure(name, ours, floors), *beside_least]


def bare_token(path: str, assertions: Iterator[str]) -> Once:
    async def once(talk: Talk) -> None:
        form = {"grant_type": "client_credentials", "client_assertion": next(assertions)}
        answer = await talk.ask(post_form(path, form, headers={}))
        require(answer.status == 200, answer.status)

    return once


async def bare_insert(talk: Talk) -> None:
    answer = await talk.ask(post_form("/rows", {}, headers={}))
    require(answer.status == 200, answer.status)


async def require_crowd(platform: Platform, *, number: int) -> None:
    """People with the numbers below `number`, unless they are there."""
    settings = settings_of(platform)
    hashed = await Passwords(settings, read_key(settings.pepper_key_file)).hash(SecretStr(PASSWORD))
    async with superuser(platform) as connection:
        if not await connection.fetchval(SELECT_PERSON, code_of(0)):
            await add_crowd(connection, hashed, count=number, at=now())


def strides(people: int) -> Iterator[int]:
    """Numbers of people, each once in every round, far from each other."""
    step = next(number for number in count(max(1, int(people * 0.618))) if gcd(number, people) == 1)
    return (number * step % people for number in count())


def figure(name: str, ours: list[float], floors: list[float]) -> Figure:
    """Each pair was measured within seconds: the median of their ratios outlives a slow minute."""
    ratios = [value / least for value, least in zip(ours, floors, strict=True)]
    return Figure(name, median(ours), "1/s", median(floors), median(ratios))


def settings_of(platform: Platform) -> AuthSettings:
    environment = service_environment("auth", platform)
    fields = {name.removeprefix("CLICSEQUR_").lower(): value for name, value in environment.items()}
    return AuthSettings.model_validate(fields)


@asynccontextmanager
async def superuser(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(databases.address(platform.postgres_url, database="auth"))
    try:
        yield connection
    finally:
        await connection.close()


def assertions_of(platform: Platform, client_id: str, number: int) -> Iterator[str]:
    """`number` made beforehand, those that are needed beyond as they are; each good for four minutes."""
    key = ECKey.import_key(keys.read(keys.client_key_file(platform.keys, client_id)))

    def make() -> str:
        at = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": platform.issuer, "iat": at, "exp": at + 280}
        return jwt.encode({"alg": "ES256"}, {**claims, "jti": str(uuid4())}, key)

    return chain([make() for _ in range(number)], (make() for _ in count()))


async def per_second(port: int, once: Once, *, at_once: int, seconds: float = SECONDS) -> float:
    """How often `once` is done in a second after a warm-up, by `at_once` callers without pause."""
    done = [0]
    over = asyncio.Event()

    async def caller() -> None:
        talk = Talk(port)
        while not over.is_set():
            await once(talk)
            done[0] += 1
        talk.close()

    callers = [asyncio.create_task(caller()) for _ in range(at_once)]
    await asyncio.sleep(WARM_UP_SECONDS)
    before, began = done[0], time.perf_counter()
    await asyncio.wait(callers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    rate = (done[0] - before) / (time.perf_counter() - began)
    over.set()
    await asyncio.gather(*callers)
    return rate


def _verifications_per_second(settings: AuthSettings) -> float:
    hasher = PasswordHasher(settings.argon2_passes, settings.argon2_memory_kib, settings.argon2_lanes)
    known = hasher.hash(PASSWORD)
    until = time.perf_counter() + SIGN_IN_SECONDS

    def verify(_number: int) -> int:
        done = 0
        while time.perf_counter() < until:
            hasher.verify(known, PASSWORD)
            done += 1
        return done

    with ThreadPoolExecutor(settings.hashing_threads) as threads:
        return sum(threads.map(verify, range(settings.hashing_threads))) / SIGN_IN_SECONDS


async def whole_sign_in(talk: Talk, code: str, *, assertion: str, scope: str = "openid") -> dict[str, Any]:
    """What the token endpoint answers in the end."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "scope": scope,
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    begun = await talk.ask(get(f"/oauth/authorize?{urlencode(asked)}", headers={}))
    browser = {"Cookie": begun.cookie()}
    page = await talk.ask(get("/sign-in", headers=browser))
    token = FORM_TOKEN.search(page.body)
    require(token is not None, page.status)
    typed = {"form_token": token[1].decode() if token else "", "user_code": code, "password": PASSWORD}
    answer = await talk.ask(post_form("/sign-in", typed, headers=browser))
    require(answer.status == 303, answer.status)
    given = parse_qs(urlsplit(answer.header("location")).query)["code"][0]
    redeemed = {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": CALLBACK,
        "code_verifier": verifier,
    }
    return await token_of(talk, redeemed, assertion=assertion)


async def token_of(talk: Talk, fields: dict[str, str], *, assertion: str) -> dict[str, Any]:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    answer = await talk.ask(post_form("/oauth/token", {**fields, **proof}, headers={}))
    require(answer.status == 200, answer.status)
    given: dict[str, Any] = json.loads(answer.body)
    return given


def require(condition: object, status: int) -> None:
    if not condition:
        raise RuntimeError(f"a call was answered {status}")
