"""The OpenAPI description, made from what each route says of itself when somebody asks for it, never at start."""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.routing import BaseRoute

from libs.common.admission import ATTRIBUTE, KEY_LENGTHS, PURPOSE_LENGTHS, Admission, AdmittedRoute
from libs.common.errors import (
    AccessSuspended,
    DatabaseUnavailable,
    DomainError,
    FactsTooOld,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InvalidToken,
    MissingToken,
    PurposeMissing,
    RecourseOnly,
    RoleNotAdmitted,
    StrongerAuthenticationNeeded,
    TokenRefused,
    UnknownOrForeign,
)
from libs.common.problems import GENERAL, MEDIA_TYPE, Problem, status_of

RAISED, TOLD = "raised", "told"
SESSION = "registration_session"
STAFF = ("agent:", "department_agent:")
PEOPLE = frozenset({"person_in_charge", "user", "mandatary"})
MADE_BY_FASTAPI = ("HTTPValidationError", "ValidationError")
PROBLEM = {"$ref": "#/components/schemas/Problem"}
TEXT = {"schema": {"type": "string"}}
TOLD_WITH = {
    401: {"WWW-Authenticate": {**TEXT, "description": "The schemes that are taken, and what is wrong."}},
    429: {"Retry-After": {**TEXT, "description": "Seconds to wait."}},
    503: {"Retry-After": {**TEXT, "description": "Seconds to wait."}},
}
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of /oauth/token that is bound to nobody.",
    },
    "dpop": {
        "type": "http",
        "scheme": "DPoP",
        "description": "An access token bound to a key, with a proof of that key in the header `DPoP` (RFC 9449).",
    },
    "mutual_tls": {
        "type": "mutualTLS",
        "description": "The certificate that a client, or an access token, is known by (RFC 8705).",
    },
    "client_secret_basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A client's id and secret; most clients authenticate by members of the form instead.",
    },
    "registration_session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token that POST /v1/registrations gave; it opens that registration alone.",
    },
}

Described = dict[str, Any]


