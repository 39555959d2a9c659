"""What a client may ask for, and how it shows who it is (RFC 7523)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from services.auth.oauth_errors import OAuthError

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION = timedelta(minutes=5)
LEEWAY = timedelta(seconds=5)
JTI_LENGTHS = range(1, 256)
SERVICES = ("auth", "registry", "delegation", "mailbox")
OPENID, RECOURSE, OFFLINE_ACCESS = "openid", "recourse", "offline_access"


class ClientKind(StrEnum):
    SERVICE = "service"
    PORTAL = "portal"
    DEPARTMENT = "department"
    DEPARTMENT_SYSTEM = "department-system"


@dataclass(frozen=True, slots=True)
class Client:
    client_id: str
    kind: ClientKind
    department: str | None
    name_fr: str
    name_en: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    jwk: dict[str, Any]

    @property
    def is_portal(self) -> bool:
        return self.kind is ClientKind.PORTAL

    @property
    def may_redirect(self) -> bool:
        return self.kind in {ClientKind.PORTAL, ClientKind.DEPARTMENT}

    @property
    def actor(self) -> str:
        return f"service:{self.client_id}" if self.department is None else f"department:{self.department}"

    def name(self, language: str) -> str:
        return self.name_fr if language == "fr" else self.name_en


def audience_of(service: str) -> str:
    return f"urn:clicsequr:{service}"


def allowed_audiences(client: Client, *, issuer: str) -> frozenset[str]:
    match client.kind:
        case ClientKind.SERVICE | ClientKind.PORTAL:
            services: Sequence[str] = SERVICES
        case ClientKind.DEPARTMENT:
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
    return tuple(scope for scope in (OPENID, RECOURSE, OFFLINE_ACCESS) if scope in scopes)


def credential_scope(client: Client, asked: str | None) -> tuple[str, ...]:
    """The purposes of a client credential: those registered, or fewer. Raises OAuthError."""
    scopes = tuple((asked or "").split()) or client.scopes
    if not set(scopes) <= set(client.scopes):
        raise OAuthError("invalid_scope", "this client is not registered for a scope that it asks for")
    return scopes


def require_fair_assertion(
    claims: Mapping[str, Any], *, client_id: str, audiences: frozenset[str], at: datetime
) -> datetime:
    """RFC 7523 §3: about this client, for this server, for five minutes at most; answers when it expires."""
    is_fair = (
        claims.get("iss") == client_id
        and claims.get("sub") == client_id
        and not audiences.isdisjoint(_texts(claims.get("aud")))
        and isinstance(claims.get("jti"), str)
        and len(claims["jti"]) in JTI_LENGTHS
    )
    expires_at = _instant(claims.get("exp"))
    not_before = max(_instant(claims.get("nbf", 0)), _instant(claims.get("iat", 0)))
    if not is_fair or not at < expires_at <= at + LONGEST_ASSERTION + LEEWAY or not_before > at + LEEWAY:
        raise OAuthError("invalid_client", "the client assertion is not acceptable")
    return expires_at


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [item for item in found if isinstance(item, str)]


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OAuthError("invalid_client", "the client assertion has no proper times")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise OAuthError("invalid_client", "the client assertion has no proper times") from error
