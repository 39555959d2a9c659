from fastapi import Request, Response
from pydantic import SecretStr

from libs.common.admission import public
from libs.common.http import new_router
from services.auth import records
from services.auth.cookies import form_token
from services.auth.parameters import Parameters
from services.auth.parts import Parts, parts_of
from services.auth.session import steps
from services.auth.session.agent_password import change_agent_password, find_choosing_agent
from services.auth.session.answers import follow, status_of
from services.auth.session.change_password import change_password
from services.auth.session.duties import show_duties
from services.auth.session.forms import NotToBeAnswered, page, read_posted, read_visit, require_stage, way_back
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.password_rules import ChangeReason, reason_to_change
from services.auth.user_code.rules import display

router = new_router(tags=["sign-in"])


@router.get("/change-password")
@public
@page
async def show_change_password(request: Request) -> Response:
    visit = await read_visit(request, action="GET /change-password")
    return await _page(request, visit)


@router.post("/change-password")
@public
@page
async def post_change_password(request: Request) -> Response:
    visit, form = await read_posted(request, action="POST /change-password", form="change-password")
    session = require_stage(visit, Stage.CHANGE_PASSWORD)
    outcome = await _change(request, visit, session, form)
    if outcome.next is Next.REFUSED and outcome.error is not None:
        return await _page(request, visit, outcome)
    return follow(request, visit, outcome)


async def _change(request: Request, visit: Visit, session: Session, form: Parameters) -> Outcome:
    change = change_password if session.agent_id is None else change_agent_password
    return await change(
        parts_of(request),
        visit,
        session,
        new=SecretStr(form.one("new_password") or ""),
        repeated=SecretStr(form.one("repeated_password") or ""),
    )


async def _page(request: Request, visit: Visit, outcome: Outcome | None = None) -> Response:
    parts = parts_of(request)
    session = require_stage(visit, Stage.CHANGE_PASSWORD)
    if session.agent_id is not None:
        return await _agents_page(parts, visit, session, outcome)
    facts = None if session.user_code_id is None else await find_facts(parts.database, session.user_code_id)
    if facts is None:
        raise NotToBeAnswered("start-again")
    language = visit.request.language
    call = records.call_of(visit.circumstances, steps.principal_of(Holder.of(facts), session, visit))
    reason = reason_to_change(facts, aging=parts.settings.password_aging, at=visit.circumstances.at)
    is_first_use = reason is ChangeReason.FIRST_USE
    address = await show_duties(parts.database, call, facts, language=language) if is_first_use else None
    status, headers = status_of(outcome, refused=400)
    return parts.pages.answer(
        "change_password.html",
        language=language,
        status=status,
        headers=headers,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="change-password"),
        **way_back(visit),
        user_code=display(facts.code.code),
        role=str(facts.role),
        is_agent=False,
        is_first_use=is_first_use,
        reason=reason,
        fewest=parts.settings.password_demands(has_second_factor=facts.has_second_factor).fewest_characters,
        conditions_address=address,
        fault=outcome.error.detail(language) if outcome and outcome.error else None,
    )


async def _agents_page(parts: Parts, visit: Visit, session: Session, outcome: Outcome | None) -> Response:
    agent = await find_choosing_agent(parts, visit, session)
    if agent is None:
        raise NotToBeAnswered("start-again")
    language = visit.request.language
    status, headers = status_of(outcome, refused=400)
    return parts.pages.answer(
        "change_password.html",
        language=language,
        status=status,
        headers=headers,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="change-password"),
        **way_back(visit),
        user_code=agent.name,
        fewest=parts.settings.password_demands(has_second_factor=False).fewest_characters,
        is_agent=True,
        is_first_use=False,
        fault=outcome.error.detail(language) if outcome and outcome.error else None,
    )
