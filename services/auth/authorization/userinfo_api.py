"""OpenID Connect Core §5.3: what the person's session tells, as it is now."""

from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.clock import now
from libs.common.description import tells
from libs.common.errors import DomainError, FactsTooOld
from libs.common.http import new_router
from libs.common.principal import Principal
from services.auth import descriptions, records
from services.auth.authorization import claims as tokens
from services.auth.authorization import grant_rules, grants
from services.auth.authorization.access_tokens import AccessToken, read_access_token
from services.auth.authorization.bearer import (
    INVALID,
    REASON_OF,
    BearerError,
    ShownToken,
    bearer_error,
    invalid_token,
    shown_token,
)
from services.auth.authorization.grant_rules import HeldGrant
from services.auth.authorization.senders import tell_nonce
from services.auth.authorization.token_senders import sender_fault
from services.auth.client.commands import find_client
from services.auth.client.rules import OPENID
from services.auth.oauth_errors import oauth_error_of
from services.auth.parts import Parts, parts_of
from services.auth.session.commands import lifetime_of
from services.auth.session.holder import Holder
from services.auth.session.representation import is_power_in_force

router = new_router(tags=["userinfo"])
INSUFFICIENT = "insufficient_scope"


@router.get("/oauth/userinfo")
@public
@tells(descriptions.USERINFO)
async def userinfo(request: Request) -> Response:
    return await _userinfo(request, action="GET /oauth/userinfo")


@router.post("/oauth/userinfo")
@public
@tells(descriptions.USERINFO_BY_FORM)
async def userinfo_by_form(request: Request) -> Response:
    return await _userinfo(request, action="POST /oauth/userinfo")


async def _userinfo(request: Request, *, action: str) -> Response:
    return tell_nonce(request, await _answer(request, parts_of(request), action=action))


async def _answer(request: Request, parts: Parts, *, action: str) -> Response:
    try:
        told = await _tell(request, parts, action=action)
    except BearerError as error:
        return bearer_error(request, error, issuer=parts.settings.issuer)
    except DomainError as error:
        passing = oauth_error_of(error)
        told_as = BearerError(passing.code, passing.description)
        return bearer_error(request, told_as, issuer=parts.settings.issuer)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


async def _tell(request: Request, parts: Parts, *, action: str) -> dict[str, Any]:
    shown = await shown_token(request)
    token = await read_access_token(parts, shown.text)
    if token is None:
        # Whatever a stranger sends says nothing of anybody, and is not recorded.
        raise invalid_token()
    held = None if token.grant_id is None else await grants.find_held(parts.database, token.grant_id)
    client = None if held is None else await find_client(parts.database, token.client_id)
    if held is None or client is None:
        await _record_unusable(request, parts, token, held, action=action)
        raise invalid_token()
    await _record(request, parts, token, held, shown=shown, action=action)
    holder = await _confirmed(request, parts, held, action=action)
    return tokens.userinfo_claims(holder, held.session, client, pairwise_key=parts.pairwise_key.secret)


async def _record_unusable(
    request: Request, parts: Parts, token: AccessToken, held: HeldGrant | None, *, action: str
) -> None:
    """Of a token that was signed here and leads to no grant or no client any more."""
    await record_call(
        parts.database,
        _principal(token, held),
        circumstances=records.circumstances(request, action=action),
        applicant_id=None,
        refusal=INVALID,
    )


def _principal(token: AccessToken, held: HeldGrant | None) -> Principal:
    if held is None:
        return records.nobody(client_id=token.client_id, at=token.issued_at)
    return records.holder(held.holder, held.session, client_id=token.client_id, issued_at=token.issued_at)


async def _confirmed(request: Request, parts: Parts, held: HeldGrant, *, action: str) -> Holder:
    """Under a power of attorney only while delegation confirms it. Raises BearerError, ServiceUnavailable."""
    if not await is_power_in_force(parts, held.session, records.circumstances(request, action=action)):
        raise invalid_token()
    return replace(held.holder, power_in_force=held.session.power_of_attorney_id)


async def _record(  # noqa: PLR0913 - what was shown and what is known of it, each by name
    request: Request,
    parts: Parts,
    token: AccessToken,
    held: HeldGrant,
    *,
    shown: ShownToken,
    action: str,
) -> None:
    """The statement that writes the access record also asks `standing`. Raises BearerError."""
    fault = await sender_fault(request, parts, token, shown)
    refused_for = None if fault is None else REASON_OF.get(str(fault.code), fault.code)
    refusal = _refusal(parts, token, held) or refused_for
    reason = await record_call(
        parts.database,
        _principal(token, held),
        circumstances=records.circumstances(request, action=action),
        applicant_id=None,
        refusal=refusal,
    )
    if fault is not None and reason == refused_for:
        raise fault
    if reason == INSUFFICIENT:
        raise BearerError(INSUFFICIENT, "the scope openid is needed", scope=OPENID)
    if reason == FactsTooOld.code:
        raise BearerError("temporarily_unavailable", "what is known of this applicant is too old")
    if reason is not None:
        raise invalid_token()


def _refusal(parts: Parts, token: AccessToken, held: HeldGrant) -> str | None:
    at = now()
    is_good = grant_rules.is_good(held, lifetime=lifetime_of(parts.settings), at=at)
    if token.audience != parts.settings.issuer or not token.is_current(at) or not is_good:
        return INVALID
    if OPENID not in token.scope:
        return INSUFFICIENT
    return FactsTooOld.code if parts.freshness.too_old() is not None else None
