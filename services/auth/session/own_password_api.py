"""The page on which a person changes their password, gives it up, or chooses one again."""

from typing import Any

from fastapi import Request, Response
from pydantic import SecretStr
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.description import tells
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth import descriptions
from services.auth.cookies import DEVICES, SESSION, form_token, read_cookie, set_cookie
from services.auth.parts import parts_of
from services.auth.second_factor import passkeys
from services.auth.second_factor.rules import FactorKind
from services.auth.session import devices
from services.auth.session.factor_page import FORM, Entrance, enter, enter_posted
from services.auth.session.forms import NotToBeAnswered, page, told
from services.auth.session.own_password import ABOUT, Changed, Typed, change_own_password, give_password_up
from services.auth.session.steps import binding_of
from services.auth.user_code.rules import Facts, display

router = new_router(tags=["second factors"])
SEE_OTHER = 303
PLACE = "/password"


@router.get("/.well-known/change-password")
@public
@tells(descriptions.REDIRECTION)
async def find_change_password(request: Request) -> Response:
    """Where password managers look for it (W3C, a well-known URL for changing passwords)."""
    return RedirectResponse(f"{parts_of(request).settings.issuer}{PLACE}", SEE_OTHER)


@router.get("/password")
@public
@page
async def show_password(request: Request) -> Response:
    entrance = await enter(request, action=f"GET {PLACE}")
    return _page(request, entrance, _facts(entrance))


@router.post("/password")
@public
@page
async def post_password(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}")
    facts = _facts(entrance)
    typed = Typed(
        present=SecretStr(form.one("present_password") or ""),
        new=SecretStr(form.one("new_password") or ""),
        repeated=SecretStr(form.one("repeated_password") or ""),
        credential=form.one("credential") or "",
    )
    try:
        changed = await change_own_password(parts_of(request), entrance, facts, typed=typed)
    except DomainError as error:
        return _page(request, entrance, facts, error)
    return _done(request, changed, what="chosen")


@router.post("/password/passkey-options", response_model=None)
@public
@tells(descriptions.PASSKEY_OPTIONS)
@page
async def post_passkey_options(request: Request) -> dict[str, Any] | Response:
    entrance, _ = await enter_posted(request, action=f"POST {PLACE}/passkey-options")
    asked = passkeys.asked_by(entrance.secret, about=ABOUT)
    return await passkeys.challenge_passkey(parts_of(request), entrance.call, asked=asked, owner=entrance.owner)


@router.post("/password/give-up")
@public
@page
async def post_give_up(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/give-up")
    facts, credential = _facts(entrance), form.one("credential") or ""
    try:
        changed = await give_password_up(parts_of(request), entrance, facts, credential=credential)
    except DomainError as error:
        return _page(request, entrance, facts, error)
    return _done(request, changed, what="given-up")


def _facts(entrance: Entrance) -> Facts:
    """An agent's password is given by two others, and changed at its first use alone."""
    if entrance.holder.facts is None:
        raise NotToBeAnswered("sign-in-first")
    return entrance.holder.facts


def _done(request: Request, changed: Changed, *, what: str) -> Response:
    parts = parts_of(request)
    answer = parts.pages.answer(
        "password_changed.html", language=request.state.language, form_leads_to=None, what=what
    )
    issuer = parts.settings.issuer
    set_cookie(answer, SESSION, changed.opened.secret, issuer=issuer)
    binding = binding_of(changed.holder)
    if binding is not None:
        known_by = read_cookie(request, DEVICES, issuer=issuer, longest=devices.LONGEST)
        renewed = devices.renew(known_by, binding, tag=parts.passwords.device_tag, at=request.state.at)
        set_cookie(answer, DEVICES, renewed, issuer=issuer, life=devices.LIFE)
    return answer


def _page(request: Request, entrance: Entrance, facts: Facts, error: DomainError | None = None) -> Response:
    parts = parts_of(request)
    language = request.state.language
    demands = parts.settings.password_demands(has_second_factor=facts.has_second_factor)
    return parts.pages.answer(
        "password.html",
        language=language,
        form_leads_to=None,
        has_script=True,
        form_token=form_token(entrance.secret, form=FORM),
        user_code=display(facts.code.code),
        has_password=facts.code.password_hash is not None,
        has_passkey=FactorKind.PASSKEY in entrance.holder.factors,
        fewest=demands.fewest_characters,
        **told(error, language=language),
    )
