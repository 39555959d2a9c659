"""RFC 8693: a service that was called by somebody calls another one for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.common.access_records import Circumstances
from libs.common.clock import now
from libs.common.confirmation import UNBOUND, Confirmation
from libs.common.errors import FactsTooOld
from services.auth.authorization import grant_rules, grants, rules
from services.auth.authorization.access_tokens import AccessToken, read_access_token, sign_access_token
from services.auth.authorization.claims import Claims
from services.auth.authorization.grant_rules import HeldGrant
from services.auth.authorization.presented import is_named_client_enabled
from services.auth.authorization.redemption import (
    NotRedeemable,
    Redemption,
    access_of,
    principal_of,
    record,
    require_power,
    token_answer,
)
from services.auth.authorization.refusals import refusing_of
from services.auth.client.commands import find_client
from services.auth.client.rules import Client, ClientKind, audience_of
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts
from services.auth.session.commands import lifetime_of

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
WHAT = "subject token"
# Claims that tell a service for whom it is called; without them the token would speak of the client itself.
SOMEBODY = frozenset({"user_code", "agent"})


class NotExchangeable(OAuthError):
    """RFC 8693 §2.2.2: one answer for every reason why a token gives no other."""

    def __init__(self) -> None:
        super().__init__("invalid_request", f"the {WHAT} is not valid")


async def exchange_token(
    parts: Parts,
    client: Client,
    asked: Parameters,
    *,
    confirmation: Confirmation,
    circumstances: Circumstances,
) -> dict[str, Any]:
    """Same subject, session and grant; no wider scope and no longer life than the subject's. Raises OAuthError."""
    _require_understood(client, asked)
    audience = _audience(parts, client, asked)
    token = await read_access_token(parts, asked.one("subject_token"))
    if token is None or not _may_exchange(client, token, confirmation):
        raise NotExchangeable
    held, giver = await _find_held(parts, token)
    with refusing_of(held.session):
        await _require_good(parts, token, held)
        scope = grant_rules.narrow_scope(token.scope, asked.one("scope"))
        redeemed = await _redeem(parts, client, token, held, circumstances=circumstances)
    at = now()
    access = access_of(parts, giver, redeemed, grant=held.grant, audience=audience, scope=scope, at=at)
    access |= _acting(client, token, at=at) | confirmation.claim
    answer = token_answer(await sign_access_token(parts, client, access), access, confirmation=confirmation)
    return {**answer, "expires_in": access["exp"] - access["iat"], "issued_token_type": ACCESS_TOKEN}


async def _redeem(
    parts: Parts, client: Client, token: AccessToken, held: HeldGrant, *, circumstances: Circumstances
) -> Redemption:
    try:
        power = await require_power(parts, held.session, circumstances, what=WHAT)
    except NotRedeemable as refused:
        raise NotExchangeable from refused
    redeemed = Redemption(held.session, held.holder).under(power)
    # `standing` is asked about the subject token: what it refuses lives on in no other token.
    principal = principal_of(redeemed, client, issued_at=token.issued_at)
    await record(parts.database, principal, circumstances, what=WHAT)
    return redeemed


def _require_understood(client: Client, asked: Parameters) -> None:
    if client.kind not in {ClientKind.SERVICE, ClientKind.PORTAL}:
        raise OAuthError("unauthorized_client", "this client may not exchange tokens")
    if asked.one("subject_token_type") != ACCESS_TOKEN or asked.one("actor_token") is not None:
        raise OAuthError("invalid_request", "an access token is exchanged, and the client itself is the actor")
    if asked.one("requested_token_type") not in {None, ACCESS_TOKEN}:
        raise OAuthError("invalid_request", "only access tokens are given")


def _audience(parts: Parts, client: Client, asked: Parameters) -> str:
    named = asked.one("audience")
    wanted: Sequence[str] = [*asked.every("resource"), *([] if named is None else [named])]
    if not wanted:
        raise OAuthError("invalid_target", "one audience must be named")
    return rules.choose_audience(wanted, granted=(), client=client, issuer=parts.settings.issuer)


def _may_exchange(client: Client, token: AccessToken, confirmation: Confirmation) -> bool:
    """It was given to this client, which proves what the token is bound to, or was shown to it as a resource."""
    if SOMEBODY.isdisjoint(token.claims) or not token.is_current(now()):
        return False
    if token.client_id == client.client_id:
        return token.confirmation in {UNBOUND, confirmation}
    return token.audience == audience_of(client.client_id)


async def _find_held(parts: Parts, token: AccessToken) -> tuple[HeldGrant, Client]:
    """The grant behind it, and the client that it was given to. Raises NotExchangeable."""
    held = None if token.grant_id is None else await grants.find_held(parts.database, token.grant_id)
    giver = None if held is None else await find_client(parts.database, held.grant.client_id)
    if held is None or giver is None:
        raise NotExchangeable
    return held, giver


async def _require_good(parts: Parts, token: AccessToken, held: HeldGrant) -> None:
    """As good as for a refresh. Raises OAuthError."""
    if parts.freshness.too_old() is not None:
        raise OAuthError("temporarily_unavailable", FactsTooOld.en.format(publisher="another service"))
    is_good = grant_rules.is_good(held, lifetime=lifetime_of(parts.settings), at=now())
    if not is_good or not await is_named_client_enabled(parts, token, held):
        raise NotExchangeable


def _acting(client: Client, token: AccessToken, *, at: datetime) -> Claims:
    """RFC 8693 §4.1: who acts now stands outside, who acted before inside."""
    before = {"act": token.claims["act"]} if "act" in token.claims else {}
    return {
        "client_id": client.client_id,
        "exp": min(int((at + rules.TOKEN_LIFE).timestamp()), int(token.claims["exp"])),
        "act": {"sub": client.client_id, **before},
    }
