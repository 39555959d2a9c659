"""HTTP on a connection: uvicorn's, with bounds on what has to be kept before a request can be judged."""

import asyncio
import logging
from collections.abc import Iterable
from itertools import chain

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from libs.common.connection import Connection
from libs.common.ids import new_id
from libs.common.problems import choose_language, general_problem

log = logging.getLogger(__name__)

# Address and headers together: room for the longest query, the longest certificate and the longest token at once.
HEAD_BYTES = 65_536
HEAD_SECONDS = 10.0
# From the first byte that is not the request's last: what a telephone in a tunnel needs for a form.
REQUEST_SECONDS = 60.0
AROUND_HEADER = len(": \r\n")


class HeadTooLarge(Exception):
    """Told to the parser, which ends with it."""


class HttpProtocol(Connection):
    """Refuses a request whose head is over HEAD_BYTES, and ends a connection on which one does not come in time.

    The parser keeps what it read of an address, a header or a trailer until that is whole. So bytes are counted
    as they come, and forgotten with each part of a request that is handed on.
    """

    _unfinished = 0
    _head_at_most = 0
    _unfinished_since: float | None = None
    _is_in_body = False
    _is_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unfinished_since = self.loop.time()

    def data_received(self, received: bytes) -> None:
        size = len(received)
        self._unfinished += size
        self._head_at_most += size
        super().data_received(received)
        if not self._unfinished:
            # The next head may have begun in what was just read.
            self._head_at_most = size
        elif self._unfinished > HEAD_BYTES:
            self._refuse("head-too-large")
        if self._unfinished_since is None and (self._unfinished or self._is_in_body):
            self._unfinished_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        if self._head_at_most > HEAD_BYTES and self._head_bytes() > HEAD_BYTES:
            self._is_too_large = True
            raise HeadTooLarge
        self._is_in_body = True
        super().on_headers_complete()

    def _head_bytes(self) -> int:
        around = len(self.headers) * AROUND_HEADER
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers))) + around

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        self._is_in_body = False
        self._unfinished_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's, and it is told to nobody
        self._refuse("head-too-large" if self._is_too_large else "request-refused")

    def _refuse(self, code: str) -> None:
        """Answers unless it would be taken for the answer to an earlier request, or for the rest of one."""
        if self.transport.is_closing():
            return
        if not self.pipeline and self._is_next_to_be_answered(self.cycle):
            self.transport.write(_refusal(code, self.headers or ()))
        self.transport.close()

    def _is_next_to_be_answered(self, cycle: RequestResponseCycle | None) -> bool:
        if cycle is None or cycle.response_complete:
            return True
        return cycle.scope is self.scope and not cycle.response_started

    def close_when_late(self, now: float) -> None:
        """`now` is the loop's time, in seconds."""
        since = self._unfinished_since
        limit = REQUEST_SECONDS if self._is_in_body else HEAD_SECONDS
        if since is not None and now - since > limit and not self.transport.is_closing():
            log.info("a request was not complete in time")
            self.transport.close()


def close_late(connections: Iterable[object], *, now: float) -> None:
    """Ends those that began a request and do not go on."""
    for connection in list(connections):
        if isinstance(connection, HttpProtocol):
            connection.close_when_late(now)


def _refusal(code: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    correlation_id = new_id()
    language = choose_language(dict(headers).get(b"accept-language", b"").decode("latin-1"))
    answer = general_problem(code, language=language, correlation_id=correlation_id)
    answer.headers.update({"Connection": "close", "Cache-Control": "no-store"})
    answer.headers["X-Correlation-Id"] = str(correlation_id)
    return _as_bytes(answer)


def _as_bytes(answer: Response) -> bytes:
    lines = [name + b": " + value + b"\r\n" for name, value in answer.raw_headers]
    return b"".join([STATUS_LINE[answer.status_code], *lines, b"\r\n", bytes(answer.body)])
