"""The pages on which a person or an agent sees and changes their own second factors."""

from typing import Any
from uuid import UUID

import segno
from fastapi import Request, Response
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.clock import civil_date
from libs.common.description import tells
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth import descriptions
from services.auth.cookies import SESSION, form_token, set_cookie
from services.auth.pages import long_date
from services.auth.parameters import Parameters
from services.auth.parts import parts_of
from services.auth.second_factor import commands, emailed, passkeys, recovery
from services.auth.second_factor.rules import (
    FEW_LEFT,
    NAME_LENGTH,
    STRONG,
    EnrolmentNotBegun,
    FactorKind,
    SecondFactor,
    UnknownSecondFactor,
    masked,
)
from services.auth.session.answers import follow
from services.auth.session.commands import Opened
from services.auth.session.factor_enrolment import (
    Bound,
    confirm_email,
    confirm_passkey,
    confirm_totp,
    go_back_to_client,
    make_recovery_codes,
)
from services.auth.session.factor_page import FORM, Entrance, enter, enter_posted
from services.auth.session.forms import NotToBeAnswered, page, read_visit, told, way_back
from services.auth.session.holder import Holder
from services.auth.session.own_password import remove_own_factor
from services.auth.session.rules import Session
from services.auth.session.step_up import is_noted
from services.auth.user_code.rules import display

router = new_router(tags=["second factors"])
SEE_OTHER = 303
PLACE = "/second-factors"
NO_WAY_BACK = {"client": None, "form_leads_to": None}
NAMES = {
    FactorKind.TOTP: {"fr": "Application d'authentification", "en": "Authenticator application"},
    FactorKind.PASSKEY: {"fr": "Clé d'accès", "en": "Passkey"},
    FactorKind.EMAIL: {"fr": "Courriel", "en": "E-mail"},
}


@router.get("/second-factors")
@public
@page
async def show_second_factors(request: Request) -> Response:
    return await _list(request, await enter(request, action=f"GET {PLACE}"))


