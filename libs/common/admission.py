"""Who may call a route. Each route says so; the call is recorded, with `standing` asked in the same statement."""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common import assurance
from libs.common.access_records import Circumstances, record_call
from libs.common.call import Call, IdempotencyKey
from libs.common.confirmation import UNBOUND, Confirmation, is_shown_by_its_sender
from libs.common.database import Database
from libs.common.dpop import SCHEME as DPOP
from libs.common.errors import (
    AccessSuspended,
    DomainError,
    FactsTooOld,
    IdempotencyKeyMissing,
    InvalidToken,
    MissingToken,
    PurposeMissing,
    RecourseOnly,
    RoleNotAdmitted,
    StrongerAuthenticationNeeded,
    TokenRefused,
    UnknownOrForeign,
)
from libs.common.freshness import Freshness
from libs.common.principal import Principal, TokenVerifier, UnusableToken

SESSION_TOKEN_PREFIX = "rs_"  # noqa: S105 - what registration session tokens begin with, not a secret
BEARER = "bearer"
SCHEMES = frozenset({BEARER, DPOP})
PURPOSE_LENGTHS = range(3, 301)
KEY_LENGTHS = range(1, 256)
ATTRIBUTE = "admission"
REFUSALS: dict[str, type[DomainError]] = {
    "token-invalid": InvalidToken,
    "token-refused": TokenRefused,
    "access-suspended": AccessSuspended,
    "not-found": UnknownOrForeign,
    "recourse-only": RecourseOnly,
    "purpose-missing": PurposeMissing,
    "idempotency-key-missing": IdempotencyKeyMissing,
}

ApplicantOf = Callable[[Request], Awaitable[UUID | None]]
NeedsFactsOf = Callable[[Request], Awaitable[bool]]
SessionAuthenticator = Callable[[str], Awaitable[Principal]]


@dataclass(frozen=True)
class Admission:
    """`who` are the names of principals (principal.py) that a route admits.

    `recourse`: also admits a session with scope `recourse`, whatever the state of its registration.
    `needs_facts`: refused while facts are too old; off for holds, incidents, ending sessions, conditions.
    `needs_facts_of`: asked of each call instead, where one route serves both kinds.
    `creates`: needs an Idempotency-Key. `applicant_of`: finds the applicant that no path parameter names.
    `acr`: the least level (assurance.py) that the caller's session must prove; for staff always two factors.
    `needs_purpose`: staff state one even where no applicant is named.
    """

    who: frozenset[str]
    recourse: bool = False
    needs_facts: bool = True
    creates: bool = False
    applicant_of: ApplicantOf | None = None
    acr: str | None = None
    needs_facts_of: NeedsFactsOf | None = None
    needs_purpose: bool = False


