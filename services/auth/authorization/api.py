from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from libs.common.access_records import record_call
from libs.common.admission import public
from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.description import tells
from libs.common.errors import DomainError, FactsTooOld, StateChanged
from libs.common.http import new_router
from services.auth import descriptions, records
from services.auth.authorization import rules
from services.auth.authorization.claims import subject_of
from services.auth.authorization.commands import grant, may_answer, open_request, take_pushed
from services.auth.authorization.pushed import find_source
from services.auth.authorization.redemption import Redemption, principal_of
from services.auth.authorization.rules import AuthorizationRequest, Conduct
from services.auth.by_get import brings_session, repeat_by_get
from services.auth.client.commands import find_client
from services.auth.client.rules import Client
from services.auth.cookies import REQUEST, SESSION, read_cookie, set_cookie
from services.auth.fault_pages import error_page
from services.auth.oauth_errors import OAuthError, oauth_error_of
from services.auth.pages import language_of
from services.auth.parameters import Parameters, Repeated, read_form, read_query
from services.auth.parts import Parts, parts_of
from services.auth.session import commands as sessions
from services.auth.session import consent
from services.auth.session.forms import page
from services.auth.session.holder import Holder
from services.auth.session.representation import may_go_on_acting, offer_choice
from services.auth.session.rules import Session, Stage, is_recent, may_choose, step_up_stage
from services.auth.session.step_up import note_step_up

router = new_router(tags=["authorization"])
SEE_OTHER = 303
SIGN_IN, CHOOSE = "/sign-in", "/applicant"
FACTOR_DUE = frozenset({Stage.ONE_TIME_CODE, Stage.SECOND_FACTORS})


@dataclass(frozen=True)
class Asked:
    """A valid request, of whom, and how it wants to be met; an `id_token_hint` may name nobody that is known."""

    request: AuthorizationRequest
    client: Client
    conduct: Conduct
    hints_at_nobody: bool


@router.get("/oauth/authorize")
@public
@tells(descriptions.AUTHORIZE)
@page
async def authorize(request: Request) -> Response:
    try:
        asked = read_query(request)
    except Repeated as repeated:
        return await _refuse_repeated(request, repeated)
    return await _authorize(request, asked, action="GET /oauth/authorize")


@router.post("/oauth/authorize")
@public
@tells(descriptions.AUTHORIZE_BY_FORM)
@page
async def authorize_by_form(request: Request) -> Response:
    try:
        asked = await read_form(request)
    except Repeated as repeated:
        return await _refuse_repeated(request, repeated)
    by_get = None if brings_session(request) else repeat_by_get(request, asked)
    return by_get or await _authorize(request, asked, action="POST /oauth/authorize")


async def _refuse_repeated(request: Request, repeated: Repeated) -> Response:
    """Raises what it is given, where it is not sure to whom it is told."""
    parts, asked = parts_of(request), repeated.once
    redirect_uri = rules.registered_redirect(await find_client(parts.database, asked.one("client_id")), asked)
    if redirect_uri is None:
        raise repeated
    fault = OAuthError("invalid_request", "a parameter is given more than once")
    return _refusal(parts, asked, fault, redirect_uri=redirect_uri)


async def _authorize(request: Request, asked: Parameters, *, action: str) -> Response:
    parts = parts_of(request)
    issuer = parts.settings.issuer
    client = await find_client(parts.database, asked.one("client_id"))
    source = await find_source(parts, client, asked, at=request.state.at)
    asked = source.asked
    asked_for = rules.choose_locale(asked, preferred=request.state.language)
    language = language_of(request, issuer=issuer, otherwise=asked_for)
    redirect_uri = rules.registered_redirect(client, asked)
    if client is None or redirect_uri is None:
        return _error_page(request, language=language)
    try:
        source.require_acceptable(client)
        wanted = rules.read_request(client, asked, issuer=issuer, language=language)
        wanted = replace(wanted, pushed_hash=source.pushed_hash)
        valid = await _with_hint(parts, wanted, client, rules.read_conduct(asked))
        return await _meet(request, parts, valid, action=action)
    except OAuthError as error:
        if not await take_pushed(parts.database, source.pushed_hash):
            return _error_page(request, language=language)
        return _refusal(parts, asked, error, redirect_uri=redirect_uri)
    except DomainError as error:
        return _refusal(parts, asked, oauth_error_of(error), redirect_uri=redirect_uri)


def _refusal(parts: Parts, asked: Parameters, error: OAuthError, *, redirect_uri: str) -> Response:
    """RFC 6749 §4.1.2.1, at an address that is registered."""
    echoed = (asked.one("state") or "")[: rules.ECHO_LENGTH] or None
    members = {"error": error.code, "error_description": error.description}
    return _redirect(rules.answer_address(redirect_uri, issuer=parts.settings.issuer, state=echoed, **members))


async def _meet(request: Request, parts: Parts, asked: Asked, *, action: str) -> Response:
    if not asked.conduct.asks_sign_in and not asked.conduct.asks_choice:
        location = await _single_sign_on(request, parts, asked, action=action)
        if location is not None:
            return _redirect(location)
    if asked.conduct.is_silent:
        raise OAuthError("login_required", "nobody is signed in here for this request")
    until = request.state.at + timedelta(minutes=parts.settings.sign_in_minutes)
    secret = await open_request(parts.database, asked.request, expires_at=until)
    if secret is None:
        return _error_page(request, language=asked.request.language)
    answer = _redirect(await _first_step(request, parts, asked, secret=secret, until=until))
    set_cookie(answer, REQUEST, secret, issuer=parts.settings.issuer)
    return answer


