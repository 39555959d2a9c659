import logging
from typing import Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.description import tells
from libs.common.dpop import Proof
from libs.common.errors import DomainError
from libs.common.http import new_router
from libs.common.principal import Principal
from services.auth import descriptions, records
from services.auth.authorization.exchange import GRANT_TYPE, exchange_token
from services.auth.authorization.redemption import redeem_code, redeem_credential
from services.auth.authorization.refresh import redeem_refresh_token
from services.auth.authorization.refusals import RefusedByStanding, RefusedOfSession
from services.auth.authorization.rules import require
from services.auth.authorization.senders import confirm, shown_proof, tell_nonce
from services.auth.client.authentication import require_client
from services.auth.client.rules import Client
from services.auth.oauth_errors import NOT_KEPT, OAuthError, oauth_error_of, token_error
from services.auth.parameters import Malformed, Parameters, read_form
from services.auth.parts import Parts, parts_of

router = new_router(tags=["tokens"])
log = logging.getLogger(__name__)

ACTION = "POST /oauth/token"
GRANTS = {
    "authorization_code": redeem_code,
    "client_credentials": redeem_credential,
    "refresh_token": redeem_refresh_token,
    GRANT_TYPE: exchange_token,
}


@router.post("/oauth/token")
@public
@tells(descriptions.TOKEN)
async def token(request: Request) -> Response:
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
    return JSONResponse(answer, headers=NOT_KEPT)


async def _answer(request: Request) -> dict[str, Any]:
    parts = parts_of(request)
    asked = await read_form(request)
    proof = await shown_proof(request, action=ACTION)
    client = await require_client(request, asked)
    try:
        return await _redeem(request, parts, client, asked, proof=proof)
    except RefusedByStanding:
        raise
    except RefusedOfSession as known:
        asking = records.client_about(client, known.session, issued_at=request.state.at)
        await _record_refusal(request, parts, asking, code=known.refusal.code)
        raise known.refusal from known
    except (OAuthError, DomainError) as error:
        asking = records.client(client, issued_at=request.state.at)
        await _record_refusal(request, parts, asking, code=error.code)
        raise


async def _redeem(
    request: Request, parts: Parts, client: Client, asked: Parameters, *, proof: Proof | None
) -> dict[str, Any]:
    redeem = GRANTS.get(require(asked, "grant_type"))
    if redeem is None:
        raise OAuthError("unsupported_grant_type", f"grant_type must be one of {', '.join(GRANTS)}")
    confirmation = await confirm(request, client, proof)
    circumstances = records.circumstances(request, action=ACTION)
    return await redeem(parts, client, asked, confirmation=confirmation, circumstances=circumstances)


async def _record_refusal(request: Request, parts: Parts, asking: Principal, *, code: str) -> None:
    await record_call(
        parts.database,
        asking,
        circumstances=records.circumstances(request, action=ACTION),
        applicant_id=None,
        refusal=code,
        needs_facts=False,
    )