def admits(  # noqa: PLR0913 - what a route says of itself, each by name
    *who: str,
    recourse: bool = False,
    needs_facts: bool = True,
    creates: bool = False,
    applicant_of: ApplicantOf | None = None,
    acr: str | None = None,
    needs_facts_of: NeedsFactsOf | None = None,
    needs_purpose: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares, below the route decorator, who may call a route."""
    admission = Admission(
        frozenset(who), recourse, needs_facts, creates, applicant_of, acr, needs_facts_of, needs_purpose
    )

    def mark(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        setattr(endpoint, ATTRIBUTE, admission)
        return endpoint

    return mark


def public(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Declares that a route takes no access token; it limits and records by itself what it must."""
    setattr(endpoint, ATTRIBUTE, None)
    return endpoint


class AdmittedRoute(APIRoute):
    """Lets a call reach its endpoint only after its access record says `admitted`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _given_call_and_database(endpoint), **options)
        self.answers_alone = _asks_for_nothing(endpoint)
        if self.answers_alone:
            # Such an endpoint does by itself all that FastAPI would do for it; metadata and errors stay the same.
            self.app = _answered_by(endpoint)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        admission: Admission | None = getattr(self.endpoint, ATTRIBUTE)
        if admission is None:
            return answer
        action = f"{'/'.join(sorted(self.methods or ()))} {self.path_format}"

        async def admitted(request: Request) -> Response:
            request.state.call = await admit(request, admission, action=action)
            return await answer(request)

        return admitted


def _asks_for_nothing(endpoint: Callable[..., Any]) -> bool:
    """A public endpoint of the request alone that makes its answer itself."""
    if getattr(endpoint, ATTRIBUTE) is not None or not inspect.iscoroutinefunction(endpoint):
        return False
    signature = inspect.signature(endpoint)
    annotated = [one.annotation for one in signature.parameters.values()]
    return annotated == [Request] and signature.return_annotation is Response


def _answered_by(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """What it raises is answered where the application's other errors are."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer


async def admit(request: Request, admission: Admission, *, action: str) -> Call:
    """Authenticates, records, and returns the call. Raises the refusal's error after it was recorded."""
    principal, refusal = await _authenticate(request)
    applicant_id = await _applicant_of(request, admission)
    refusal = refusal or _refusal(request, admission, principal=principal, applicant_id=applicant_id)
    needs_facts = await _needs_facts(request, admission)
    publisher = _stale_publisher(request) if needs_facts else None
    reason = await record_call(
        request.app.state.database,
        principal,
        circumstances=circumstances_of(request, principal, action=action),
        applicant_id=applicant_id,
        refusal=refusal or (publisher and FactsTooOld.code),
        recourse_route=admission.recourse,
        needs_facts=needs_facts,
    )
    if reason is not None:
        raise _error(reason, admission=admission, publisher=publisher)
    return Call(
        actor=_first_actor(request, principal) or principal.actor,
        at=request.state.at,
        correlation_id=request.state.correlation_id,
        principal=principal,
        idempotency_key=await _idempotency_key(request, principal, action) if admission.creates else None,
    )


async def _authenticate(request: Request) -> tuple[Principal, str | None]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not token:
        raise MissingToken
    if scheme.lower() not in SCHEMES:
        raise InvalidToken
    if token.startswith(SESSION_TOKEN_PREFIX) and scheme.lower() == BEARER:
        authenticate: SessionAuthenticator | None = getattr(request.app.state, "session_authenticator", None)
        if authenticate is None:
            raise InvalidToken
        return await authenticate(token), None
    verifier: TokenVerifier = request.app.state.verifier
    try:
        principal = await verifier.verify(token)
    except UnusableToken as unusable:
        return unusable.principal, InvalidToken.code
    is_shown = await _is_shown(request, principal.confirmation, scheme=scheme, token=token)
    return principal, None if is_shown else InvalidToken.code


async def _is_shown(request: Request, confirmation: Confirmation, *, scheme: str, token: str) -> bool:
    """Whether the sender is the one that the token is bound to; most tokens are bound to nobody."""
    if confirmation == UNBOUND and scheme.lower() == BEARER:
        return True
    state = request.app.state
    return await is_shown_by_its_sender(
        request,
        confirmation,
        scheme=scheme,
        access_token=token,
        settings=state.resources.settings,
        database=state.database,
        addresses=[f"{state.own_url}{request.url.path}"],
    )


async def _applicant_of(request: Request, admission: Admission) -> UUID | None:
    if admission.applicant_of is not None:
        return await admission.applicant_of(request)
    named = request.path_params.get("applicant_id")
    try:
        return None if named is None else UUID(str(named))
    except ValueError:
        return None


def _refusal(
    request: Request, admission: Admission, *, principal: Principal, applicant_id: UUID | None
) -> str | None:
    if not principal.admitted_as & admission.who:
        return RoleNotAdmitted.code
    is_bound = principal.user_code_id is not None or principal.registration_id is not None
    if is_bound and applicant_id is not None and applicant_id != principal.applicant_id:
        return UnknownOrForeign.code
    if principal.is_recourse and not admission.recourse:
        return RecourseOnly.code
    if not assurance.is_enough(principal.acr, _least_acr(principal, admission)):
        return StrongerAuthenticationNeeded.code
    return _missing(request, admission, principal=principal, applicant_id=applicant_id)


def _missing(
    request: Request, admission: Admission, *, principal: Principal, applicant_id: UUID | None
) -> str | None:
    opens_file = principal.is_staff and (applicant_id is not None or admission.needs_purpose)
    if opens_file and len(purpose_of(request) or "") not in PURPOSE_LENGTHS:
        return PurposeMissing.code
    if admission.creates and not _is_key(request.headers.get("idempotency-key", "")):
        return IdempotencyKeyMissing.code
    return None


def _least_acr(principal: Principal, admission: Admission) -> str | None:
    """Staff signs in with two factors, so a token of theirs that tells less is not to be believed."""
    if admission.acr is None and principal.is_staff:
        return assurance.TWO_FACTOR
    return admission.acr


def purpose_of(request: Request) -> str | None:
    """The reason that staff state for opening a file; the applicant may read it."""
    stated = request.headers.get("clicsequr-purpose", "").strip()
    return stated if stated.isprintable() else None


def _is_key(key: str) -> bool:
    return len(key) in KEY_LENGTHS and key.isascii() and key.isprintable()


async def _needs_facts(request: Request, admission: Admission) -> bool:
    if admission.needs_facts_of is None:
        return admission.needs_facts
    return await admission.needs_facts_of(request)


def _stale_publisher(request: Request) -> str | None:
    freshness: Freshness | None = request.app.state.freshness
    return freshness.too_old() if freshness else None


def _error(reason: str, *, admission: Admission, publisher: str | None) -> DomainError:
    if reason == RoleNotAdmitted.code:
        return RoleNotAdmitted(admitted=", ".join(sorted(admission.who)))
    if reason == StrongerAuthenticationNeeded.code:
        return StrongerAuthenticationNeeded(acr_values=admission.acr or assurance.TWO_FACTOR)
    if reason == FactsTooOld.code:
        return FactsTooOld(publisher=publisher or "parked-events")
    return REFUSALS[reason]()


def _first_actor(request: Request, principal: Principal) -> str | None:
    """Whom another service acts for; believed from services alone."""
    return request.headers.get("clicsequr-first-actor", "system")[:200] if principal.is_service else None


def circumstances_of(request: Request, principal: Principal, *, action: str) -> Circumstances:
    return Circumstances(
        correlation_id=request.state.correlation_id,
        at=request.state.at,
        action=action,
        address=request.client.host if request.client else None,
        user_agent=_clean(request.headers.get("user-agent")),
        purpose=_purpose_to_keep(request, principal),
        first_actor=_first_actor(request, principal),
    )


def _purpose_to_keep(request: Request, principal: Principal) -> str | None:
    """Staff's alone, also where it is refused for its length."""
    return (purpose_of(request) or "")[: PURPOSE_LENGTHS[-1]] or None if principal.is_staff else None


def _clean(text: str | None) -> str | None:
    return None if text is None else "".join(filter(str.isprintable, text))[:300]


async def _idempotency_key(request: Request, principal: Principal, action: str) -> IdempotencyKey:
    request_hash = hashlib.sha256(request.url.path.encode() + b"\n" + await request.body()).digest()
    caller = f"{principal.actor} {principal.client_id or ''}"
    return IdempotencyKey(caller, action, request.headers["idempotency-key"], request_hash)


# What an endpoint asks for beside its own parameters. AdmittedRoute gives them: solving them as dependencies
# would cost each call as much as a statement of the database.
CurrentCall = Annotated[Call, "the admitted call"]
CurrentDatabase = Annotated[Database, "the service's database"]


def _given_call_and_database(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint as FastAPI sees it: the call and the database do not come from the request."""
    signature = inspect.signature(endpoint)
    wanted = {name: one.annotation for name, one in signature.parameters.items()}
    calls = [name for name, annotation in wanted.items() if annotation == CurrentCall]
    databases = [name for name, annotation in wanted.items() if annotation == CurrentDatabase]
    if not calls and not databases:
        return endpoint

    asked = next((name for name, annotation in wanted.items() if annotation is Request), None)
    request_name = asked or "given_request"

    @wraps(endpoint)
    async def given(**parameters: Any) -> Any:
        request = parameters[request_name] if asked else parameters.pop(request_name)
        for name in calls:
            parameters[name] = request.state.call
        for name in databases:
            parameters[name] = request.app.state.database
        return await endpoint(**parameters)

    by_name = inspect.Parameter.KEYWORD_ONLY
    seen = [
        one.replace(kind=by_name) for name, one in signature.parameters.items() if name not in {*calls, *databases}
    ]
    if asked is None:
        seen.append(inspect.Parameter(request_name, by_name, annotation=Request))
    given.__signature__ = signature.replace(parameters=seen)  # type: ignore[attr-defined]
    return given


def require_principal(call: Call) -> Principal:
    """The principal of an admitted call. Raises MissingToken for a call without one."""
    if call.principal is None:
        raise MissingToken
    return call.principal


def body_field(*path: str) -> ApplicantOf:
    """Finds the applicant's id at a place of the JSON body; a malformed body has none and is refused later."""

    async def find(request: Request) -> UUID | None:
        try:
            value = await request.json()
            for name in path:
                value = value[name]
            return UUID(value)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    return find