@router.post("/second-factors/totp")
@public
@page
async def post_totp(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/totp")
    parts = parts_of(request)
    name = _name(form, FactorKind.TOTP, language=request.state.language)
    try:
        async with parts.database.transaction() as tx:
            await commands.begin_totp(tx, entrance.call, entrance.owner, name=name, sealing_key=parts.sealing_key)
    except DomainError as error:
        return await _list(request, entrance, error)
    return RedirectResponse(f"{PLACE}/totp", SEE_OTHER)


@router.get("/second-factors/totp")
@public
@page
async def show_totp(request: Request) -> Response:
    entrance = await enter(request, action=f"GET {PLACE}/totp")
    try:
        return await _totp_page(request, entrance)
    except DomainError as error:
        return await _list(request, entrance, error)


@router.post("/second-factors/totp/confirm")
@public
@page
async def post_confirm_totp(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/totp/confirm")
    try:
        bound = await confirm_totp(parts_of(request), entrance, typed=form.one("code") or "")
    except EnrolmentNotBegun as error:
        return await _list(request, entrance, error)
    except DomainError as error:
        return await _totp_page(request, entrance, error)
    return await _bound(request, bound)


@router.post("/second-factors/email")
@public
@page
async def post_email(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/email")
    try:
        await emailed.begin_email(
            parts_of(request),
            entrance.call,
            entrance.owner,
            name=_name(form, FactorKind.EMAIL, language=request.state.language),
            session_id=entrance.session.id,
        )
    except DomainError as error:
        return await _list(request, entrance, error)
    return RedirectResponse(f"{PLACE}/email", SEE_OTHER)


@router.get("/second-factors/email")
@public
@page
async def show_email(request: Request) -> Response:
    """May be loaded again, by whoever comes back from the mail."""
    entrance = await enter(request, action=f"GET {PLACE}/email")
    database = parts_of(request).database
    try:
        await commands.find_enrolment(database, entrance.call, entrance.owner, FactorKind.EMAIL)
    except DomainError as error:
        return await _list(request, entrance, error)
    return await _email_page(request, entrance)


@router.post("/second-factors/email/confirm")
@public
@page
async def post_confirm_email(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/email/confirm")
    try:
        bound = await confirm_email(parts_of(request), entrance, typed=form.one("code") or "")
    except EnrolmentNotBegun as error:
        return await _list(request, entrance, error)
    except DomainError as error:
        return await _email_page(request, entrance, error)
    return await _bound(request, bound)


@router.post("/second-factors/passkey-options", response_model=None)
@public
@tells(descriptions.PASSKEY_OPTIONS)
@page
async def post_passkey_options(request: Request) -> dict[str, Any] | Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/passkey-options")
    return await passkeys.begin_passkey(
        parts_of(request),
        entrance.call,
        entrance.owner,
        name=_name(form, FactorKind.PASSKEY, language=request.state.language),
        shown_as=_shown_as(entrance.holder),
    )


@router.post("/second-factors/passkey")
@public
@page
async def post_passkey(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/passkey")
    try:
        bound = await confirm_passkey(parts_of(request), entrance, given=form.one("credential") or "")
    except DomainError as error:
        return await _list(request, entrance, error)
    return await _bound(request, bound)


@router.post("/second-factors/remove")
@public
@page
async def post_remove(request: Request) -> Response:
    entrance, form = await enter_posted(request, action=f"POST {PLACE}/remove")
    try:
        await remove_own_factor(parts_of(request), entrance, _factor_id(form))
    except DomainError as error:
        return await _list(request, entrance, error)
    return RedirectResponse(PLACE, SEE_OTHER)


@router.post("/second-factors/recovery-codes")
@public
@page
async def post_recovery_codes(request: Request) -> Response:
    entrance, _ = await enter_posted(request, action=f"POST {PLACE}/recovery-codes")
    try:
        made = await make_recovery_codes(parts_of(request), entrance)
    except DomainError as error:
        return await _list(request, entrance, error)
    return await _codes_page(request, made, Opened(entrance.session, entrance.secret))


@router.post("/second-factors/continue")
@public
@page
async def post_continue(request: Request) -> Response:
    """Back to the client that asked for a second factor."""
    entrance, _ = await enter_posted(request, action=f"POST {PLACE}/continue")
    visit = await read_visit(request, action=f"POST {PLACE}/continue")
    outcome = await go_back_to_client(parts_of(request), visit, entrance)
    return follow(request, visit, outcome)


async def _bound(request: Request, bound: Bound) -> Response:
    if bound.recovery_codes:
        answer = await _codes_page(request, bound.recovery_codes, bound.opened)
    else:
        answer = RedirectResponse(PLACE, SEE_OTHER)
    set_cookie(answer, SESSION, bound.opened.secret, issuer=parts_of(request).settings.issuer)
    return answer


async def _list(request: Request, entrance: Entrance, error: DomainError | None = None) -> Response:
    parts = parts_of(request)
    found = await commands.list_factors(parts.database, entrance.owner)
    kinds = {factor.kind for factor in found}
    address = None
    if parts.settings.smtp_host is not None and FactorKind.EMAIL not in kinds:
        address = await emailed.find_address(parts.database, entrance.owner)
    left = await recovery.count_left(parts.database, entrance.owner)
    language = request.state.language
    return parts.pages.answer(
        "second_factors.html",
        language=language,
        has_script=True,
        form_token=form_token(entrance.secret, form=FORM),
        factors=[_shown(factor, language=language) for factor in found],
        is_agent=entrance.holder.agent is not None,
        has_strong=bool(STRONG & entrance.holder.factors),
        has_password=entrance.holder.facts is None or entrance.holder.facts.code.password_hash is not None,
        left=left,
        are_few=left <= FEW_LEFT,
        address=None if address is None else masked(address),
        name_length=NAME_LENGTH,
        **await _way_back(request, entrance.session),
        **told(error, language=language),
    )


async def _totp_page(request: Request, entrance: Entrance, error: DomainError | None = None) -> Response:
    parts = parts_of(request)
    begun = await commands.find_enrolment(parts.database, entrance.call, entrance.owner, FactorKind.TOTP)
    secret = commands.secret_of(begun, parts.sealing_key)
    address = commands.provisioning_address(secret, shown_as=_shown_as(entrance.holder))
    language = request.state.language
    return parts.pages.answer(
        "enrol_totp.html",
        language=language,
        form_leads_to=None,
        form_token=form_token(entrance.secret, form=FORM),
        picture=segno.make(address, error="m").svg_inline(
            omitsize=True, svgclass="qr", lineclass=None, light="#fff"
        ),
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        **told(error, language=language),
    )


async def _email_page(request: Request, entrance: Entrance, error: DomainError | None = None) -> Response:
    parts = parts_of(request)
    address = await emailed.find_address(parts.database, entrance.owner)
    language = request.state.language
    return parts.pages.answer(
        "enrol_email.html",
        language=language,
        form_leads_to=None,
        form_token=form_token(entrance.secret, form=FORM),
        address=masked(address or ""),
        **told(error, language=language),
    )


async def _codes_page(request: Request, made: list[str], opened: Opened) -> Response:
    return parts_of(request).pages.answer(
        "recovery_codes.html",
        language=request.state.language,
        form_token=form_token(opened.secret, form=FORM),
        codes=made,
        **await _way_back(request, opened.session),
    )


async def _way_back(request: Request, session: Session) -> dict[str, Any]:
    """To the client whose request waits in this browser for a stronger session, if one does."""
    language = request.state.language
    try:
        visit = await read_visit(request, action=f"GET {PLACE}")
    except NotToBeAnswered:
        return NO_WAY_BACK
    finally:
        request.state.language = language
    if not await is_noted(parts_of(request), visit, session):
        return NO_WAY_BACK
    return {**way_back(visit, language=language), "form_leads_to": visit.request.redirect_uri}


def _shown(factor: SecondFactor, *, language: str) -> tuple[UUID, str, str, str]:
    enrolled_on = long_date(civil_date(factor.enrolled_at), language=language)
    return factor.id, factor.name, NAMES[factor.kind][language], enrolled_on


def _factor_id(form: Parameters) -> UUID:
    """Raises UnknownSecondFactor."""
    try:
        return UUID(form.one("second_factor_id") or "")
    except ValueError as error:
        raise UnknownSecondFactor from error


def _name(form: Parameters, kind: FactorKind, *, language: str) -> str:
    """As the owner calls it, in one printable line."""
    typed = "".join(filter(str.isprintable, form.one("name") or "")).strip()[:NAME_LENGTH]
    return typed or NAMES[kind][language]


def _shown_as(holder: Holder) -> str:
    if holder.facts is not None:
        return display(holder.facts.code.code)
    return holder.agent.name if holder.agent else ""
