"""Whether a certificate is a client's own (RFC 8705 §2.1)."""

from datetime import datetime

from cryptography import x509

from services.auth.client.rules import Client


def is_named_by(client: Client, certificate: x509.Certificate, *, at: datetime) -> bool:
    """RFC 8705 §2.1.2: the one name that is registered. The proxy has verified the chain."""
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return False
    if client.tls_client_auth_subject_dn:
        return certificate.subject == x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
    wanted = client.tls_client_auth_san_dns or ""
    return wanted != "" and wanted.lower() in _names(certificate)


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return {name.lower() for name in found.get_values_for_type(x509.DNSName)}
    except (x509.ExtensionNotFound, ValueError):
        return set()
