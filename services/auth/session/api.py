from fastapi import Request, Response
from pydantic import SecretStr
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.errors import DomainError
from libs.common.http import new_router
from services.auth import records
from services.auth.authorization.rules import recourse_address
from services.auth.cookies import REQUEST, SESSION, drop_cookie, form_token, set_cookie
from services.auth.parameters import Malformed, Parameters
from services.auth.parts import Parts, parts_of
from services.auth.session import sign_in as steps
from services.auth.session.duties import show_duties
from services.auth.session.forms import NotToBeAnswered, page_of, read_posted, read_visit
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.session.sign_in import Next, Outcome, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import display

router = new_router(tags=["sign-in"])
SEE_OTHER = 303


@router.get("/sign-in")
@public
async def show_sign_in(request: Request) -> Response:
    try:
        return _sign_in_page(request, await read_visit(request, action="GET /sign-in"))
    except (NotToBeAnswered, DomainError) as refusal:
        return page_of(request, refusal)


@router.post("/sign-in")
@public
async def post_sign_in(request: Request) -> Response:
    try:
        visit, form = await read_posted(request, action="POST /sign-in", form="sign-in")
        outcome = await steps.sign_in(
            parts_of(request),
            visit,
            typed_name=form.one("user_code") or "",
            password=SecretStr(form.one("password") or ""),
        )
    except (NotToBeAnswered, Malformed, DomainError) as refusal:
        return page_of(request, refusal)
    return _follow(request, visit, outcome)


@router.get("/one-time-code")
@public
async def show_one_time_code(request: Request) -> Response:
    try:
        visit = await read_visit(request, action="GET /one-time-code")
        _require_stage(visit, Stage.ONE_TIME_CODE)
        return _one_time_code_page(request, visit)
    except (NotToBeAnswered, DomainError) as refusal:
        return page_of(request, refusal)


@router.post("/one-time-code")
@public
async def post_one_time_code(request: Request) -> Response:
    try:
        visit, form = await read_posted(request, action="POST /one-time-code", form="one-time-code")
        session = _require_stage(visit, Stage.ONE_TIME_CODE)
        typed = SecretStr(form.one("one_time_code") or "")
        outcome = await steps.give_one_time_code(parts_of(request), visit, session, typed=typed)
    except (NotToBeAnswered, Malformed, DomainError) as refusal:
        return page_of(request, refusal)
    return _follow(request, visit, outcome)


@router.get("/change-password")
@public
async def show_change_password(request: Request) -> Response:
    try:
        visit = await read_visit(request, action="GET /change-password")
        return await _change_password_page(request, visit)
    except (NotToBeAnswered, DomainError) as refusal:
        return page_of(request, refusal)


@router.post("/change-password")
@public
async def post_change_password(request: Request) -> Response:
    try:
        visit, form = await read_posted(request, action="POST /change-password", form="change-password")
        session = _require_stage(visit, Stage.CHANGE_PASSWORD)
        outcome = await _change(request, visit, session, form)
        if outcome.next is Next.CHANGE_PASSWORD:
            return await _change_password_page(request, visit, error=outcome.error)
    except (NotToBeAnswered, Malformed, DomainError) as refusal:
        return page_of(request, refusal)
    return _follow(request, visit, outcome)


async def _change(request: Request, visit: Visit, session: Session, form: Parameters) -> Outcome:
    return await steps.change_password(
        parts_of(request),
        visit,
        session,
        new=SecretStr(form.one("new_password") or ""),
        repeated=SecretStr(form.one("repeated_password") or ""),
    )


def _require_stage(visit: Visit, stage: Stage) -> Session:
    if visit.session is None or visit.session.stage is not stage:
        raise NotToBeAnswered("start-again")
    return visit.session


def _follow(request: Request, visit: Visit, outcome: Outcome) -> Response:
    parts = parts_of(request)
    match outcome.next:
        case Next.BACK | Next.ONE_TIME_CODE | Next.CHANGE_PASSWORD:
            return _onward(parts, outcome)
        case Next.STATE:
            return _state_page(request, visit, outcome)
        case Next.START_AGAIN:
            return page_of(request, NotToBeAnswered("start-again"))
        case Next.LATER:
            return page_of(request, NotToBeAnswered("facts-too-old"))
        case Next.REFUSED | Next.WAIT:
            is_second = visit.circumstances.action == "POST /one-time-code"
            show = _one_time_code_page if is_second else _sign_in_page
            return show(request, visit, outcome=outcome)


def _onward(parts: Parts, outcome: Outcome) -> Response:
    issuer = parts.settings.issuer
    answer = RedirectResponse(outcome.location or f"/{outcome.next.value}", SEE_OTHER)
    if outcome.session_secret is not None:
        set_cookie(answer, SESSION, outcome.session_secret, issuer=issuer)
    if outcome.next is Next.BACK:
        drop_cookie(answer, REQUEST, issuer=issuer)
    return answer


def _refused(outcome: Outcome | None) -> tuple[int, dict[str, str]]:
    if outcome is None:
        return 200, {}
    if outcome.next is Next.WAIT:
        return 429, {"Retry-After": str(outcome.retry_after)}
    return 401, {}


def _sign_in_page(request: Request, visit: Visit, *, outcome: Outcome | None = None) -> Response:
    status, headers = _refused(outcome)
    return parts_of(request).pages.answer(
        "sign_in.html",
        language=visit.request.language,
        status=status,
        headers=headers,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="sign-in"),
        client=visit.client.name(visit.request.language),
        is_portal=visit.client.is_portal,
        is_recourse=visit.request.asks_recourse,
        fault=None if outcome is None else outcome.next.value,
        retry_after=outcome.retry_after if outcome else 0,
    )


def _one_time_code_page(request: Request, visit: Visit, *, outcome: Outcome | None = None) -> Response:
    status, headers = _refused(outcome)
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


async def _change_password_page(request: Request, visit: Visit, *, error: DomainError | None = None) -> Response:
    parts = parts_of(request)
    session = _require_stage(visit, Stage.CHANGE_PASSWORD)
    facts = None if session.user_code_id is None else await find_facts(parts.database, session.user_code_id)
    if facts is None:
        raise NotToBeAnswered("start-again")
    language = visit.request.language
    principal = steps.principal_of(Holder(facts=facts), session, visit)
    call = records.call_of(visit.circumstances, principal)
    is_first_use = facts.code.first_used_at is None
    address = await show_duties(parts.database, call, facts, language=language) if is_first_use else None
    return parts.pages.answer(
        "change_password.html",
        language=language,
        status=200 if error is None else 400,
        form_leads_to=visit.request.redirect_uri,
        form_token=form_token(visit.request_secret, form="change-password"),
        user_code=display(facts.code.code),
        role=str(facts.role),
        is_first_use=is_first_use,
        conditions_address=address,
        fault=None if error is None else error.detail(language),
    )


def _state_page(request: Request, visit: Visit, outcome: Outcome) -> Response:
    return parts_of(request).pages.answer(
        "registration_state.html",
        language=visit.request.language,
        status=403,
        state="" if outcome.state is None else outcome.state.value,
        recourse_address=recourse_address(visit.request) if visit.client.is_portal else None,
    )
