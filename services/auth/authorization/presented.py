"""A token that a client shows to ask about it or to end it: what it is, and whether it is good now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.common.principal import Principal
from services.auth import records
from services.auth.authorization import claims as tokens
from services.auth.authorization import grant_rules, grants
from services.auth.authorization.access_tokens import AccessToken, read_access_token
from services.auth.authorization.grant_rules import HeldGrant, RefreshToken
from services.auth.client.commands import find_client
from services.auth.parts import Parts
from services.auth.session.commands import lifetime_of


@dataclass(frozen=True, slots=True)
class Presented:
    """`held` and `principal` are None for a token of a client's own credential; `told` is for RFC 7662 §2.2."""

    client_id: str
    audience: str
    issued_at: datetime
    is_good: bool
    told: dict[str, Any]
    held: HeldGrant | None
    principal: Principal | None


async def find_presented(parts: Parts, token: str, *, at: datetime) -> Presented | None:
    """None for what was not given here. Whatever a hint says, a token is what it shows itself to be."""
    access = await read_access_token(parts, token)
    if access is not None:
        return await _access(parts, access, at=at)
    refresh = await grants.find_refresh_token(parts.database, token)
    return None if refresh is None else _refresh(parts, refresh, at=at)


async def _access(parts: Parts, token: AccessToken, *, at: datetime) -> Presented | None:
    held = None if token.grant_id is None else await grants.find_held(parts.database, token.grant_id)
    if token.grant_id is not None and held is None:
        return None
    told = {name: value for name, value in token.claims.items() if name != tokens.GRANT}
    is_good = token.is_current(at) and (held is None or _is_good(parts, held, at=at))
    return Presented(
        client_id=token.client_id,
        audience=token.audience,
        issued_at=token.issued_at,
        is_good=is_good and await is_named_client_enabled(parts, token, held),
        told={**told, "token_type": token.confirmation.token_type},
        held=held,
        principal=None if held is None else _principal(held, issued_at=token.issued_at),
    )


async def is_named_client_enabled(parts: Parts, token: AccessToken, held: HeldGrant | None) -> bool:
    """A grant ends with the client that it was given to; a token of another, or of no grant, with its own."""
    if held is not None and held.grant.client_id == token.client_id:
        return True
    return await find_client(parts.database, token.client_id) is not None


def _refresh(parts: Parts, token: RefreshToken, *, at: datetime) -> Presented:
    grant = token.held.grant
    told = {
        "client_id": grant.client_id,
        "iss": parts.settings.issuer,
        "scope": " ".join(grant.scope),
        "iat": int(token.given_at.timestamp()),
        "exp": int(grant.expires_at.timestamp()),
    }
    return Presented(
        client_id=grant.client_id,
        audience=parts.settings.issuer,
        issued_at=token.given_at,
        is_good=token.used_at is None and _is_good(parts, token.held, at=at),
        told=told,
        held=token.held,
        principal=_principal(token.held, issued_at=token.given_at),
    )


def _is_good(parts: Parts, held: HeldGrant, *, at: datetime) -> bool:
    return grant_rules.is_good(held, lifetime=lifetime_of(parts.settings), at=at)


def _principal(held: HeldGrant, *, issued_at: datetime) -> Principal:
    return records.holder(held.holder, held.session, client_id=held.grant.client_id, issued_at=issued_at)
