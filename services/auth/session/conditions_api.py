from fastapi import Request, Response

from libs.common.admission import public
from libs.common.clock import civil_date
from libs.common.http import new_router
from services.auth.cookies import form_token
from services.auth.pages import long_date
from services.auth.parts import Parts, parts_of
from services.auth.session.answers import follow
from services.auth.session.conditions import ChangedConditions, continue_under_conditions, find_changed
from services.auth.session.forms import NotToBeAnswered, page, read_posted, read_visit, require_stage, way_back
from services.auth.session.rules import PostedConditions, Session, Stage
from services.auth.session.visit import Next, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import Facts

router = new_router(tags=["sign-in"])


@router.get("/conditions")
@public
@page
async def show_conditions(request: Request) -> Response:
    visit = await read_visit(request, action="GET /conditions")
    _, _, changed = await _require_changed(parts_of(request), visit)
    return _page(request, visit, changed)


@router.post("/conditions")
@public
@page
async def post_conditions(request: Request) -> Response:
    parts = parts_of(request)
    visit, form = await read_posted(request, action="POST /conditions", form="conditions")
    session, facts, changed = await _require_changed(parts, visit)
    shown = form.one("version") or ""
    outcome = await continue_under_conditions(parts, visit, session, facts=facts, changed=changed, shown=shown)
    if outcome.next is Next.REFUSED and outcome.stage is Stage.CONDITIONS:
        return _page(request, visit, changed, status=409)
    return follow(request, visit, outcome)


async def _require_changed(parts: Parts, visit: Visit) -> tuple[Session, Facts, ChangedConditions]:
    """Raises NotToBeAnswered."""
    session = require_stage(visit, Stage.CONDITIONS)
    facts = None if session.user_code_id is None else await find_facts(parts.database, session.user_code_id)
    changed = None if facts is None else await find_changed(parts.database, facts, visit)
    if facts is None or changed is None:
        raise NotToBeAnswered("start-again")
    return session, facts, changed


def _page(request: Request, visit: Visit, changed: ChangedConditions, *, status: int = 200) -> Response:
    language = visit.request.language
    return parts_of(request).pages.answer(
        "conditions.html",
        language=language,
        status=status,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="conditions"),
        **way_back(visit),
        now=_shown(changed.now, language=language),
        before=None if changed.before is None else _shown(changed.before, language=language),
        has_changed_meanwhile=status != 200,  # noqa: PLR2004 - shown again
    )


def _shown(posted: PostedConditions, *, language: str) -> dict[str, str]:
    posted_on = long_date(civil_date(posted.posted_at), language=language)
    return {"version": posted.version, "posted_on": posted_on, "address": posted.addresses[language]}
