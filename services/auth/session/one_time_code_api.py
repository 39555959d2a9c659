from fastapi import Request, Response
from pydantic import SecretStr

from libs.common.admission import public
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth.cookies import form_token
from services.auth.parameters import Malformed
from services.auth.parts import parts_of
from services.auth.session.answers import follow, status_of
from services.auth.session.forms import NotToBeAnswered, page_of, read_posted, read_visit, require_stage
from services.auth.session.one_time_code import give_one_time_code
from services.auth.session.rules import Stage
from services.auth.session.visit import Outcome, Visit

router = new_router(tags=["sign-in"])


@router.get("/one-time-code")
@public
async def show_one_time_code(request: Request) -> Response:
    try:
        visit = await read_visit(request, action="GET /one-time-code")
        require_stage(visit, Stage.ONE_TIME_CODE)
        return _page(request, visit)
    except (NotToBeAnswered, DomainError) as refusal:
        return page_of(request, refusal)


@router.post("/one-time-code")
@public
async def post_one_time_code(request: Request) -> Response:
    try:
        visit, form = await read_posted(request, action="POST /one-time-code", form="one-time-code")
        session = require_stage(visit, Stage.ONE_TIME_CODE)
        typed = SecretStr(form.one("one_time_code") or "")
        outcome = await give_one_time_code(parts_of(request), visit, session, typed=typed)
    except (NotToBeAnswered, Malformed, DomainError) as refusal:
        return page_of(request, refusal)
    return follow(request, visit, outcome, show_again=_page)


def _page(request: Request, visit: Visit, outcome: Outcome | None = None) -> Response:
    status, headers = status_of(outcome)
    return parts_of(request).pages.answer(
        "one_time_code.html",
        language=visit.request.language,
        status=status,
        headers=headers,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="one-time-code"),
        fault=None if outcome is None else outcome.next.value,
        retry_after=outcome.retry_after if outcome else 0,
    )
