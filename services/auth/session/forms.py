"""What a page needs before it is answered: the request it serves, and for a post the form's token."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar

from fastapi import Request, Response

from libs.common.access_records import record_call
from libs.common.description import tells
from libs.common.errors import DomainError, FactsTooOld, Unavailable
from libs.common.problems import status_of, waiting_of
from services.auth import records
from services.auth.authorization.commands import find_answered_and_client, find_request_and_client
from services.auth.authorization.rules import PostedForm
from services.auth.cookies import DEVICES, REQUEST, SESSION, form_mark, form_token, is_form_token, read_cookie
from services.auth.descriptions import PAGE
from services.auth.fault_pages import error_page
from services.auth.pages import language_of
from services.auth.parameters import Malformed, Parameters, read_form
from services.auth.parts import parts_of
from services.auth.session import devices
from services.auth.session.commands import find_session
from services.auth.session.rules import Session, Stage, hash_secret
from services.auth.session.visit import Visit

STATUS_OF_FAULT = {
    "no-such-page": 404,
    "facts-too-old": 503,
    "start-again": 400,
    "signed-in-already": 409,
    "request-not-understood": 400,
    "sign-in-first": 403,
    "sign-in-again": 403,
}
RETRY_AFTER = {"Retry-After": "5"}
CANCEL = "cancel"
STEPS = frozenset({"sign-in", *Stage} - {Stage.COMPLETE}) | {"password"}
Answer = TypeVar("Answer")


class NotToBeAnswered(Exception):
    """The page is not shown; `fault` says which error page is."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class AnsweredBefore(NotToBeAnswered):
    """The request waits no more, because a form of this browser was answered; this may be that form again."""

    def __init__(self, visit: Visit) -> None:
        super().__init__("start-again")
        self.visit = visit


def page(
    endpoint: Callable[[Request], Awaitable[Answer]],
) -> Callable[[Request], Awaitable[Answer | Response]]:
    """What keeps such an endpoint from answering is told on an error page: people, not programs, read it."""

    @tells(PAGE)
    @wraps(endpoint)
    async def answer(request: Request) -> Answer | Response:
        request.state.language = _language(request, otherwise=request.state.language)
        try:
            return await endpoint(request)
        except AnsweredBefore:
            # Met in one place, whichever page it is.
            raise
        except (NotToBeAnswered, Malformed, DomainError) as refusal:
            return refusal_page(request, refusal)

    return answer


async def read_visit(request: Request, *, action: str) -> Visit:
    """Raises NotToBeAnswered when nobody asked for a sign-in, or the facts are too old for one."""
    visit, is_waiting = await _find_visit(request, action=action)
    if not is_waiting:
        raise AnsweredBefore(visit)
    return visit


async def read_posted(request: Request, *, action: str, form: str) -> tuple[Visit, Parameters]:
    """A form that is not from our own page in this browser is refused: nobody is signed in by another site.

    Raises NotToBeAnswered, Malformed; the refusal is recorded, but for AnsweredBefore, which may end well.
    """
    try:
        visit, is_waiting = await _find_visit(request, action=action)
        given = await read_form(request)
        _require_form_token(given, visit, form=form)
    except (NotToBeAnswered, Malformed) as refusal:
        await _record_refusal(request, action=action, refusal=refusal)
        raise
    visit = replace(visit, form=_posted(request, visit, given))
    if not is_waiting:
        raise AnsweredBefore(visit)
    return visit, given


