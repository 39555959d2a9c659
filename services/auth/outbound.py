"""Calls to addresses that others gave us: to public hosts alone, over https, short, small, and never elsewhere.

The name is resolved once, every address that it has is judged, and the connection goes to the very address that
was judged, under the name that the certificate must carry. A name that resolves differently the next time gains
nothing. Redirects are not followed: an answer that is one is an answer like any other.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpcore

from libs.common.http_calls import Answer

ADDRESS_LENGTH = 2_048
ANSWER_BYTES = 65_536
CONNECTIONS = 32
Address = IPv4Address | IPv6Address

# Beside what `is_global` refuses: addresses that carry another one inside them (RFC 6052, RFC 3056, RFC 4380).
CARRIERS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")))


class OutboundFault(Exception):
    """The call was not made or gave nothing; one phrase, which names neither address nor content."""


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (
        address.ipv4_mapped is not None or address.is_site_local or any(address in net for net in CARRIERS)
    ):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def require_outbound_address(address: str, *, allows_loopback: bool) -> None:
    """What can be told of an address before its name is resolved. Raises OutboundFault."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise OutboundFault("the address cannot be read") from error
    is_plain = address.isascii() and address.isprintable() and len(address) <= ADDRESS_LENGTH
    if not is_plain or not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise OutboundFault("the address is not one that may be called")
    if parts.scheme != "https" and not (allows_loopback and parts.scheme == "http" and _is_loopback(host)):
        raise OutboundFault("the address is not https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, *, allows_loopback: bool) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._allows_loopback = allows_loopback

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of the backend
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        chosen = self._choose(await _resolve(host, port))
        return await self._inner.connect_tcp(str(chosen), port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    def _choose(self, addresses: Sequence[Address]) -> Address:
        """A name of which one address is not public is not called at all."""
        allowed = [one for one in addresses if is_public(one) or (self._allows_loopback and one.is_loopback)]
        if not allowed or len(allowed) < len(addresses):
            raise OutboundFault("the name does not stand for public addresses alone")
        return allowed[0]


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
    except (OSError, ValueError, UnicodeError) as error:
        raise OutboundFault("the name cannot be resolved") from error


@dataclass
class Outbound:
    """`allows_loopback` is for tests and local platforms: http there, and loopback addresses everywhere.

    `connections`: at once; a call that waits for one waits within its own time.
    """

    seconds: float
    ca_file: Path | None = None
    allows_loopback: bool = False
    connections: int = CONNECTIONS
    _pool: httpcore.AsyncConnectionPool | None = field(default=None, repr=False)

    async def get(self, address: str, *, accept: str, most_bytes: int = ANSWER_BYTES) -> Answer:
        """Raises OutboundFault."""
        return await self._call("GET", address, headers={"Accept": accept}, most_bytes=most_bytes)

    async def post_form(self, address: str, form: Mapping[str, str], *, most_bytes: int = ANSWER_BYTES) -> Answer:
        """Raises OutboundFault; then it may or may not have arrived."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return await self._call("POST", address, headers=headers, most_bytes=most_bytes, body=body)

    async def _call(
        self, method: str, address: str, *, headers: dict[str, str], most_bytes: int, body: bytes | None = None
    ) -> Answer:
        require_outbound_address(address, allows_loopback=self.allows_loopback)
        always = {"Accept-Encoding": "identity", "Connection": "close"}
        sent = [(name.encode(), value.encode()) for name, value in (headers | always).items()]
        try:
            # The whole call has the time, however slowly its bytes come.
            async with (
                asyncio.timeout(self.seconds),
                self._connections().stream(method, address, headers=sent, content=body) as answer,
            ):
                return Answer(answer.status, await _read(answer, most_bytes))
        except TimeoutError as error:
            raise OutboundFault("the answer took too long") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise OutboundFault("the call failed") from error
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            raise OutboundFault("the address cannot be called") from error

    def _connections(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file)),
                max_connections=self.connections,
                max_keepalive_connections=0,
                network_backend=_CheckedBackend(allows_loopback=self.allows_loopback),
            )
        return self._pool


async def _read(answer: httpcore.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for part in answer.aiter_stream():
        body += part
        if len(body) > most_bytes:
            raise OutboundFault("the answer is too large")
    return bytes(body)
