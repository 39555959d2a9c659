from fastapi import Request, Response
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.description import tells
from libs.common.http import new_router
from services.auth import descriptions, records
from services.auth.authorization.rules import choose_locale
from services.auth.by_get import brings_session, repeat_by_get
from services.auth.cookies import (
    LANGUAGE,
    SESSION,
    drop_cookie,
    form_token,
    is_form_token,
    read_cookie,
    set_cookie,
)
from services.auth.pages import LANGUAGES, language_of
from services.auth.parameters import Parameters, read_form, read_query
from services.auth.parts import parts_of
from services.auth.session.commands import find_session
from services.auth.session.forms import page
from services.auth.session.logout import LogoutRequest, read_logout, sign_out
from services.auth.session.rules import Session

router = new_router(tags=["sign-out"])
SEE_OTHER = 303
CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


@router.get("/oauth/logout")
@public
@tells(descriptions.LOGOUT)
@page
async def logout(request: Request) -> Response:
    return await _logout(request, read_query(request), action="GET /oauth/logout")


@router.post("/oauth/logout")
@public
@tells(descriptions.LOGOUT_BY_FORM)
@page
async def logout_by_form(request: Request) -> Response:
    asked = await read_form(request)
    if brings_session(request):
        return await _logout(request, asked, action="POST /oauth/logout")
    # What no address can hold is left: then the person is asked.
    return repeat_by_get(request, asked.without("form_token")) or RedirectResponse(request.url.path, SEE_OTHER)


async def _logout(request: Request, asked: Parameters, *, action: str) -> Response:
    parts = parts_of(request)
    issuer = parts.settings.issuer
    asked_for = choose_locale(asked, preferred=request.state.language)
    pressed = asked.one("language")
    request.state.language = language_of(request, issuer=issuer, otherwise=asked_for, pressed=pressed)
    secret = read_cookie(request, SESSION, issuer=issuer)
    session = await find_session(parts.database, secret, parts.settings)
    wanted = await read_logout(parts, asked, session)
    if session is not None and secret is not None:
        is_confirmed = is_form_token(asked.one("form_token"), secret, form="logout")
        if not wanted.is_vouched and not (is_confirmed and action.startswith("POST")):
            return _confirmation_page(request, asked, wanted, secret=secret)
        await _end(request, session, wanted, action=action)
    answer = _signed_out(request, wanted, has_ended=session is not None)
    if secret is not None:
        drop_cookie(answer, SESSION, issuer=issuer)
    return answer


async def _end(request: Request, session: Session, wanted: LogoutRequest, *, action: str) -> None:
    client_id = wanted.client.client_id if wanted.client else None
    circumstances = records.circumstances(request, action=action)
    await sign_out(parts_of(request), session, client_id=client_id, circumstances=circumstances)


def _signed_out(request: Request, wanted: LogoutRequest, *, has_ended: bool) -> Response:
    if wanted.location is not None:
        return RedirectResponse(wanted.location, SEE_OTHER)
    language, client = request.state.language, wanted.client
    return parts_of(request).pages.answer(
        "signed_out.html",
        language=language,
        form_leads_to=None,
        has_ended=has_ended,
        client=client.name(language) if client else None,
        home=client.client_uri if client else None,
    )


def _confirmation_page(request: Request, asked: Parameters, wanted: LogoutRequest, *, secret: str) -> Response:
    present = [(name, asked.one(name)) for name in CARRIED]
    answer = parts_of(request).pages.answer(
        "sign_out.html",
        language=request.state.language,
        form_leads_to=wanted.location,
        form_token=form_token(secret, form="logout"),
        carried=[(name, value) for name, value in present if value is not None],
    )
    if asked.one("language") in LANGUAGES:
        set_cookie(answer, LANGUAGE, request.state.language, issuer=parts_of(request).settings.issuer)
    return answer
