"""Calls to addresses that others gave us: what they reach, how long and how much; the servers are real."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.common.clock import now
from services.auth.outbound import Outbound, OutboundFault, is_public, require_outbound_address

Serve = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
HOST = "keys.example"
GREETING = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(await reader.readuntil(b"\r\n\r\n"), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def greet(_request: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    await writer.drain()


async def get(outbound: Outbound, address: str) -> bytes:
    return (await outbound.get(address, accept="*/*")).body


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),  # noqa: S104 - asked about
        *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:a00:1::1"),
        *("2001:0:a00:1::1", "::10.0.0.1"),
    ],
)
def test_an_address_that_is_not_public_is_known_as_such(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "132.203.250.1", "2607:f8b0::1"])
def test_a_public_address_is_known_as_such(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("http://keys.example/jwks", "ftp://keys.example/jwks", "file:///etc/passwd", "https:///jwks"),
        *("https://user@keys.example/", "https://keys.example/#x", "https://keys.example:port/"),
        *(
            "https://keys.example/\r\nHost: x",
            "https://kéys.example/",
            "https://x/" + "y" * 3_000,
            "https://[::1/",
        ),
    ],
)
def test_an_address_that_is_not_plain_https_is_not_called(address: str) -> None:
    with pytest.raises(OutboundFault):
        require_outbound_address(address, allows_loopback=False)


@pytest.mark.parametrize("allows_loopback", [True, False])
def test_http_is_for_loopback_and_only_where_it_is_allowed(*, allows_loopback: bool) -> None:
    with pytest.raises(OutboundFault):
        require_outbound_address("http://10.0.0.1/", allows_loopback=allows_loopback)
    if allows_loopback:
        require_outbound_address("http://127.0.0.1/", allows_loopback=True)
    else:
        with pytest.raises(OutboundFault):
            require_outbound_address("http://127.0.0.1/", allows_loopback=False)


async def _must_not_be_called(_request: bytes, _writer: asyncio.StreamWriter) -> None:
    pytest.fail("a guarded call arrived")


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.1", "127.1"),
        *("169.254.169.254", "[::ffff:10.0.0.1]", "10.0.0.1", "0.0.0.0"),  # noqa: S104 - called, not bound
    ],
)
async def test_no_spelling_of_a_private_address_is_called(host: str) -> None:
    async with listening(_must_not_be_called) as port:
        with pytest.raises(OutboundFault, match=r"public addresses|resolved"):
            await get(Outbound(seconds=2), f"https://{host}:{port}/")


class Names:
    """The outer world's resolver: each question about the host gets the next answer, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, port: int, *others: Any, **named: Any) -> list[Any]:
        if host != HOST:
            return list(self._real(host, port, *others, **named))
        found = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], []])
async def test_a_name_that_has_any_private_address_is_not_called(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    Names(monkeypatch, addresses)
    with pytest.raises(OutboundFault, match="public addresses"):
        await get(Outbound(seconds=2), "https://keys.example/jwks")


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certified(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """A server's TLS for this name, and the bundle of the authority that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(host))
        .issuer_name(_name(host))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(hours=1))
        .not_valid_after(now() + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    bundle, private = folder / f"{host}.pem", folder / f"{host}.key"
    bundle.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(bundle, private)
    return bundle, tls


async def test_the_checked_address_is_called_under_the_name_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle, tls = certified(tmp_path, "keys.example")
    seen: list[bytes] = []

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await greet(request, writer)

    names = Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    async with listening(note, tls) as port:
        outbound = Outbound(seconds=5, ca_file=bundle, allows_loopback=True)
        assert await get(outbound, f"https://keys.example:{port}/jwks") == b"hello"
    assert names.asked == 1
    assert f"host: keys.example:{port}".encode() in seen[0].lower()


async def test_a_certificate_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle, tls = certified(tmp_path, "elsewhere.example")
    Names(monkeypatch, ["127.0.0.1"])
    async with listening(greet, tls) as port:
        with pytest.raises(OutboundFault, match="failed"):
            await get(Outbound(seconds=5, ca_file=bundle, allows_loopback=True), f"https://keys.example:{port}/")


async def test_a_name_that_moves_to_a_private_address_between_two_calls_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle, tls = certified(tmp_path, "keys.example")
    Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    async with listening(greet, tls) as port:
        outbound = Outbound(seconds=5, ca_file=bundle, allows_loopback=True)
        await get(outbound, f"https://keys.example:{port}/")
        with pytest.raises(OutboundFault, match="public addresses"):
            await get(outbound, f"https://keys.example:{port}/")


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with listening(_must_not_be_called) as hidden:

        async def redirect(_request: bytes, writer: asyncio.StreamWriter) -> None:
            place = f"http://127.0.0.1:{hidden}/"
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()

        async with listening(redirect) as port:
            answer = await Outbound(seconds=2, allows_loopback=True).get(f"http://127.0.0.1:{port}/", accept="*/*")
            assert answer.status == 302


async def test_a_server_that_drips_is_left_when_the_time_is_over() -> None:
    async def drip(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with listening(drip) as port:
        with pytest.raises(OutboundFault, match="too long"):
            await get(Outbound(seconds=0.3, allows_loopback=True), f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("head", [b"Content-Length: 104857600\r\n", b""])
async def test_of_an_answer_of_100_megabytes_little_is_read(head: bytes) -> None:
    sent = 0

    async def flood(_request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        for _ in range(100):
            writer.write(b"x" * 1_048_576)
            await writer.drain()
            sent += 1

    async with listening(flood) as port:
        with pytest.raises(OutboundFault, match="too large"):
            await get(Outbound(seconds=5, allows_loopback=True), f"http://127.0.0.1:{port}/")
    assert sent < 50


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff" * 500, b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/9 what\r\n\r\n", b""]
)
async def test_an_answer_that_is_no_http_is_a_fault(garbage: bytes) -> None:
    async def babble(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        await writer.drain()

    async with listening(babble) as port:
        with pytest.raises(OutboundFault):
            await get(Outbound(seconds=2, allows_loopback=True), f"http://127.0.0.1:{port}/")


async def test_a_form_is_posted() -> None:
    seen: list[bytes] = []

    async def note(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        await greet(request, writer)

    async with listening(note) as port:
        outbound = Outbound(seconds=2, allows_loopback=True)
        answer = await outbound.post_form(f"http://127.0.0.1:{port}/out", {"logout_token": "a b"})
    assert (answer.status, answer.body) == (200, b"hello")
    assert seen[0].startswith(b"POST /out HTTP/1.1\r\n")
    assert b"content-length: 16" in seen[0].lower()


async def test_an_address_where_nobody_listens_is_a_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OutboundFault, match="failed"):
            await get(Outbound(seconds=2, allows_loopback=True), f"http://127.0.0.1:{taken.getsockname()[1]}/")
