from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic import SecretStr
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.description import tells
from libs.common.http import new_router
from libs.common.problems import status_of as status_of_error
from services.auth import descriptions
from services.auth.cookies import form_token
from services.auth.parameters import Parameters, read_query
from services.auth.parts import parts_of
from services.auth.second_factor.emailed import find_address, is_code_waiting
from services.auth.second_factor.rules import FactorKind, MailNotSent, NoEmailAddress, TooManyMails, masked
from services.auth.session.answers import SEE_OTHER, follow, status_of
from services.auth.session.forms import page, read_posted, read_visit, way_back
from services.auth.session.holder import Holder
from services.auth.session.one_time_code import ask_emailed_code, give_one_time_code
from services.auth.session.passkey import ask_for_passkey, give_passkey
from services.auth.session.rules import ACR_PASSWORD, Session
from services.auth.session.step_up import require_factor_due
from services.auth.session.visit import Next, Outcome, Visit

router = new_router(tags=["sign-in"])
FORM = "one-time-code"
AGAIN = frozenset({Next.REFUSED, Next.WAIT, Next.ENDED})


@dataclass(frozen=True)
class _Shown:
    """What the page says beside the form."""

    fault: str | None = None
    retry_after: int = 0
    is_sent: bool = False
    asks_recovery: bool = False
    status: int = 200


@router.get("/one-time-code")
@public
@page
async def show_one_time_code(request: Request) -> Response:
    visit = await read_visit(request, action="GET /one-time-code")
    parts = parts_of(request)
    session, holder = await require_factor_due(parts, visit)
    asks_recovery = _asks_recovery(read_query(request))
    is_sent = await is_code_waiting(parts.database, session.id, at=visit.circumstances.at)
    shown = _Shown(is_sent=is_sent and not asks_recovery, asks_recovery=asks_recovery)
    return await _page(request, visit, holder, shown)


@router.post("/one-time-code")
@public
@page
async def post_one_time_code(request: Request) -> Response:
    visit, session, holder, form = await _read(request, action="POST /one-time-code")
    typed = SecretStr(form.one("one_time_code") or "")
    outcome = await give_one_time_code(parts_of(request), visit, session, typed=typed)
    return await _follow(request, visit, holder, outcome, asks_recovery=_asks_recovery(form))


@router.post("/one-time-code/email")
@public
@page
async def post_send_email(request: Request) -> Response:
    """The page that says that the code is on its way, or why not and what else there is.

    It may be loaded again: a telephone does so when its owner comes back from the mail.
    """
    visit, session, holder, _ = await _read(request, action="POST /one-time-code/email")
    try:
        await ask_emailed_code(parts_of(request), visit, session)
    except (MailNotSent, TooManyMails, NoEmailAddress) as error:
        shown = _Shown(fault=error.detail(visit.request.language), status=status_of_error(type(error)))
        return await _page(request, visit, holder, shown)
    return RedirectResponse("/one-time-code", SEE_OTHER)


@router.post("/one-time-code/passkey-options", response_model=None)
@public
@tells(descriptions.PASSKEY_OPTIONS)
@page
async def post_passkey_options(request: Request) -> dict[str, Any] | Response:
    visit, session, _, _ = await _read(request, action="POST /one-time-code/passkey-options")
    return await ask_for_passkey(parts_of(request), visit, session)


@router.post("/one-time-code/passkey")
@public
@page
async def post_passkey(request: Request) -> Response:
    visit, session, holder, form = await _read(request, action="POST /one-time-code/passkey")
    outcome = await give_passkey(parts_of(request), visit, session, given=form.one("credential") or "")
    return await _follow(request, visit, holder, outcome)


async def _read(request: Request, *, action: str) -> tuple[Visit, Session, Holder, Parameters]:
    visit, form = await read_posted(request, action=action, form=FORM)
    session, holder = await require_factor_due(parts_of(request), visit)
    return visit, session, holder, form


def _asks_recovery(given: Parameters) -> bool:
    return given.one("with") == FactorKind.RECOVERY_CODE


async def _follow(
    request: Request, visit: Visit, holder: Holder, outcome: Outcome, *, asks_recovery: bool = False
) -> Response:
    if outcome.next not in AGAIN:
        return follow(request, visit, outcome)
    status, _ = status_of(outcome)
    shown = _Shown(outcome.next.value, outcome.retry_after, asks_recovery=asks_recovery, status=status)
    return await _page(request, visit, holder, shown)


async def _page(request: Request, visit: Visit, holder: Holder, shown: _Shown) -> Response:
    parts = parts_of(request)
    offered = _offered(visit, holder, sends_mail=parts.settings.smtp_host is not None)
    address = None
    if FactorKind.EMAIL in offered and holder.owner is not None:
        address = await find_address(parts.database, holder.owner)
    return parts.pages.answer(
        "one_time_code.html",
        language=visit.request.language,
        status=shown.status,
        headers={"Retry-After": str(shown.retry_after)} if shown.retry_after else {},
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form=FORM),
        **way_back(visit),
        has_script=FactorKind.PASSKEY in offered,
        offered=offered,
        asks_code=_is_code_awaited(offered, shown),
        has_recovery=bool(holder.factors & {FactorKind.TOTP, FactorKind.PASSKEY}),
        asks_recovery=shown.asks_recovery,
        is_sent=shown.is_sent,
        address=masked(address) if address else "",
        fault=shown.fault,
        retry_after=shown.retry_after,
    )


def _is_code_awaited(offered: frozenset[FactorKind], shown: _Shown) -> bool:
    """Nobody waits for a mail that was never sent: until then the page offers to send it and asks for nothing."""
    is_mailed = FactorKind.EMAIL in offered and (shown.is_sent or shown.fault is not None)
    return shown.asks_recovery or FactorKind.TOTP in offered or is_mailed


def _offered(visit: Visit, holder: Holder, *, sends_mail: bool) -> frozenset[FactorKind]:
    """Mail is not offered where it would not be enough."""
    is_mail_enough = holder.agent is None and visit.request.required_acr in {None, ACR_PASSWORD}
    if sends_mail and is_mail_enough:
        return holder.factors
    return holder.factors - {FactorKind.EMAIL}
