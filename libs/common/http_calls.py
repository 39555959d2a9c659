"""HTTP to the suite's own services, and what any call answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpcore

CONNECTIONS, IDLE_CONNECTIONS = 100, 20
# Below the time after which a server, or anything on the way to it, closes an idle connection.
IDLE_SECONDS = 4.0
FAULTS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        """Raises ValueError."""
        return json.loads(self.body)


def new_pool() -> httpcore.AsyncConnectionPool:
    """Without time limits: whoever calls has one for the whole call."""
    return httpcore.AsyncConnectionPool(
        max_connections=CONNECTIONS,
        max_keepalive_connections=IDLE_CONNECTIONS,
        keepalive_expiry=IDLE_SECONDS,
    )


async def send(
    pool: httpcore.AsyncConnectionPool,
    method: str,
    address: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> Answer:
    """Raises one of FAULTS."""
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await pool.request(method, address, headers=sent, content=body)
    return Answer(answer.status, answer.content)
