"""RFC 6749 §6: the next access token of a grant, for a refresh token that serves once."""

from datetime import datetime
from typing import Any

from libs.common.access_records import Circumstances
from libs.common.clock import now
from libs.common.confirmation import Confirmation
from libs.common.errors import FactsTooOld
from services.auth import records
from services.auth.authorization import grant_rules, grants, rules
from services.auth.authorization.access_tokens import sign_access_token
from services.auth.authorization.grant_rules import HeldGrant, RefreshToken
from services.auth.authorization.redemption import (
    NotRedeemable,
    Redemption,
    access_of,
    principal_of,
    record,
    require_power,
    token_answer,
    wait_until_past,
)
from services.auth.authorization.refusals import refusing_of
from services.auth.client.rules import Client, understood
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts
from services.auth.session.commands import lifetime_of

WHAT = "refresh token"


async def redeem_refresh_token(
    parts: Parts,
    client: Client,
    asked: Parameters,
    *,
    confirmation: Confirmation,
    circumstances: Circumstances,
) -> dict[str, Any]:
    """Raises OAuthError. What is refused for another reason than reuse leaves the token good."""
    token = rules.require(asked, "refresh_token")
    known = await _find_own(parts, client, token)
    with refusing_of(known.held.session):
        await _require_unused(parts, client, known, circumstances=circumstances)
        return await _refresh(
            parts, client, asked, known.held, token=token, confirmation=confirmation, circumstances=circumstances
        )


async def _refresh(  # noqa: PLR0913 - what is asked and what it is asked with, each by name
    parts: Parts,
    client: Client,
    asked: Parameters,
    held: HeldGrant,
    *,
    token: str,
    confirmation: Confirmation,
    circumstances: Circumstances,
) -> dict[str, Any]:
    grant, issuer = held.grant, parts.settings.issuer
    if not grant_rules.keeps_binding(grant, confirmation):
        raise NotRedeemable(WHAT)
    audience = rules.choose_audience(
        asked.every("resource"), granted=grant.resources, client=client, issuer=issuer
    )
    scope = grant_rules.narrow_scope(grant.scope, understood(asked.one("scope")))
    _require_good(parts, held)
    await wait_until_past(held.bound)
    power = await require_power(parts, held.session, circumstances, what=WHAT)
    at, redeemed = now(), Redemption(held.session, held.holder).under(power)
    await record(parts.database, principal_of(redeemed, client, issued_at=at), circumstances, what=WHAT)
    access = access_of(parts, client, redeemed, grant=grant, audience=audience, scope=scope, at=at)
    signed = await sign_access_token(parts, client, access | confirmation.claim)
    # Last of all that can fail: what is answered otherwise leaves the token good.
    following = await _next(parts, client, token, at=at)
    if following is None:
        # It was used meanwhile, or its grant or session has just ended.
        again = await _find_own(parts, client, token)
        await _require_unused(parts, client, again, circumstances=circumstances)
        raise NotRedeemable(WHAT)
    return {**token_answer(signed, access, confirmation=confirmation), "refresh_token": following}


async def _next(parts: Parts, client: Client, token: str, *, at: datetime) -> str | None:
    """FAPI 2.0 Security Profile §5.3.2.1: a client whose tokens are bound keeps its refresh token."""
    if client.is_fapi2:
        return token if await grants.keep(parts.database, token, at=at) else None
    return await grants.rotate(parts.database, token, at=at)


async def _find_own(parts: Parts, client: Client, token: str) -> RefreshToken:
    """A token of another client is not known here. Raises NotRedeemable."""
    known = await grants.find_refresh_token(parts.database, token)
    if known is None or known.held.grant.client_id != client.client_id:
        raise NotRedeemable(WHAT)
    return known


async def _require_unused(
    parts: Parts, client: Client, known: RefreshToken, *, circumstances: Circumstances
) -> None:
    """A token that was used ends its family. Raises NotRedeemable."""
    if known.used_at is not None:
        call = records.call_of(circumstances, records.client(client, issued_at=circumstances.at))
        await grants.refuse_reused(parts.database, call, known.held)
        raise NotRedeemable(WHAT)


def _require_good(parts: Parts, held: HeldGrant) -> None:
    if parts.freshness.too_old() is not None:
        raise OAuthError("temporarily_unavailable", FactsTooOld.en.format(publisher="another service"))
    if not grant_rules.is_good(held, lifetime=lifetime_of(parts.settings), at=now()):
        raise NotRedeemable(WHAT)
