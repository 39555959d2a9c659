"""A keep-alive connection whose answers are read, for what takes more than one request."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.bench.load import get


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str:
        """The first one of this name. Raises LookupError."""
        for line in self.head.split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name:
                return value.strip()
        raise LookupError(name)

    def cookie(self) -> str:
        return self.header("set-cookie").partition(";")[0]


class Talk:
    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        if self._streams is None or self._streams[0].at_eof():
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        answer = Answer(int(head[9:12]), head, b"")
        return Answer(answer.status, head, await reader.readexactly(int(answer.header("content-length"))))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


def post_form(path: str, fields: dict[str, str], *, headers: dict[str, str]) -> bytes:
    content = urlencode(fields).encode()
    sent = {
        **headers,
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(content)),
    }
    return get(path, headers=sent).replace(b"GET", b"POST", 1) + content
