"""What a client may ask for, and how it shows who it is (RFC 7523)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from services.auth.client.keys import Alg
from services.auth.oauth_errors import OAuthError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# RFC 7523 §3 leaves the bound open. Libraries choose between a minute and an hour; most have no setting for it.
LONGEST_ASSERTION = timedelta(minutes=60)
LONGEST_UNDER_FAPI2 = timedelta(minutes=5)
# FAPI 2.0 Security Profile §5.3.2.1: clocks may differ by ten seconds.
LEEWAY = timedelta(seconds=10)
JTI_LENGTHS = range(1, 256)
SERVICES = ("auth", "registry", "delegation", "mailbox")
OPENID, RECOURSE, OFFLINE_ACCESS = "openid", "recourse", "offline_access"
UNDERSTOOD = (OPENID, RECOURSE, OFFLINE_ACCESS)


NO_TIMES = "exp, nbf or iat of the assertion is no time"


class NotAuthenticated(OAuthError):
    """One answer for every reason, a client that does not exist included. `reason` is for the operator's log."""

    def __init__(self, reason: str) -> None:
        super().__init__("invalid_client", "the client is not authenticated")
        self.reason = reason


class ClientKind(StrEnum):
    SERVICE = "service"
    PORTAL = "portal"
    DEPARTMENT = "department"
    DEPARTMENT_SYSTEM = "department-system"
    SOFTWARE = "software"


class Method(StrEnum):
    """How a client authenticates (RFC 7591 §2); `none` is not among them."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - the name of a method
    TLS_CLIENT_AUTH = "tls_client_auth"

    @property
    def is_secret(self) -> bool:
        return self in {Method.CLIENT_SECRET_BASIC, Method.CLIENT_SECRET_POST}


class Profile(StrEnum):
    PLAIN = "plain"
    FAPI2 = "fapi2"


@dataclass(frozen=True, slots=True)
class Client:
    """What is registered of a client; members of RFC 7591, RFC 8705, RFC 9126 and RFC 9449 carry their names."""

    client_id: str
    kind: ClientKind
    department: str | None
    name_fr: str
    name_en: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    jwks: tuple[dict[str, Any], ...]
    software: str | None = None
    profile: Profile = Profile.PLAIN
    jwks_uri: str | None = None
    token_endpoint_auth_method: Method = Method.PRIVATE_KEY_JWT
    token_endpoint_auth_signing_alg: Alg = Alg.ES256
    request_object_signing_alg: Alg = Alg.ES256
    secret_hashes: tuple[bytes, ...] = field(default=(), repr=False)
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
    vendor: str | None = None
    client_uri: str | None = None

    @property
    def is_portal(self) -> bool:
        return self.kind is ClientKind.PORTAL

    @property
    def may_redirect(self) -> bool:
        return self.kind in {ClientKind.PORTAL, ClientKind.DEPARTMENT, ClientKind.SOFTWARE}

    @property
    def actor(self) -> str:
        if self.software is not None:
            return f"software:{self.software}"
        return f"service:{self.client_id}" if self.department is None else f"department:{self.department}"

    @property
    def sector(self) -> str | None:
        """For whom persons have one name of their own; no department can be called like a product."""
        return self.department if self.software is None else f"software:{self.software}"

    @property
    def is_fapi2(self) -> bool:
        return self.profile is Profile.FAPI2

    @property
    def must_push(self) -> bool:
        return self.require_pushed_authorization_requests or self.is_fapi2

    def access_token_alg(self, *, audience: str, issuer: str) -> Alg:
        """Our own services read ES256; a token for the issuer is read back by whoever signed it."""
        return self.access_token_signed_response_alg if audience == issuer else Alg.ES256

    def name(self, language: str) -> str:
        return self.name_fr if language == "fr" else self.name_en


def audience_of(service: str) -> str:
    return f"urn:clicsequr:{service}"


def allowed_audiences(client: Client, *, issuer: str) -> frozenset[str]:
    match client.kind:
        case ClientKind.SERVICE | ClientKind.PORTAL:
            services: Sequence[str] = SERVICES
        case ClientKind.DEPARTMENT | ClientKind.SOFTWARE:
            services = ("auth",)
        case ClientKind.DEPARTMENT_SYSTEM:
            services = ("registry", "delegation", "mailbox")
        case _:
            assert_never(client.kind)
    return frozenset({issuer, *map(audience_of, services)})


def require_audiences(client: Client, asked: Sequence[str], *, issuer: str) -> None:
    """RFC 8707 §2. Raises OAuthError."""
    if not allowed_audiences(client, issuer=issuer).issuperset(asked):
        raise OAuthError("invalid_target", "this client is not registered for a resource that it asks for")


def grantable_scope(client: Client, asked: str | None) -> tuple[str, ...]:
    """What a redirect client's request may be given of `scope`; unknown values are ignored. Raises OAuthError."""
    scopes = frozenset((asked or "").split())
    if OPENID not in scopes:
        raise OAuthError("invalid_scope", "scope must contain openid")
    if RECOURSE in scopes and not client.is_portal:
        raise OAuthError("invalid_scope", "only the portal may ask for recourse")
    return tuple(scope for scope in UNDERSTOOD if scope in scopes)


def understood(asked: str | None) -> str | None:
    """OpenID Connect Core §3.1.2.1: what is not understood is ignored, as it was when the grant was asked for."""
    return None if asked is None else " ".join(scope for scope in asked.split() if scope in UNDERSTOOD)


def credential_scope(client: Client, asked: str | None) -> tuple[str, ...]:
    """The purposes of a client credential: those registered, or fewer. Raises OAuthError."""
    scopes = tuple((asked or "").split()) or client.scopes
    if not set(scopes) <= set(client.scopes):
        raise OAuthError("invalid_scope", "this client is not registered for a scope that it asks for")
    return scopes


def require_fair_assertion(
    claims: Mapping[str, Any], *, client: Client, audiences: frozenset[str], at: datetime
) -> datetime:
    """RFC 7523 §3: by and about this client, for this server alone, for its time; answers when it expires.

    An assertion that names another server too is refused: that server could use it here.
    """
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        raise NotAuthenticated("iss or sub of the assertion is another")
    if not _is_for_here(claims.get("aud"), audiences, only_text=client.is_fapi2):
        raise NotAuthenticated("aud of the assertion is not this server alone")
    if not isinstance(claims.get("jti"), str) or len(claims["jti"]) not in JTI_LENGTHS:
        raise NotAuthenticated("the assertion has no jti, or one that is too long")
    expires_at = _instant(claims.get("exp"))
    not_before = max(_instant(claims.get("nbf", 0)), _instant(claims.get("iat", 0)))
    longest = LONGEST_UNDER_FAPI2 if client.is_fapi2 else LONGEST_ASSERTION
    if not at < expires_at <= at + longest + LEEWAY or not_before > at + LEEWAY:
        raise NotAuthenticated("the assertion is not good now, or lives too long")
    return expires_at


def _is_for_here(value: object, audiences: frozenset[str], *, only_text: bool) -> bool:
    if isinstance(value, str):
        return value in audiences
    if only_text or not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, str) and item in audiences for item in value)


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotAuthenticated(NO_TIMES)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotAuthenticated(NO_TIMES) from error