async def _first_step(request: Request, parts: Parts, asked: Asked, *, secret: str, until: datetime) -> str:
    """A session that lacks nothing but a factor proves that factor and no password (RFC 9470 §5). Then it chooses
    for whom it acts: when asked to, or when its power of attorney is not in force any more.
    """
    standing = None if asked.conduct.asks_sign_in else await _standing_session(request, parts, asked)
    if standing is None:
        return SIGN_IN
    session, stage = standing.session, await _lacking(parts, standing, asked)
    chooses = await _is_choice_due(request, parts, asked, session, stage=stage)
    if chooses:
        await offer_choice(parts.database, secret, session_id=session.id, expires_at=until)
    # What is allowed is allowed for an applicant, so who that is comes first.
    if stage is not None and not (chooses and stage is Stage.CONSENT):
        async with parts.database.transaction() as tx:
            await note_step_up(tx, secret, session, at=request.state.at)
        return f"/{stage}"
    return CHOOSE if chooses else SIGN_IN


async def _is_choice_due(
    request: Request, parts: Parts, asked: Asked, session: Session, *, stage: Stage | None
) -> bool:
    if not may_choose(session) or asked.conduct.asks_choice:
        return may_choose(session)
    if stage in FACTOR_DUE:
        # Single sign-on, which would have found out, was not tried.
        circumstances = records.circumstances(request, action=f"{request.method} {request.url.path}")
        return not await may_go_on_acting(parts, session, circumstances)
    return session.power_of_attorney_id is not None


async def _single_sign_on(request: Request, parts: Parts, asked: Asked, *, action: str) -> str | None:
    """Where the browser goes when the session it has answers the request; each such grant is recorded."""
    redemption = await _standing_session(request, parts, asked)
    lacking = None if redemption is None else await _lacking(parts, redemption, asked)
    if lacking is Stage.CONSENT and asked.conduct.is_silent:
        raise OAuthError("consent_required", "the person has not allowed this product what it asks for")
    if redemption is None or lacking is not None:
        return None
    if parts.freshness.too_old() is not None:
        raise OAuthError("temporarily_unavailable", FactsTooOld.en.format(publisher="another service"))
    circumstances = records.circumstances(request, action=action)
    if not await may_go_on_acting(parts, redemption.session, circumstances):
        return None
    principal = principal_of(redemption, asked.client, issued_at=records.earliest_token(circumstances.at))
    reason = await record_call(
        parts.database, principal, circumstances=circumstances, applicant_id=None, recourse_route=True
    )
    if reason is not None:
        return None
    try:
        return await _grant(parts, asked, redemption, records.call_of(circumstances, principal))
    except StateChanged:
        # The session has ended meanwhile: there is none.
        return None


async def _grant(parts: Parts, asked: Asked, redemption: Redemption, call: Call) -> str | None:
    """Raises StateChanged when the session has ended."""
    async with parts.database.transaction() as tx:
        if await _is_consent_due(tx, redemption, asked):
            return None
        await sessions.touch_session(tx, call, redemption.session)
        return await grant(
            tx,
            parts,
            asked.request,
            asked.client,
            redemption.session,
            holder=redemption.holder,
            at=call.at,
        )


async def _lacking(parts: Parts, redemption: Redemption, asked: Asked) -> Stage | None:
    required = asked.request.required_acr
    stage = step_up_stage(redemption.session, required_acr=required, factors=redemption.holder.factors)
    if stage is None and await _is_consent_due(parts.database, redemption, asked):
        return Stage.CONSENT
    return stage


async def _is_consent_due(database: Database | Connection, redemption: Redemption, asked: Asked) -> bool:
    stage = await consent.due_stage(database, redemption.session, request=asked.request, client=asked.client)
    return stage is Stage.CONSENT


async def _standing_session(request: Request, parts: Parts, asked: Asked) -> Redemption | None:
    """The browser's session, if it is good for what is asked, without anybody doing anything."""
    secret = read_cookie(request, SESSION, issuer=parts.settings.issuer)
    session = await sessions.find_session(parts.database, secret, parts.settings)
    if session is None or session.stage is not Stage.COMPLETE:
        return None
    if not is_recent(session, max_age=asked.conduct.max_age, at=request.state.at):
        return None
    holder = await sessions.find_holder(parts.database, session)
    if not _is_whom_it_hints(parts, asked, holder):
        return None
    return Redemption(session, holder) if may_answer(asked.request, asked.client, session, holder) else None


async def _with_hint(parts: Parts, wanted: AuthorizationRequest, client: Client, conduct: Conduct) -> Asked:
    """OpenID Connect Core §3.1.2.1; a hint that was not given to this client names nobody. Raises OAuthError."""
    hint = conduct.id_token_hint
    told = {} if hint is None else await parts.keys.verify(hint) or {}
    is_own = told.get("iss") == parts.settings.issuer and told.get("aud") == client.client_id
    subject = told.get("sub") if is_own else None
    required = rules.require_hinted(wanted, subject)
    return Asked(required, client, conduct, hints_at_nobody=hint is not None and subject is None)


def _is_whom_it_hints(parts: Parts, asked: Asked, holder: Holder) -> bool:
    required = asked.request.required_subject
    if asked.hints_at_nobody or (holder.facts is None and holder.agent is None):
        return False
    return required in {None, subject_of(holder, asked.client, pairwise_key=parts.pairwise_key.secret)}


def _redirect(location: str) -> Response:
    return RedirectResponse(location, SEE_OTHER)


def _error_page(request: Request, *, language: str) -> Response:
    """RFC 6749 §4.1.2.1: an address that is not registered is never followed."""
    request.state.language = language
    return error_page(request, "request-not-understood", status=400)
