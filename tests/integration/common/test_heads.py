"""What comes before a request can be judged is bounded, on the server's real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import repeat

import pytest

from deploy.local.environment import Platform
from libs.common import http_protocol
from libs.common.http_protocol import HEAD_BYTES
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.kit import running

ADDRESS = b"/health/live"
ENDING = b"\r\n\r\n"
PART = b"a" * 8_192


@pytest.fixture
async def port(platform: Platform) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    async with running(PUBLISHER, platform) as service:
        server = new_server(service.apps[1], service.settings, port=0)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, headers and body of the next answer."""
        head = await self.reader.readuntil(ENDING)
        [length] = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
        body = await self.reader.readexactly(int(length.partition(b":")[2]))
        return int(head.split()[1]), head, body

    async def is_closed(self) -> bool:
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def swallowed(self, parts: Iterator[bytes]) -> int:
        """How many bytes the server took before it hung up."""
        taken = 0
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
                taken += len(part)
        except ConnectionError:
            pass
        return taken


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


def head(*, url: int = 0, header: int = 0, headers: int = 0) -> bytes:
    """A request with an address and a header that are so long, and so many headers beside."""
    address = ADDRESS + b"?" + b"u" * url
    small = b"".join(b"%x:\r\n" % number for number in range(headers))
    return b"GET " + address + b" HTTP/1.1\r\nX: " + b"h" * header + b"\r\n" + small + b"\r\n"


ENDLESS = {
    "an address": (b"GET /", PART),
    "one header": (b"GET / HTTP/1.1\r\nX: ", PART),
    "headers": (b"GET / HTTP/1.1\r\n", b"X: " + PART + b"\r\n"),
    "a trailer": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", PART),
    "nothing": (b"\r\n", b"\r\n" * 4_096),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_never_ends_is_not_gathered(port: int, what: str) -> None:
    begins, part = ENDLESS[what]
    async with line_to(port) as line:
        line.writer.write(begins)
        # Buffers of the system take more than the server does.
        assert await line.swallowed(repeat(part, 4_096)) < len(part) * 2_048


@pytest.mark.parametrize("large", [{"url": HEAD_BYTES}, {"header": HEAD_BYTES}, {"headers": HEAD_BYTES // 5}])
async def test_a_head_over_the_limit_is_a_problem_of_its_own(port: int, large: dict[str, int]) -> None:
    async with line_to(port) as line:
        line.writer.write(head(**large))
        status, headers, body = await line.answer()
        assert (status, json.loads(body)["code"]) == (431, "head-too-large")
        assert b"content-type: application/problem+json" in headers.lower()
        assert json.loads(body)["correlation_id"].encode() in headers
        assert await line.is_closed()


async def test_the_refusal_speaks_the_callers_language(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(b"GET / HTTP/1.1\r\nAccept-Language: en\r\nX: " + b"h" * HEAD_BYTES)
        _, headers, body = await line.answer()
        assert b"content-language: en" in headers.lower()
        assert json.loads(body)["detail"].startswith("The address and the headers")


@pytest.mark.parametrize("size", [{"url": HEAD_BYTES - 100}, {"header": HEAD_BYTES - 100}, {"headers": 7_000}])
async def test_a_head_just_under_the_limit_is_answered_and_the_connection_goes_on(
    port: int, size: dict[str, int]
) -> None:
    async with line_to(port) as line:
        for _ in range(2):
            line.writer.write(head(**size))
            assert (await line.answer())[0] == 200


async def test_requests_that_come_together_are_answered_in_turn(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(head(headers=3) * 3)
        for _ in range(3):
            assert (await line.answer())[0] == 200


async def test_a_refusal_is_never_taken_for_the_answer_to_the_request_before(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(head() + head(header=HEAD_BYTES))
        answered = []
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                answered.append((await line.answer())[0])
        assert answered in ([], [200], [200, 431])


async def test_a_body_counts_as_no_head_and_comes_byte_by_byte(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(b"GET " + ADDRESS + b" HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"b" * 199_990)
        for _ in range(10):
            line.writer.write(b"b")
            await line.writer.drain()
        line.writer.write(head())
        assert [(await line.answer())[0] for _ in range(2)] == [200, 200]


async def test_a_body_that_is_no_http_is_a_problem(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(b"POST /internal/v1/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n")
        assert (await line.answer())[0] == 400


async def test_what_is_no_http_is_a_problem(port: int) -> None:
    async with line_to(port) as line:
        line.writer.write(b"nonsense" + ENDING)
        status, _, body = await line.answer()
        assert (status, json.loads(body)["code"]) == (400, "request-refused")
        assert await line.is_closed()


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nX: y\r\n"])
async def test_a_head_that_does_not_end_in_time_ends_its_connection(
    port: int, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    async with line_to(port) as line, asyncio.timeout(5):
        line.writer.write(begun)
        assert await line.is_closed()


@pytest.mark.parametrize("address", [ADDRESS, b"/internal/v1/events"])
async def test_a_body_has_more_time_than_a_head_and_not_for_ever(
    port: int, monkeypatch: pytest.MonkeyPatch, address: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 3.0)
    async with line_to(port) as line, asyncio.timeout(10):
        began = asyncio.get_running_loop().time()
        line.writer.write(b"POST " + address + b" HTTP/1.1\r\nContent-Length: 200\r\n\r\n")
        ended = asyncio.create_task(line.reader.read())
        while not ended.done():
            line.writer.write(b"b")
            await asyncio.wait([ended], timeout=0.1)
        assert asyncio.get_running_loop().time() - began > 2.0


async def test_a_request_after_one_whose_body_took_its_time_has_all_of_its_own(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "REQUEST_SECONDS", 2.0)
    async with line_to(port) as line, asyncio.timeout(10):
        for _ in range(3):
            line.writer.write(b"GET " + ADDRESS + b" HTTP/1.1\r\nContent-Length: 2\r\n\r\nb")
            await asyncio.sleep(1)
            line.writer.write(b"b")
            assert (await line.answer())[0] == 200


async def test_bytes_that_trickle_in_gain_no_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    async with line_to(port) as line, asyncio.timeout(5):
        line.writer.write(head())
        assert (await line.answer())[0] == 200
        closed = asyncio.create_task(line.is_closed())
        line.writer.write(b"GET / HTTP/1.1\r\n")
        while not closed.done():
            line.writer.write(b"X: y\r\n")
            await asyncio.wait([closed], timeout=0.05)
        assert closed.result()
