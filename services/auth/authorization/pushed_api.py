from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.description import tells
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth import descriptions, records
from services.auth.authorization.pushed import LIFE, push
from services.auth.authorization.senders import confirm, shown_proof, tell_nonce
from services.auth.client.authentication import require_client
from services.auth.client.rules import Client
from services.auth.oauth_errors import OAuthError, oauth_error_of, token_error
from services.auth.parameters import Malformed, read_form
from services.auth.parts import parts_of

router = new_router(tags=["authorization"])
ACTION = "POST /oauth/par"
CREATED = 201


@router.post("/oauth/par", status_code=CREATED)
@public
@tells(descriptions.PUSH)
async def push_request(request: Request) -> Response:
    return tell_nonce(request, await _answer_or_error(request))


async def _answer_or_error(request: Request) -> Response:
    try:
        answer = await _answer(request)
    except Malformed:
        return token_error(OAuthError("invalid_request", "the form cannot be read"))
    except OAuthError as error:
        return token_error(error)
    except DomainError as error:
        return token_error(oauth_error_of(error))
    return JSONResponse(answer, CREATED, headers={"Cache-Control": "no-store"})


async def _answer(request: Request) -> dict[str, Any]:
    """RFC 9126 §2.2; each request of a known client leaves one record."""
    asked = await read_form(request)
    proof = await shown_proof(request, action=ACTION)
    client = await require_client(request, asked)
    try:
        jkt = None if proof is None else (await confirm(request, client, proof)).jkt
        request_uri = await push(parts_of(request), client, asked, jkt=jkt, at=request.state.at)
    except OAuthError as error:
        await _record(request, client, refusal=error.code)
        raise
    await _record(request, client, refusal=None)
    return {"request_uri": request_uri, "expires_in": int(LIFE.total_seconds())}


async def _record(request: Request, client: Client, *, refusal: str | None) -> None:
    """Raises OAuthError when `standing` has something against the client."""
    reason = await record_call(
        parts_of(request).database,
        records.client(client, issued_at=request.state.at),
        circumstances=records.circumstances(request, action=ACTION),
        applicant_id=None,
        refusal=refusal,
        needs_facts=False,
    )
    if reason is not None and refusal is None:
        raise OAuthError("access_denied", "this client may not ask now")
