from functools import partial
from typing import Any

from fastapi import Request, Response
from pydantic import SecretStr

from libs.common.admission import public
from libs.common.description import tells
from libs.common.http import new_router
from services.auth import descriptions
from services.auth.cookies import form_token
from services.auth.parts import parts_of
from services.auth.session.answers import follow, status_of
from services.auth.session.forms import page, read_posted, read_visit, way_back
from services.auth.session.passkey import ask_for_passkey, sign_in_by_passkey
from services.auth.session.sign_in import sign_in
from services.auth.session.visit import Outcome, Visit
from services.auth.user_code.rules import display, looks_like_code, normalise_code

router = new_router(tags=["sign-in"])


@router.get("/sign-in")
@public
@page
async def show_sign_in(request: Request) -> Response:
    return _page(request, await read_visit(request, action="GET /sign-in"))


@router.post("/sign-in")
@public
@page
async def post_sign_in(request: Request) -> Response:
    visit, form = await read_posted(request, action="POST /sign-in", form="sign-in")
    typed = form.one("user_code") or ""
    password = SecretStr(form.one("password") or "")
    outcome = await sign_in(parts_of(request), visit, typed_name=typed, password=password)
    return follow(request, visit, outcome, show_again=partial(_page, typed=typed))


@router.post("/sign-in/passkey-options", response_model=None)
@public
@tells(descriptions.PASSKEY_OPTIONS)
@page
async def post_passkey_options(request: Request) -> dict[str, Any] | Response:
    visit, _ = await read_posted(request, action="POST /sign-in/passkey-options", form="sign-in")
    return await ask_for_passkey(parts_of(request), visit, None)


@router.post("/sign-in/passkey")
@public
@page
async def post_passkey(request: Request) -> Response:
    visit, form = await read_posted(request, action="POST /sign-in/passkey", form="sign-in")
    outcome = await sign_in_by_passkey(parts_of(request), visit, given=form.one("credential") or "")
    return follow(request, visit, outcome, show_again=_page)


def _page(request: Request, visit: Visit, outcome: Outcome | None = None, *, typed: str = "") -> Response:
    status, headers = status_of(outcome)
    known = typed if looks_like_code(typed) else visit.request.login_hint
    return parts_of(request).pages.answer(
        "sign_in.html",
        language=visit.request.language,
        status=status,
        headers=headers,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="sign-in"),
        has_script=True,
        user_code=display(normalise_code(known)) if known else "",
        **way_back(visit),
        is_portal=visit.client.is_portal,
        is_recourse=visit.request.asks_recourse,
        fault=None if outcome is None else outcome.next.value,
        retry_after=outcome.retry_after if outcome else 0,
    )
