"""Closed-loop HTTP load over keep-alive connections, cheap enough that the server is what is measured."""

import asyncio
import json
import time
from collections.abc import Sequence
from functools import partial

SECONDS = 4.0
WARM_UP_SECONDS = 1.5
CONNECTIONS = 32


class _Caller(asyncio.Protocol):
    """Sends the same request again as soon as its answer has come; counts answers by status."""

    def __init__(self, request: bytes, counts: dict[bytes, int]) -> None:
        self._request = request
        self._counts = counts
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        start = head.index(b"content-length:") + len(b"content-length:")
        stop = head.find(b"\r\n", start)
        length = int(head[start : stop if stop >= 0 else None])
        if len(self._received) < end + 4 + length:
            return
        status = head[9:12]
        self._counts[status] = self._counts.get(status, 0) + 1
        del self._received[: end + 4 + length]
        self._transport.write(self._request)


async def requests_per_second(port: int, requests: Sequence[bytes], *, seconds: float = SECONDS) -> float:
    """Answers per second after a warm-up, each connection sending one of `requests`. All must answer 200."""
    counts: dict[bytes, int] = {}
    loop = asyncio.get_running_loop()
    transports = []
    for number in range(CONNECTIONS):
        request = requests[number % len(requests)]
        transport, _ = await loop.create_connection(partial(_Caller, request, counts), "127.0.0.1", port)
        transports.append(transport)
    await asyncio.sleep(WARM_UP_SECONDS)
    counts.clear()
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - began
    answered = dict(counts)
    for transport in transports:
        transport.close()
    if set(answered) != {b"200"}:
        raise RuntimeError(f"not every answer was 200: {answered}")
    return answered[b"200"] / elapsed


class Line:
    """One keep-alive connection, on which one request after another is asked; lighter than a whole client."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """The status of the answer."""
        # A server closes what was idle for long.
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]
        await reader.readexactly(int(length))
        return int(head[9:12])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


class Lines:
    """As many lines as are asked on at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    async def ask(self, request: bytes) -> int:
        line = self._idle.pop() if self._idle else Line(self._port)
        status = await line.ask(request)
        self._idle.append(line)
        return status

    def close(self) -> None:
        for line in self._idle:
            line.close()


def post(path: str, *, headers: dict[str, str], body: object) -> bytes:
    content = json.dumps(body).encode()
    sent = {**headers, "Content-Type": "application/json", "Content-Length": str(len(content))}
    return get(path, headers=sent).replace(b"GET", b"POST", 1) + content


def get(path: str, *, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
