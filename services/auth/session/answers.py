"""Where a step's outcome leads the browser."""

from collections.abc import Callable

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from services.auth.authorization.rules import recourse_address
from services.auth.cookies import DEVICES, REQUEST, SESSION, drop_cookie, set_cookie
from services.auth.parts import Parts, parts_of
from services.auth.session import devices
from services.auth.session.forms import NotToBeAnswered, way_back
from services.auth.session.rules import Stage
from services.auth.session.visit import Next, Outcome, Visit

SEE_OTHER, SIGN_IN = 303, "/sign-in"
ShowAgain = Callable[[Request, Visit, Outcome], Response]


def follow(request: Request, visit: Visit, outcome: Outcome, *, show_again: ShowAgain | None = None) -> Response:
    """`show_again`: the step's own page, saying what was wrong; without one the person starts again.

    Raises NotToBeAnswered.
    """
    match outcome.next:
        case Next.BACK | Next.STEP:
            return onward(parts_of(request), outcome)
        case Next.SIGN_IN:
            return RedirectResponse(SIGN_IN, SEE_OTHER)
        case Next.STATE:
            return _state_page(request, visit, outcome)
        case Next.LATER:
            raise NotToBeAnswered("facts-too-old")
        case Next.REFUSED | Next.WAIT if show_again is not None:
            return show_again(request, visit, outcome)
        case Next.START_AGAIN | Next.REFUSED | Next.WAIT | Next.ENDED:
            raise NotToBeAnswered("start-again")


def status_of(outcome: Outcome | None, *, refused: int = 401) -> tuple[int, dict[str, str]]:
    """Status and headers of a step's page, shown first or again."""
    if outcome is None:
        return 200, {}
    if outcome.next in {Next.WAIT, Next.ENDED}:
        return 429, {"Retry-After": str(outcome.retry_after)}
    return refused, {}


def onward(parts: Parts, outcome: Outcome) -> Response:
    issuer = parts.settings.issuer
    answer = RedirectResponse(outcome.location or f"/{outcome.stage or Stage.COMPLETE}", SEE_OTHER)
    if outcome.session_secret is not None:
        set_cookie(answer, SESSION, outcome.session_secret, issuer=issuer)
    if outcome.devices is not None:
        set_cookie(answer, DEVICES, outcome.devices, issuer=issuer, life=devices.LIFE)
    if outcome.next is Next.BACK and not outcome.may_come_again:
        drop_cookie(answer, REQUEST, issuer=issuer)
    return answer


def _state_page(request: Request, visit: Visit, outcome: Outcome) -> Response:
    return parts_of(request).pages.answer(
        "registration_state.html",
        language=visit.request.language,
        form_leads_to=visit.request.redirect_uri,
        status=403,
        **way_back(visit),
        state="" if outcome.state is None else outcome.state.value,
        recourse_address=recourse_address(visit.request) if visit.client.is_portal else None,
    )