def raises(*errors: type[DomainError]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares, below the route decorator, what the route's own command may answer beside what admission does."""

    def mark(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        setattr(endpoint, RAISED, errors)
        return endpoint

    return mark


def tells(told: Described) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares an OpenAPI operation's members for a route that reads and answers by itself; others stay."""

    def mark(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        setattr(endpoint, TOLD, told)
        return endpoint

    return mark


def raised_by(endpoint: Callable[..., Any]) -> tuple[type[DomainError], ...]:
    return getattr(endpoint, RAISED, ())


def describe(schema: Described, routes: Iterable[BaseRoute]) -> None:
    """Completes what FastAPI knows of the routes by what it does not: admission, errors, headers, security."""
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for made in MADE_BY_FASTAPI:
        schemas.pop(made, None)
    schemas["Problem"] = Problem.model_json_schema()
    schema["components"]["securitySchemes"] = SECURITY_SCHEMES
    for route in routes:
        if isinstance(route, AdmittedRoute):
            for method in route.methods or ():
                _complete(schema["paths"][route.path_format][method.lower()], route)


def _complete(operation: Described, route: AdmittedRoute) -> None:
    admission: Admission | None = getattr(route.endpoint, ATTRIBUTE)
    told: Described = getattr(route.endpoint, TOLD, {})
    if "responses" in told:
        operation["responses"] = {}
    raised = [*_errors(admission, route.path_format), *raised_by(route.endpoint)]
    operation["responses"] |= _answers(operation, admission, raised)
    for made in [status for status, answer in operation["responses"].items() if _is_of_fastapi(answer)]:
        del operation["responses"][made]
    headers = [] if admission is None else _headers(admission, route.path_format)
    if headers:
        operation["parameters"] = [*operation.get("parameters", []), *headers]
    operation["security"] = _security(admission)
    operation |= {**told, "responses": operation["responses"] | told.get("responses", {})}


def _is_of_fastapi(answer: Described) -> bool:
    return any(made in str(answer) for made in MADE_BY_FASTAPI)


def _answers(operation: Described, admission: Admission | None, raised: Iterable[type[DomainError]]) -> Described:
    """The problems by their status, each with its codes."""
    codes: dict[int, set[str]] = {}
    for error in raised:
        codes.setdefault(status_of(error), set()).add(error.code)
    for general in _faults(operation, admission):
        codes.setdefault(GENERAL[general][0], set()).add(general)
    return {str(status): _problem(status, sorted(codes[status])) for status in sorted(codes)}


def _faults(operation: Described, admission: Admission | None) -> list[str]:
    """What is wrong with a request, or with ourselves, before any rule is asked."""
    has_body = "requestBody" in operation or (admission is not None and admission.creates)
    of_body = ["body-too-large", "request-refused"] if has_body else []
    of_form = ["malformed-request"] if "requestBody" in operation or operation.get("parameters") else []
    return [*of_body, *of_form, "internal-error"]


def _problem(status: int, codes: list[str]) -> Described:
    schema = {"allOf": [PROBLEM, {"properties": {"code": {"enum": codes}}}]}
    headers = {"headers": TOLD_WITH[status]} if status in TOLD_WITH else {}
    return {"description": ", ".join(codes), **headers, "content": {MEDIA_TYPE: {"schema": schema}}}


def _errors(admission: Admission | None, path: str) -> list[type[DomainError]]:
    """What admission may answer on such a route."""
    if admission is None:
        return []
    return [
        *(MissingToken, InvalidToken, TokenRefused, AccessSuspended, RoleNotAdmitted, UnknownOrForeign),
        DatabaseUnavailable,
        *([IdempotencyKeyMissing, IdempotencyKeyReused] if admission.creates else []),
        *([FactsTooOld] if admission.needs_facts else []),
        *([StrongerAuthenticationNeeded] if admission.acr or _admits_staff(admission) else []),
        *([RecourseOnly] if admission.who & PEOPLE and not admission.recourse else []),
        *([PurposeMissing] if _takes_purpose(admission, path) else []),
    ]


def _admits_staff(admission: Admission) -> bool:
    return any(name.startswith(STAFF) for name in admission.who)


def _takes_purpose(admission: Admission, path: str) -> bool:
    return _admits_staff(admission) and (_names_applicant(admission, path) or admission.applicant_of is not None)


def _names_applicant(admission: Admission, path: str) -> bool:
    """A file is opened by every such call, not by some."""
    return "{applicant_id}" in path or admission.needs_purpose


def _headers(admission: Admission, path: str) -> list[Described]:
    headers = []
    if admission.creates:
        told = "Chosen by the caller for this one act: repeated, it gives the first answer again."
        headers.append(_header("Idempotency-Key", KEY_LENGTHS, told=told, is_required=True))
    if _takes_purpose(admission, path):
        told = "Why the file is opened; needed of staff where an applicant is concerned, and shown to them."
        is_required = _names_applicant(admission, path) and all(name.startswith(STAFF) for name in admission.who)
        headers.append(_header("Clicsequr-Purpose", PURPOSE_LENGTHS, told=told, is_required=is_required))
    return headers


def _header(name: str, lengths: range, *, told: str, is_required: bool) -> Described:
    schema = {"type": "string", "minLength": lengths.start, "maxLength": lengths.stop - 1}
    return {"name": name, "in": "header", "required": is_required, "description": told, "schema": schema}


def _security(admission: Admission | None) -> list[Described]:
    """One of these, with the names of whom it admits (OpenAPI 3.1 §4.8.30)."""
    if admission is None:
        return []
    who = sorted(admission.who - {SESSION})
    by_session: list[Described] = [{SESSION: []}] if SESSION in admission.who else []
    by_token = [{"bearer": who}, {"dpop": who}, {"bearer": who, "mutual_tls": []}] if who else []
    return [*by_session, *by_token]
