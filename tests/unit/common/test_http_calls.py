import asyncio
from collections.abc import AsyncIterator

import httpcore
import pytest

from libs.common.http_calls import FAULTS, new_pool, send

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
async def pool() -> AsyncIterator[httpcore.AsyncConnectionPool]:
    async with new_pool() as made:
        yield made


async def test_what_is_sent_arrives_and_what_comes_back_is_read(pool: httpcore.AsyncConnectionPool) -> None:
    heard = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"ends"))
        writer.write(HELLO)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path?q=1"
        answered = await send(pool, "PUT", address, headers={"X-Mark": "one"}, body=b"it ends")
    assert (answered.status, answered.json()) == (200, {})
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /path?q=1 HTTP/1.1\r\n")
    assert b"X-Mark: one\r\n" in head
    assert body == b"it ends"


@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"no http\r\n\r\n"])
async def test_whatever_is_no_whole_answer_is_a_fault(pool: httpcore.AsyncConnectionPool, answered: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answered)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(FAULTS):
            await send(pool, "GET", address, headers={})
    with pytest.raises(FAULTS):
        await send(pool, "GET", address, headers={})
