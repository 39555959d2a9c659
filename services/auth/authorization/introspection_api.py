"""RFC 7662: whether a token is good at this very moment."""

from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.description import tells
from libs.common.errors import DomainError, FactsTooOld
from libs.common.http import new_router
from libs.common.principal import Principal
from services.auth import descriptions, records
from services.auth.authorization.access_tokens import AccessToken, read_access_token
from services.auth.authorization.bearer import (
    REASON_OF,
    BearerError,
    ShownToken,
    bearer_error,
    invalid_token,
    shown_in_header,
)
from services.auth.authorization.presented import Presented, find_presented
from services.auth.authorization.senders import tell_nonce
from services.auth.authorization.token_senders import sender_fault
from services.auth.client.authentication import require_client
from services.auth.client.commands import find_client
from services.auth.client.credentials import is_basic
from services.auth.client.rules import Client, ClientKind, audience_of
from services.auth.oauth_errors import OAuthError, oauth_error_of, token_error
from services.auth.parameters import Malformed, Parameters, read_form
from services.auth.parts import Parts, parts_of
from services.auth.session.representation import is_power_in_force

router = new_router(tags=["tokens"])
ACTION = "POST /oauth/introspect"
SCOPE = "introspection"
INACTIVE = {"active": False}


@router.post("/oauth/introspect")
@public
@tells(descriptions.INTROSPECT)
async def introspect(request: Request) -> Response:
    return tell_nonce(request, await _answer_or_error(request, parts_of(request)))


async def _answer_or_error(request: Request, parts: Parts) -> Response:
    try:
        asked = await read_form(request)
        caller = await _caller(request, parts, asked)
        answer = await _answer(request, parts, caller, asked)
    except Malformed:
        return token_error(OAuthError("invalid_request", "the form cannot be read"))
    except BearerError as error:
        return bearer_error(request, error, issuer=parts.settings.issuer)
    except OAuthError as error:
        return token_error(error)
    except DomainError as error:
        return token_error(oauth_error_of(error))
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _caller(request: Request, parts: Parts, asked: Parameters) -> Client:
    """By client authentication, or by an access token that the client got for this purpose."""
    is_client = asked.one("client_assertion") is not None or is_basic(request.headers.get("authorization"))
    shown = None if is_client else shown_in_header(request)
    return await (require_client(request, asked) if shown is None else _client_of(request, parts, shown))


async def _client_of(request: Request, parts: Parts, given: ShownToken) -> Client:
    """Whatever was not signed here says nothing of anybody, and is not recorded. Raises BearerError."""
    shown = await read_access_token(parts, given.text)
    if shown is None:
        raise invalid_token()
    client = await find_client(parts.database, shown.client_id)
    fault = _fault_of(request, parts, shown, client) or await sender_fault(request, parts, shown, given)
    if client is not None and fault is None:
        return client
    caller = records.nobody(client_id=shown.client_id, at=shown.issued_at)
    known = caller if client is None else records.client(client, issued_at=shown.issued_at)
    refused = fault or invalid_token()
    await _record(request, parts, known, refusal=REASON_OF.get(str(refused.code), refused.code))
    raise refused


def _fault_of(request: Request, parts: Parts, shown: AccessToken, client: Client | None) -> BearerError | None:
    own = {parts.settings.issuer, audience_of("auth")}
    if shown.grant_id is not None or shown.audience not in own:
        return invalid_token()
    if client is None or not shown.is_current(request.state.at):
        return invalid_token()
    if SCOPE not in shown.scope or SCOPE not in client.scopes:
        return BearerError("insufficient_scope", f"the scope {SCOPE} is needed", scope=SCOPE)
    return None


async def _answer(request: Request, parts: Parts, caller: Client, asked: Parameters) -> dict[str, Any]:
    """Recorded as the caller's question about whoever the token speaks of; the record asks `standing`."""
    token = asked.one("token")
    if token is None:
        await _record(
            request, parts, records.client(caller, issued_at=request.state.at), refusal="malformed-request"
        )
        raise OAuthError("invalid_request", "the parameter token is missing")
    found = await find_presented(parts, token, at=request.state.at)
    if found is None or not _may_be_told(caller, found):
        await _record(request, parts, records.client(caller, issued_at=request.state.at))
        return INACTIVE
    reason = await _record(request, parts, _about(caller, found))
    if not found.is_good or reason not in {None, FactsTooOld.code}:
        return INACTIVE
    if FactsTooOld.code in {reason, _staleness(parts, found)}:
        raise OAuthError("temporarily_unavailable", "what is known of this applicant is too old")
    circumstances = records.circumstances(request, action=ACTION)
    if found.held is not None and not await is_power_in_force(parts, found.held.session, circumstances):
        return INACTIVE
    return {"active": True, **found.told}


def _staleness(parts: Parts, found: Presented) -> str | None:
    """A client's own tokens rest on no facts of others."""
    is_old = found.principal is not None and parts.freshness.too_old() is not None
    return FactsTooOld.code if is_old else None


def _may_be_told(caller: Client, found: Presented) -> bool:
    """The client that it was given, the one it is for, and services of the suite."""
    is_own = found.client_id == caller.client_id
    is_for_caller = found.audience in {caller.client_id, audience_of(caller.client_id)}
    return is_own or is_for_caller or caller.kind is ClientKind.SERVICE


def _about(caller: Client, found: Presented) -> Principal:
    if found.principal is None:
        return records.client(caller, issued_at=found.issued_at)
    return replace(
        found.principal,
        actor=caller.actor,
        client_id=caller.client_id,
        department=caller.department,
        role=None,
        acr=None,
        issued_at=found.issued_at,
    )


async def _record(
    request: Request, parts: Parts, principal: Principal, *, refusal: str | None = None
) -> str | None:
    return await record_call(
        parts.database,
        principal,
        circumstances=records.circumstances(request, action=ACTION),
        applicant_id=None,
        refusal=refusal,
        recourse_route=True,
    )