async def _find_visit(request: Request, *, action: str) -> tuple[Visit, bool]:
    """And whether its request still waits; else it was answered a short time ago. Raises NotToBeAnswered."""
    parts = parts_of(request)
    issuer, at = parts.settings.issuer, request.state.at
    secret = read_cookie(request, REQUEST, issuer=issuer)
    if secret is None:
        raise NotToBeAnswered("start-again")
    # Read before the request: a session that another step moves on at this moment finds its request answered.
    session = await find_session(parts.database, read_cookie(request, SESSION, issuer=issuer), parts.settings)
    waiting = await find_request_and_client(parts.database, secret, at=at)
    found = waiting or await find_answered_and_client(parts.database, secret, at=at)
    if found is None:
        raise NotToBeAnswered("start-again")
    wanted, client = found
    if wanted.redirect_uri not in client.redirect_uris:
        # It was registered when the request came, and is not any more.
        raise NotToBeAnswered("start-again")
    request.state.language = _language(request, otherwise=wanted.language)
    wanted = replace(wanted, language=request.state.language)
    if parts.freshness.too_old() is not None:
        raise NotToBeAnswered(FactsTooOld.code)
    circumstances = records.circumstances(request, action=action)
    known_by = read_cookie(request, DEVICES, issuer=issuer, longest=devices.LONGEST)
    return Visit(circumstances, wanted, secret, client, session, devices=known_by), waiting is not None


def _posted(request: Request, visit: Visit, given: Parameters) -> PostedForm:
    brought = read_cookie(request, SESSION, issuer=parts_of(request).settings.issuer)
    mark = form_mark(visit.request_secret, action=visit.circumstances.action, said=given.as_query())
    return PostedForm(mark, None if brought is None else hash_secret(brought))


def _language(request: Request, *, otherwise: str) -> str:
    return language_of(request, issuer=parts_of(request).settings.issuer, otherwise=otherwise)


def require_stage(visit: Visit, stage: Stage) -> Session:
    """Raises NotToBeAnswered when another step is due in this browser."""
    if visit.session is None or visit.session.stage is not stage:
        raise NotToBeAnswered("start-again")
    return visit.session


def _require_form_token(given: Parameters, visit: Visit, *, form: str) -> None:
    if not is_form_token(given.one("form_token"), visit.request_secret, form=form):
        raise NotToBeAnswered("start-again")


async def _record_refusal(request: Request, *, action: str, refusal: NotToBeAnswered | Malformed) -> None:
    reason = refusal.fault if isinstance(refusal, NotToBeAnswered) else "malformed-request"
    await record_call(
        parts_of(request).database,
        records.nobody(client_id=None, at=request.state.at),
        circumstances=records.circumstances(request, action=action),
        applicant_id=None,
        refusal=reason,
    )


def way_back(visit: Visit, *, language: str | None = None) -> dict[str, Any]:
    """What a page shows of its way back to the client (cancel.html)."""
    return {
        "client": visit.client.name(language or visit.request.language),
        "cancel_token": form_token(visit.request_secret, form=CANCEL),
    }


def told(error: DomainError | None, *, language: str) -> dict[str, Any]:
    """How a page that is shown again answers: status, headers, and the sentence that it shows as its fault."""
    if error is None:
        return {"status": 200, "headers": {}, "fault": None}
    return {"status": status_of(type(error)), "headers": waiting_of(error), "fault": error.detail(language)}


def refusal_page(request: Request, refusal: NotToBeAnswered | Malformed | DomainError) -> Response:
    fault, status = _fault(refusal)
    if status != STATUS_OF_FAULT["facts-too-old"]:
        return error_page(request, fault, status=status)
    waiting = waiting_of(refusal) if isinstance(refusal, DomainError) else RETRY_AFTER
    return error_page(request, fault, status=status, headers=waiting, again=_page_of(request))


def _page_of(request: Request) -> str | None:
    """Where the step that was not done is begun again."""
    step = request.url.path.split("/")[1]
    return f"/{step}" if step in STEPS else None


def _fault(refusal: NotToBeAnswered | Malformed | DomainError) -> tuple[str, int]:
    if isinstance(refusal, Malformed):
        return "request-not-understood", 400
    if isinstance(refusal, NotToBeAnswered):
        return refusal.fault, STATUS_OF_FAULT[refusal.fault]
    if isinstance(refusal, Unavailable):
        return "unavailable", status_of(type(refusal))
    return "start-again", status_of(type(refusal))
