"""What a registration must be as a whole (RFC 7591 §2 and §3.2.2, RFC 8705 §2.1, FAPI 2.0 Security Profile)."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from libs.common.errors import Invalid
from libs.common.public_keys import KeyNotAcceptable
from services.auth.client.keys import Alg, require_keys
from services.auth.client.rules import Client, ClientKind, Method

VENDOR_LENGTH = 100
ADDRESS_LENGTH = 2_048
MOST_ADDRESSES = 20
MOST_SECRETS = 2
SECRET_HASH_BYTES = 32


class RedirectAddressNotAllowed(Invalid):
    code = "redirect-address-not-allowed"
    en = "{address} cannot be registered: https, or http on loopback, without fragment, wildcard or user name."
    fr = (
        "{address} ne peut être inscrite : https, ou http en boucle locale, sans fragment, caractère de"
        " remplacement ni nom d'utilisateur."
    )


class ClientMembersInconsistent(Invalid):
    code = "client-members-inconsistent"
    en = "{member} does not go with the rest of this client's registration."
    fr = "{member} ne s'accorde pas avec le reste de l'inscription de ce client."


class ClientKeyNotAcceptable(Invalid):
    code = "client-key-not-acceptable"
    en = "A key of this client is not acceptable: EC P-256 or RSA of 2048 to 4096 bits, public, each named apart."
    fr = (
        "Une clé de ce client n'est pas acceptable : EC P-256 ou RSA de 2048 à 4096 bits, publique, chacune sous"
        " son propre nom."
    )


class ProfileNotMet(Invalid):
    code = "client-profile-not-met"
    en = "The profile {profile} does not allow this value of {member}."
    fr = "Le profil {profile} ne permet pas cette valeur de {member}."


def require_sound(client: Client) -> None:
    """Raises RedirectAddressNotAllowed, ClientMembersInconsistent, ClientKeyNotAcceptable, ProfileNotMet."""
    _require_owner(client)
    _require_addresses(client)
    _require_keys(client)
    _require_method(client)
    _require_conduct(client)
    if client.is_fapi2:
        _require_fapi2(client)


def _require_owner(client: Client) -> None:
    is_departments = client.kind in {ClientKind.DEPARTMENT, ClientKind.DEPARTMENT_SYSTEM}
    _require("department", holds=is_departments == (client.department is not None))
    _require("software", holds=(client.kind is ClientKind.SOFTWARE) == (client.software is not None))
    _require("vendor", holds=client.vendor is None or client.kind is ClientKind.SOFTWARE)


def _require_addresses(client: Client) -> None:
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        addresses = getattr(client, member)
        _require(member, holds=len(addresses) <= MOST_ADDRESSES)
        _require(member, holds=client.may_redirect or not addresses)
        for address in addresses:
            if not _may_be_redirected_to(address):
                raise RedirectAddressNotAllowed(address=address[:ADDRESS_LENGTH])
    _require("client_uri", holds=client.may_redirect or client.client_uri is None)
    for member in ("client_uri", "backchannel_logout_uri", "jwks_uri"):
        address = getattr(client, member)
        if address is not None and not _may_be_redirected_to(address):
            raise RedirectAddressNotAllowed(address=address[:ADDRESS_LENGTH])
    _require(
        "backchannel_logout_session_required",
        holds=client.backchannel_logout_uri is not None or not client.backchannel_logout_session_required,
    )


def _may_be_redirected_to(address: str) -> bool:
    if len(address) > ADDRESS_LENGTH or not address.isascii() or not address.isprintable():
        return False
    if any(sign in address for sign in "#*\\ "):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and parts.username is None and parts.password is None and _is_scheme_allowed(parts)


def _is_scheme_allowed(parts: SplitResult) -> bool:
    if parts.scheme != "http":
        return parts.scheme == "https"
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _require_keys(client: Client) -> None:
    try:
        require_keys(client.jwks)
    except KeyNotAcceptable as fault:
        raise ClientKeyNotAcceptable from fault
    _require("jwks_uri", holds=client.jwks_uri is None or not client.jwks)


def _require_method(client: Client) -> None:
    method = client.token_endpoint_auth_method
    signs = method is Method.PRIVATE_KEY_JWT
    if signs:
        _require_key_for(client, client.token_endpoint_auth_signing_alg, member="token_endpoint_auth_signing_alg")
    if client.require_signed_request_object:
        _require_key_for(client, client.request_object_signing_alg, member="request_object_signing_alg")
    holds_secrets = 0 < len(client.secret_hashes) <= MOST_SECRETS
    _require("secret_hashes", holds=holds_secrets if method.is_secret else not client.secret_hashes)
    _require("secret_hashes", holds=all(len(one) == SECRET_HASH_BYTES for one in client.secret_hashes))
    _require_certificate_name(client)


def _require_key_for(client: Client, alg: Alg, *, member: str) -> None:
    has_key = any(jwk["kty"] == alg.key_type and jwk.get("alg", alg) == alg for jwk in client.jwks)
    _require(member, holds=has_key or client.jwks_uri is not None)


def _require_certificate_name(client: Client) -> None:
    """RFC 8705 §2.1.2: exactly one name, of a client that authenticates by it."""
    names = [client.tls_client_auth_subject_dn, client.tls_client_auth_san_dns]
    given = [name for name in names if name is not None]
    uses_it = client.token_endpoint_auth_method is Method.TLS_CLIENT_AUTH
    _require("tls_client_auth_subject_dn", holds=all(given) and len(given) == (1 if uses_it else 0))
    if client.tls_client_auth_subject_dn is not None:
        try:
            x509.Name.from_rfc4514_string(client.tls_client_auth_subject_dn)
        except ValueError as error:
            raise ClientMembersInconsistent(member="tls_client_auth_subject_dn") from error


def _require_conduct(client: Client) -> None:
    # The portal is sent to recourse by a link (recourse_address), which is neither pushed nor signed.
    is_linked = client.is_portal
    _require("require_pushed_authorization_requests", holds=not (is_linked and client.must_push))
    _require("require_signed_request_object", holds=not (is_linked and client.require_signed_request_object))
    _require("require_pkce", holds=client.require_pkce or (client.may_redirect and not is_linked))
    are_bound_twice = client.dpop_bound_access_tokens and client.tls_client_certificate_bound_access_tokens
    _require("dpop_bound_access_tokens", holds=not are_bound_twice)


def _require_fapi2(client: Client) -> None:
    algs = ("token_endpoint_auth_signing_alg", "request_object_signing_alg", "id_token_signed_response_alg")
    broken = [name for name in (*algs, "access_token_signed_response_alg") if getattr(client, name) is Alg.RS256]
    if client.token_endpoint_auth_method.is_secret:
        broken.append("token_endpoint_auth_method")
    if not client.require_pkce:
        broken.append("require_pkce")
    if not (client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens):
        broken.append("dpop_bound_access_tokens")
    if broken:
        raise ProfileNotMet(profile=client.profile.value, member=broken[0])


def _require(member: str, *, holds: bool) -> None:
    if not holds:
        raise ClientMembersInconsistent(member=member)
