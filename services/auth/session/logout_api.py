from fastapi import Request, Response
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.http import new_router
from services.auth import records
from services.auth.cookies import SESSION, drop_cookie, form_token, is_form_token, read_cookie
from services.auth.parameters import Parameters, read_form, read_query
from services.auth.parts import parts_of
from services.auth.session.commands import find_session
from services.auth.session.forms import page
from services.auth.session.logout import LogoutRequest, read_logout, sign_out
from services.auth.session.rules import Session

router = new_router(tags=["sign-out"])
SEE_OTHER = 303
CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@router.get("/oauth/logout")
@public
@page
async def logout(request: Request) -> Response:
    return await _logout(request, read_query(request), action="GET /oauth/logout")


@router.post("/oauth/logout")
@public
@page
async def logout_by_form(request: Request) -> Response:
    return await _logout(request, await read_form(request), action="POST /oauth/logout")


async def _logout(request: Request, asked: Parameters, *, action: str) -> Response:
    parts = parts_of(request)
    issuer = parts.settings.issuer
    secret = read_cookie(request, SESSION, issuer=issuer)
    session = await find_session(parts.database, secret, parts.settings)
    wanted = await read_logout(parts, asked, session)
    if session is not None and secret is not None:
        is_confirmed = is_form_token(asked.one("form_token"), secret, form="logout")
        if not wanted.is_vouched and not (is_confirmed and action.startswith("POST")):
            return _confirmation_page(request, asked, wanted, secret=secret)
        await _end(request, session, wanted, action=action)
    answer = _signed_out(request, wanted)
    drop_cookie(answer, SESSION, issuer=issuer)
    return answer


async def _end(request: Request, session: Session, wanted: LogoutRequest, *, action: str) -> None:
    client_id = wanted.client.client_id if wanted.client else None
    circumstances = records.circumstances(request, action=action)
    await sign_out(parts_of(request), session, client_id=client_id, circumstances=circumstances)


def _signed_out(request: Request, wanted: LogoutRequest) -> Response:
    if wanted.location is not None:
        return RedirectResponse(wanted.location, SEE_OTHER)
    return parts_of(request).pages.answer("signed_out.html", language=request.state.language, form_leads_to=None)


def _confirmation_page(request: Request, asked: Parameters, wanted: LogoutRequest, *, secret: str) -> Response:
    present = [(name, asked.one(name)) for name in CARRIED]
    return parts_of(request).pages.answer(
        "sign_out.html",
        language=request.state.language,
        form_leads_to=wanted.location,
        form_token=form_token(secret, form="logout"),
        carried=[(name, value) for name, value in present if value is not None],
    )
