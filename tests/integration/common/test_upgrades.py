"""A request that asks for another protocol (RFC 9110 §7.8) is one request, with its body, like any other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from fastapi import FastAPI, Request, Response

from deploy.local.environment import Platform
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.kit import settings_of

# As Java's HttpClient sends them where there is no TLS.
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
WEBSOCKET = (
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
)
ANOTHER = b"GET /another HTTP/1.1\r\nHost: x\r\n\r\n"


async def echo(request: Request) -> Response:
    upgrade = request.headers.get("upgrade", "none")
    return Response(f"[{request.method} {request.url.path} {upgrade} ".encode() + await request.body() + b"]")


@pytest.fixture
async def port(platform: Platform) -> AsyncIterator[int]:
    app = FastAPI()
    app.add_route("/{path:path}", echo, methods=["GET", "POST"])
    server = new_server(app, settings_of(PUBLISHER, platform, database="postgres"), port=0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - a server of uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


def post(body: bytes, *, wish: bytes = H2C, path: bytes = b"/one") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n" % (path, wish, len(body))


async def answers(port: int, parts: Sequence[bytes], *, number: int = 1) -> list[str]:
    """What each of `number` answers echoes, and whatever else comes soon after them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.05)
    found = b""
    async with _closing(writer):
        async with asyncio.timeout(5):
            while found.count(b"]") < number and (more := await reader.read(65_536)):
                found += more
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                found += await reader.read(65_536)
    return [echoed.partition("]")[0] for echoed in found.decode().split("[")[1:]]


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    yield
    writer.close()


@pytest.mark.parametrize("wish", [b"", H2C, WEBSOCKET])
async def test_the_body_belongs_to_the_request_however_it_arrives(port: int, wish: bytes) -> None:
    whole = post(b"a=b", wish=wish) + b"a=b"
    for at in (len(whole), len(whole) - 3, len(whole) - 1, 40, 5):
        assert await answers(port, [whole[:at], whole[at:]]) == ["POST /one none a=b"], at


async def test_a_body_in_chunks_belongs_to_its_request_too(port: int) -> None:
    head = b"POST /one HTTP/1.1\r\nHost: x\r\n%sTransfer-Encoding: chunked\r\n\r\n" % H2C
    whole = head + b"3\r\na=b\r\n0\r\n\r\n"
    for at in (len(head), len(head) + 2, len(whole)):
        assert await answers(port, [whole[:at], whole[at:]]) == ["POST /one none a=b"], at


async def test_a_body_is_never_the_next_request(port: int) -> None:
    expected = [f"POST /one none {ANOTHER.decode()}"]
    assert await answers(port, [post(ANOTHER), ANOTHER]) == expected
    assert await answers(port, [post(ANOTHER) + ANOTHER]) == expected


async def test_what_follows_on_the_connection_is_answered_in_its_turn(port: int) -> None:
    plain = b"GET /first HTTP/1.1\r\nHost: x\r\n%s\r\n" % H2C
    wanted = ["GET /first none ", "POST /one none ab", "GET /another none "]
    for parts in ([plain, post(b"ab"), b"ab", ANOTHER], [plain + post(b"ab") + b"ab" + ANOTHER]):
        assert await answers(port, parts, number=3) == wanted


async def test_a_tunnel_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n" + ANOTHER)
    async with _closing(writer), asyncio.timeout(5):
        found = await reader.read()
    assert found.startswith(b"HTTP/1.1 400 ")
    assert found.count(b"HTTP/1.1 ") == 1
