"""The certificate of a mutual TLS client (RFC 8705), as the proxy before us tells it (RFC 9440)."""

import base64
import binascii
import hashlib
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import Request

from libs.common.settings import ServiceSettings

HEADER_LENGTH = 16_384
PEER = "clicsequr.peer"


def peer_of(request: Request) -> str | None:
    """The address that the connection comes from, a proxy's too; None when no server noted it."""
    peer: str | None = request.scope.get(PEER)
    return peer


def certificate_of(request: Request, settings: ServiceSettings) -> x509.Certificate | None:
    """None unless exactly one is told, by a proxy that is trusted, under the header that is set for it."""
    name = settings.client_certificate_header
    if not name or not _is_trusted(peer_of(request), settings.trusted_proxies):
        return None
    told = request.headers.getlist(name)
    return _read(told[0]) if len(told) == 1 else None


def thumbprint_of(certificate: x509.Certificate) -> str:
    """RFC 8705 §3.1: `x5t#S256`."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _is_trusted(peer: str | None, trusted: str) -> bool:
    if peer is None:
        return False
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in ip_network(one.strip()) for one in trusted.split(",") if one.strip())


def _read(told: str) -> x509.Certificate | None:
    """RFC 9440 §2.1: a byte sequence of structured fields, DER between colons."""
    if len(told) > HEADER_LENGTH or not (told.startswith(":") and told.endswith(":")):
        return None
    try:
        return x509.load_der_x509_certificate(base64.b64decode(told[1:-1], validate=True))
    except (ValueError, binascii.Error):
        return None
