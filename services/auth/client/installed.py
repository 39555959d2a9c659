"""A client as the installation file names it; members that it leaves out have the defaults of the model."""

import json
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from pydantic import Field

from libs.common.errors import DomainError
from libs.common.public_keys import KeyNotAcceptable
from services.auth.client.keys import Alg, read_jwk
from services.auth.client.registration import VENDOR_LENGTH, require_sound
from services.auth.client.rules import Client, ClientKind, Method, Profile
from services.auth.client.secrets import hash_secret, is_generated
from services.auth.installation_files import FilePart, InstallationFault, Name, Translated, read_text


class ClientAsInstalled(FilePart):
    client_id: Name
    kind: ClientKind
    jwk_file: Path | None = None
    jwk_files: tuple[Path, ...] = ()
    jwks_uri: str | None = None
    secret_files: tuple[Path, ...] = ()
    department: Name | None = None
    software: Name | None = None
    vendor: str | None = Field(default=None, min_length=1, max_length=VENDOR_LENGTH)
    name: Translated | None = None
    client_uri: str | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    profile: Profile = Profile.PLAIN
    token_endpoint_auth_method: Method = Method.PRIVATE_KEY_JWT
    token_endpoint_auth_signing_alg: Alg = Alg.ES256
    request_object_signing_alg: Alg | None = None
    tls_client_auth_subject_dn: str | None = None
    tls_client_auth_san_dns: str | None = None
    id_token_signed_response_alg: Alg = Alg.ES256
    access_token_signed_response_alg: Alg = Alg.ES256
    require_pkce: bool = True
    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False


AS_THEY_STAND = (
    *(
        "client_id",
        "kind",
        "department",
        "software",
        "vendor",
        "client_uri",
        "profile",
        "jwks_uri",
        "token_endpoint_auth_method",
    ),
    *("token_endpoint_auth_signing_alg", "tls_client_auth_subject_dn", "tls_client_auth_san_dns"),
    *("id_token_signed_response_alg", "access_token_signed_response_alg", "require_pkce"),
    *("require_pushed_authorization_requests", "require_signed_request_object", "dpop_bound_access_tokens"),
    *("tls_client_certificate_bound_access_tokens", "backchannel_logout_uri"),
    "backchannel_logout_session_required",
)


def read_client(wanted: ClientAsInstalled, *, keys_dir: Path) -> Client:
    """Raises InstallationFault."""
    name = wanted.name or Translated(fr=wanted.client_id, en=wanted.client_id)
    named = () if wanted.jwk_file is None else (wanted.jwk_file,)
    client = Client(
        **{member: getattr(wanted, member) for member in AS_THEY_STAND},
        name_fr=name.fr,
        name_en=name.en,
        redirect_uris=wanted.redirect_uris,
        post_logout_redirect_uris=wanted.post_logout_redirect_uris,
        scopes=wanted.scopes,
        request_object_signing_alg=wanted.request_object_signing_alg or wanted.token_endpoint_auth_signing_alg,
        jwks=tuple(_public_jwk(keys_dir / path) for path in (*named, *wanted.jwk_files)),
        secret_hashes=tuple(_secret_hash(keys_dir / path) for path in wanted.secret_files),
    )
    try:
        require_sound(client)
    except DomainError as error:
        raise InstallationFault(f"the client {client.client_id}: {error.detail('en').rstrip('.')}") from error
    return client


def _public_jwk(path: Path) -> dict[str, Any]:
    try:
        return dict(read_jwk(json.loads(read_text(path))).as_dict(private=False))
    except KeyNotAcceptable as fault:
        raise InstallationFault(f"the key in {path} {fault}") from fault
    except (ValueError, JoseError, AttributeError) as error:
        raise InstallationFault(f"{path} holds no key as a JWK") from error


def _secret_hash(path: Path) -> bytes:
    secret = read_text(path)
    if not is_generated(secret):
        raise InstallationFault(f"the secret in {path} is not one of 256 random bits in base64url")
    return hash_secret(secret)
