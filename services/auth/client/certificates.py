"""The certificate of a mutual TLS client (RFC 8705), as the proxy before us tells it (RFC 9440)."""

import base64
import binascii
from datetime import datetime
from ipaddress import ip_address, ip_network

from cryptography import x509
from fastapi import Request

from libs.common.service import peer_of
from services.auth.client.rules import Client
from services.auth.settings import AuthSettings

HEADER_LENGTH = 16_384


def certificate_of(request: Request, settings: AuthSettings) -> x509.Certificate | None:
    """None unless exactly one is told, by a proxy that is trusted, under the header that is set for it."""
    name = settings.client_certificate_header
    if not name or not _is_trusted(peer_of(request), settings.trusted_proxies):
        return None
    told = request.headers.getlist(name)
    return _read(told[0]) if len(told) == 1 else None


def is_named_by(client: Client, certificate: x509.Certificate, *, at: datetime) -> bool:
    """RFC 8705 §2.1.2: the one name that is registered. The proxy has verified the chain."""
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return False
    if client.tls_client_auth_subject_dn is not None:
        return certificate.subject == x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
    wanted = client.tls_client_auth_san_dns
    return wanted is not None and wanted.lower() in _names(certificate)


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    except (x509.ExtensionNotFound, ValueError):
        return set()


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
