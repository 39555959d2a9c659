from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.cookies import form_token
from services.auth.pages import long_date
from services.auth.parts import Parts, parts_of
from services.auth.session.answers import follow
from services.auth.session.choose_applicant import OWN, choose_applicant
from services.auth.session.forms import NotToBeAnswered, page, read_posted, read_visit, way_back
from services.auth.session.holder import Represented
from services.auth.session.representation import Choices, find_choices, is_choice_offered
from services.auth.session.rules import Session, Stage, may_act, may_choose
from services.auth.session.visit import Next, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import Facts, display

router = new_router(tags=["sign-in"])


@router.get("/applicant")
@public
@page
async def show_choose_applicant(request: Request) -> Response:
    visit = await read_visit(request, action="GET /applicant")
    session, facts = await _require_chooser(parts_of(request), visit)
    choices = await find_choices(parts_of(request), facts.code.id, visit.circumstances)
    return _page(request, visit, session, facts=facts, choices=choices)


@router.post("/applicant")
@public
@page
async def post_choose_applicant(request: Request) -> Response:
    parts = parts_of(request)
    visit, form = await read_posted(request, action="POST /applicant", form="applicant")
    session, facts = await _require_chooser(parts, visit)
    choices = await find_choices(parts, facts.code.id, visit.circumstances)
    chosen = form.one("applicant") or ""
    outcome = await choose_applicant(parts, visit, session, facts=facts, choices=choices, chosen=chosen)
    if outcome.next is Next.REFUSED:
        return _page(request, visit, session, facts=facts, choices=choices, is_refused=True)
    return follow(request, visit, outcome)


async def _require_chooser(parts: Parts, visit: Visit) -> tuple[Session, Facts]:
    """Whose turn it is to choose, or whom the request lets choose anew. Raises NotToBeAnswered."""
    session = visit.session
    if session is None or session.user_code_id is None or not may_choose(session):
        raise NotToBeAnswered("start-again")
    is_turn = session.stage is Stage.APPLICANT or (
        session.stage is Stage.COMPLETE
        and await is_choice_offered(parts.database, visit.request_secret, session_id=session.id)
    )
    facts = await find_facts(parts.database, session.user_code_id) if is_turn else None
    if facts is None or not may_act(session, facts):
        raise NotToBeAnswered("start-again")
    return session, facts


def _page(  # noqa: PLR0913 - what the page shows, each by name
    request: Request,
    visit: Visit,
    session: Session,
    *,
    facts: Facts,
    choices: Choices,
    is_refused: bool = False,
) -> Response:
    language = visit.request.language
    current = str(session.power_of_attorney_id or OWN) if session.stage is Stage.COMPLETE else None
    return parts_of(request).pages.answer(
        "choose_applicant.html",
        language=language,
        status=400 if is_refused else 200,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="applicant"),
        **way_back(visit),
        own=OWN,
        user_code=display(facts.code.code),
        offered=[_shown(one, language=language) for one in choices.represented],
        current=current,
        is_known=choices.is_known,
        is_refused=is_refused,
    )


def _shown(one: Represented, *, language: str) -> dict[str, str | None]:
    ends_on = None if one.ends_on is None else long_date(one.ends_on, language=language)
    return {"id": str(one.power_of_attorney_id), "name": one.name, "number": one.number, "ends_on": ends_on}
