"""A client's registration as two persons write it. There is no place in it for a secret or a private key."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from libs.common.http import Line, RequestModel
from libs.common.public_keys import KeyNotAcceptable
from services.auth.client.keys import MOST_KEYS, Alg, read_jwk
from services.auth.client.registration import ADDRESS_LENGTH, MOST_ADDRESSES, VENDOR_LENGTH
from services.auth.client.rules import Client, ClientKind, Method, Profile
from services.auth.installation_files import Name

MOST_SCOPES = 20


def _public(jwks: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """As a key is kept: its public half alone, or it is refused before anything stores it."""
    try:
        return tuple(dict(read_jwk(jwk).as_dict(private=False)) for jwk in jwks)
    except KeyNotAcceptable as fault:
        raise ValueError(str(fault)) from fault


Address = Annotated[str, StringConstraints(min_length=1, max_length=ADDRESS_LENGTH)]
Addresses = Annotated[tuple[Address, ...], Field(max_length=MOST_ADDRESSES)]
# RFC 6749 §3.3
Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,64}$")]
Keys = Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_KEYS), AfterValidator(_public)]


class ClientMembers(RequestModel):
    """What may be changed of a client; its kind and owner may not: another owner's is another client."""

    name_fr: Line = ""
    name_en: Line = ""
    client_uri: Address | None = None
    redirect_uris: Addresses = ()
    post_logout_redirect_uris: Addresses = ()
    scopes: Annotated[tuple[Scope, ...], Field(max_length=MOST_SCOPES)] = ()
    jwks: Keys = ()
    jwks_uri: Address | None = None
    profile: Profile = Profile.PLAIN
    token_endpoint_auth_method: Method = Method.PRIVATE_KEY_JWT
    token_endpoint_auth_signing_alg: Alg = Alg.ES256
    request_object_signing_alg: Alg = Alg.ES256
    tls_client_auth_subject_dn: Line | None = None
    tls_client_auth_san_dns: Line | None = None
    id_token_signed_response_alg: Alg = Alg.ES256
    access_token_signed_response_alg: Alg = Alg.ES256
    require_pkce: bool = True
    require_pushed_authorization_requests: bool = False
    require_signed_request_object: bool = False
    dpop_bound_access_tokens: bool = False
    tls_client_certificate_bound_access_tokens: bool = False
    backchannel_logout_uri: Address | None = None
    backchannel_logout_session_required: bool = False
    vendor: Annotated[Line, StringConstraints(max_length=VENDOR_LENGTH)] | None = None


class NewClient(ClientMembers):
    client_id: Name
    kind: ClientKind
    department: Name | None = None
    software: Name | None = None
    name_fr: Line
    name_en: Line

    def client(self) -> Client:
        return Client(**{name: getattr(self, name) for name in type(self).model_fields})


def read_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The members that are named, as a client holds them. Raises ValidationError."""
    read = ClientMembers.model_validate(changes)
    return {name: getattr(read, name) for name in read.model_fields_set}


def _only_members(changes: dict[str, Any]) -> dict[str, Any]:
    return ClientMembers.model_validate(changes).model_dump(mode="json", exclude_unset=True)


class NamedClient(RequestModel):
    client_id: Name


class ChangedClient(NamedClient):
    """`changes`: the members that become other, and no more. `registration_hash`: of what was read before."""

    registration_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    changes: Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_only_members)]


class RetiredSecret(NamedClient):
    secret_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
