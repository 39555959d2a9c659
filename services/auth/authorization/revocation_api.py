"""RFC 7009: a client gives back what it was given; the whole grant ends."""

from fastapi import Request, Response

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.description import tells
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth import descriptions, records
from services.auth.authorization import grants
from services.auth.authorization.presented import Presented, find_presented
from services.auth.client.authentication import require_client
from services.auth.client.rules import Client
from services.auth.oauth_errors import OAuthError, oauth_error_of, token_error
from services.auth.parameters import Malformed, read_form
from services.auth.parts import parts_of

router = new_router(tags=["tokens"])
ACTION = "POST /oauth/revoke"


@router.post("/oauth/revoke")
@public
@tells(descriptions.REVOKE)
async def revoke(request: Request) -> Response:
    try:
        await _revoke(request)
    except Malformed:
        return token_error(OAuthError("invalid_request", "the form cannot be read"))
    except OAuthError as error:
        return token_error(error)
    except DomainError as error:
        return token_error(oauth_error_of(error))
    return Response(headers={"Cache-Control": "no-store"})


async def _revoke(request: Request) -> None:
    """A token that is unknown, foreign or revoked already is answered like one that was just revoked."""
    parts = parts_of(request)
    asked = await read_form(request)
    client = await require_client(request, asked)
    token = asked.one("token")
    if token is None:
        await _record(request, client, refusal="malformed-request")
        raise OAuthError("invalid_request", "the parameter token is missing")
    found = await find_presented(parts, token, at=request.state.at)
    own = found if found is not None and found.client_id == client.client_id else None
    if own is not None and (own.held is None or "act" in own.told):
        await _record(request, client, refusal="unsupported_token_type")
        raise OAuthError("unsupported_token_type", "a client's own or exchanged token lives five minutes")
    await _record(request, client)
    if own is not None:
        await _end(request, client, own)


async def _end(request: Request, client: Client, found: Presented) -> None:
    if found.held is not None:
        circumstances = records.circumstances(request, action=ACTION)
        call = records.call_of(circumstances, records.client(client, issued_at=circumstances.at))
        await grants.revoke(parts_of(request).database, call, found.held)


async def _record(request: Request, client: Client, *, refusal: str | None = None) -> None:
    """Works however old the facts are."""
    await record_call(
        parts_of(request).database,
        records.client(client, issued_at=request.state.at),
        circumstances=records.circumstances(request, action=ACTION),
        applicant_id=None,
        refusal=refusal,
        needs_facts=False,
    )
