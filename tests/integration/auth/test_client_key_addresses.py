"""`jwks_uri`: keys that a client publishes itself, from a real server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from deploy.local import keys
from deploy.local.environment import Platform
from libs.common.http_calls import Answer
from services.auth.app import SERVICE
from services.auth.client.keys import Alg
from services.auth.client.remote_keys import REMEMBERED_ADDRESSES, ClientKeys, Lives, read_key_set
from services.auth.client.rules import Client
from services.auth.outbound import Outbound, OutboundFault
from tests.integration.auth.registered import EC, OTHER_EC, REFUSED, RSA, SYSTEM, Signer, fault_of, install, public
from tests.kit import Running, running


@dataclass
class Publisher:
    """A client's server: what it answers and how often it was asked."""

    published: tuple[dict[str, Any], ...] = public(EC)
    asked: int = 0
    is_away: bool = False
    raw: bytes | None = None
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/jwks"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            self.arrived.set()
            await self.held.wait()
            if not self.is_away:
                body = json.dumps({"keys": self.published}).encode() if self.raw is None else self.raw
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def publishing() -> AsyncIterator[Publisher]:
    publisher = Publisher()
    publisher.held.set()
    server = await asyncio.start_server(publisher.answer, "127.0.0.1", 0)
    publisher.port = server.sockets[0].getsockname()[1]
    async with server:
        yield publisher


def keys_of(**lives: float) -> ClientKeys:
    return ClientKeys(Outbound(seconds=2, allows_loopback=True), Lives(**lives))


def client_at(publisher: Publisher) -> Client:
    return replace(SYSTEM, jwks=(), jwks_uri=publisher.address)


async def test_a_client_is_authenticated_by_the_keys_that_it_publishes(platform: Platform) -> None:
    keys.create(platform.keys)
    allowed: dict[str, Any] = {"outbound_allows_loopback": True}
    async with publishing() as publisher, running(SERVICE, platform, keys_dir=platform.keys, **allowed) as service:
        await install(service, client_at(publisher))
        signer = Signer(service)
        assert (await signer.token()).status_code == 200
        assert (await signer.token()).status_code == 200
        assert publisher.asked == 1
        assert fault_of(await signer.token(signer.assertion(signed={"key": OTHER_EC}))) == REFUSED


async def test_where_loopback_is_not_allowed_it_is_not_called(auth: Running) -> None:
    async with publishing() as publisher:
        await install(auth, client_at(publisher))
        assert fault_of(await Signer(auth).token()) == REFUSED
        assert publisher.asked == 0


async def test_a_name_that_is_not_known_is_looked_for_once() -> None:
    async with publishing() as publisher:
        found = keys_of(between=0)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is not None
        publisher.published = public(EC, OTHER_EC)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="other") is not None
        assert publisher.asked == 2


async def test_names_that_do_not_exist_do_not_make_us_ask_each_time() -> None:
    async with publishing() as publisher:
        found = keys_of()
        for number in range(30):
            assert await found.find(client_at(publisher), alg=Alg.ES256, kid=f"made-up-{number}") is None
        assert publisher.asked == 1


async def test_many_that_need_the_same_keys_at_once_ask_once() -> None:
    async with publishing() as publisher:
        publisher.held.clear()
        found = keys_of()
        asking = [
            asyncio.create_task(found.find(client_at(publisher), alg=Alg.ES256, kid="ec")) for _ in range(40)
        ]
        await publisher.arrived.wait()
        asking[0].cancel()
        publisher.held.set()
        got = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(got[0], asyncio.CancelledError)
        assert None not in got
        assert publisher.asked == 1


async def test_the_last_good_keys_stay_for_a_while_when_their_address_is_down() -> None:
    async with publishing() as publisher:
        found = keys_of(fresh=0, between=0)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is not None
        publisher.is_away = True
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is not None
        assert publisher.asked == 2
        found.lives = Lives(fresh=0, between=0, kept=0)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is None


async def test_a_key_that_is_no_longer_published_no_longer_serves() -> None:
    async with publishing() as publisher:
        found = keys_of(fresh=0, between=0)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is not None
        publisher.published = public(OTHER_EC)
        assert await found.find(client_at(publisher), alg=Alg.ES256, kid="ec") is None


async def test_addresses_are_remembered_in_bounded_number() -> None:
    async with publishing() as publisher:
        found = keys_of()
        for number in range(REMEMBERED_ADDRESSES + 5):
            client = replace(SYSTEM, jwks=(), jwks_uri=f"https://[::1]/{number}")
            assert await found.find(client, alg=Alg.ES256, kid="ec") is None
        assert len(found._known) == REMEMBERED_ADDRESSES  # noqa: SLF001 - nothing else tells of memory
        assert publisher.asked == 0


GARBAGE = [
    *(b"", b"\xff\xfe", b"[]", b"{}", b'{"keys": {}}', b'{"keys": "x"}', b'{"keys": []}', b"null", b"7"),
    *(b"[" * 50_000, b'{"keys": [null, 7, "x", []]}', b'{"keys": [{"kty": "oct", "k": "AAAA"}]}'),
    b"<html>" + b"x" * 60_000,
    json.dumps({"keys": [EC.as_dict(private=True)]}).encode(),
    json.dumps({"keys": [{**public(EC)[0], "kid": str(number)} for number in range(17)]}).encode(),
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
async def test_an_answer_that_is_no_key_set_gives_no_key(body: bytes) -> None:
    with pytest.raises(OutboundFault):
        read_key_set(Answer(200, body))
    async with publishing() as publisher:
        publisher.raw = body
        assert await keys_of().find(client_at(publisher), alg=Alg.ES256, kid="ec") is None


def test_keys_that_are_not_understood_are_passed_over() -> None:
    members = [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}, {**public(EC)[0], "use": "enc"}, *public(RSA)]
    assert read_key_set(Answer(200, json.dumps({"keys": members}).encode())) == public(RSA)
    with pytest.raises(OutboundFault):
        read_key_set(Answer(302, json.dumps({"keys": members}).encode()))
