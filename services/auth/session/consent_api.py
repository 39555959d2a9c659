import hmac
from typing import Protocol

from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.client.rules import OFFLINE_ACCESS
from services.auth.cookies import form_token
from services.auth.parameters import Parameters
from services.auth.parts import Parts, parts_of
from services.auth.session import consent, give_consent, steps
from services.auth.session.answers import follow
from services.auth.session.forms import NotToBeAnswered, page, read_posted, read_visit, require_stage
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage, may_act
from services.auth.session.step_up import is_noted
from services.auth.session.visit import Outcome, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import Facts, display

router = new_router(tags=["sign-in"])


class Answer(Protocol):
    async def __call__(self, parts: Parts, visit: Visit, session: Session, /, *, facts: Facts) -> Outcome: ...


ANSWERS: dict[str, Answer] = {"allow": give_consent.allow, "refuse": give_consent.refuse}
CHANGED = "software-changed-meanwhile"


@router.get("/consent")
@public
@page
async def show_consent(request: Request) -> Response:
    visit = await read_visit(request, action="GET /consent")
    session, facts = await _require_asked(parts_of(request), visit)
    return _page(request, visit, session, facts=facts)


@router.post("/consent")
@public
@page
async def post_consent(request: Request) -> Response:
    parts = parts_of(request)
    visit, form = await read_posted(request, action="POST /consent", form="consent")
    session, facts = await _require_asked(parts, visit)
    told = consent.told_by(visit.request, visit.client, session)
    if not hmac.compare_digest((form.one("told") or "").encode(), told.encode()):
        principal = steps.principal_of(Holder.of(facts), session, visit)
        await steps.record_alone(parts, principal, visit.circumstances, refusal=CHANGED)
        return _page(request, visit, session, facts=facts, status=409)
    outcome = await _answer_of(form)(parts, visit, session, facts=facts)
    return follow(request, visit, outcome)


def _answer_of(form: Parameters) -> Answer:
    answer = ANSWERS.get(form.one("answer") or "")
    if answer is None:
        raise NotToBeAnswered("request-not-understood")
    return answer


async def _require_asked(parts: Parts, visit: Visit) -> tuple[Session, Facts]:
    """Whose session may answer this very request, once nothing but consent is missing. Raises NotToBeAnswered."""
    session = require_stage(visit, Stage.COMPLETE)
    is_asked = consent.is_still_its_request(visit.request, visit.client) and await is_noted(parts, visit, session)
    facts = await find_facts(parts.database, session.user_code_id) if is_asked and session.user_code_id else None
    if facts is None or not may_act(session, facts):
        raise NotToBeAnswered("start-again")
    return session, facts


def _page(request: Request, visit: Visit, session: Session, *, facts: Facts, status: int = 200) -> Response:
    language = visit.request.language
    return parts_of(request).pages.answer(
        "consent.html",
        language=language,
        status=status,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="consent"),
        told=consent.told_by(visit.request, visit.client, session),
        product=visit.client.name(language),
        vendor=visit.client.vendor,
        user_code=display(facts.code.code),
        represents=session.power_of_attorney_id is not None,
        stays=OFFLINE_ACCESS in visit.request.scope,
        has_changed_meanwhile=status != 200,  # noqa: PLR2004 - shown again
    )
