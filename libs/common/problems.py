"""The one place that maps domain errors to HTTP (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from libs.common.dpop import ALGS
from libs.common.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    StrongerAuthenticationNeeded,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)

STATUS_OF_KIND: dict[type[DomainError], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyAttempts: 429,
    Unavailable: 503,
}
LANGUAGES = ("fr", "en")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

# Faults of the request or of ourselves that no rule of a noun names: code -> status, English, French.
GENERAL = {
    "malformed-request": (422, "The request is malformed.", "La requête est mal formée."),
    "body-too-large": (413, "The body is larger than allowed.", "Le contenu dépasse la taille permise."),
    "head-too-large": (
        431,
        "The address and the headers together are larger than allowed.",
        "L'adresse et les en-têtes dépassent ensemble la taille permise.",
    ),
    "route-not-found": (404, "There is no such address.", "Cette adresse n'existe pas."),
    "method-not-allowed": (405, "This method is not allowed here.", "Cette méthode n'est pas permise ici."),
    "request-refused": (400, "The request cannot be read.", "La requête ne peut être lue."),
    "internal-error": (
        500,
        "Something went wrong on our side. Quote the correlation id when you call.",
        "Une erreur est survenue de notre côté. Mentionnez l'identifiant de corrélation si vous appelez.",
    ),
}


class Problem(BaseModel):
    """RFC 9457 problem details; `code` is stable and documented, other members depend on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: UUID


def status_of(error: type[DomainError]) -> int:
    """HTTP status of an error class, by its kind."""
    return next(status for kind, status in STATUS_OF_KIND.items() if issubclass(error, kind))


def choose_language(accept_language: str | None) -> str:
    """French or English, the better of what `Accept-Language` (RFC 9110 §12.5.4) asks for; French when silent."""
    best, best_weight = LANGUAGES[0], 0.0
    for part in (accept_language or "")[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if primary in LANGUAGES and weight > best_weight:
            best, best_weight = primary, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def problem_of(error: DomainError, *, language: str, correlation_id: UUID) -> JSONResponse:
    """The answer for a broken rule: a stable `code`, a sentence in the caller's language, the error's fields."""
    status = status_of(type(error))
    headers = waiting_of(error)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(error)
    return _problem(
        status,
        code=error.code,
        detail=error.detail(language),
        language=language,
        correlation_id=correlation_id,
        fields=error.fields,
        headers=headers,
    )


def waiting_of(error: DomainError) -> dict[str, str]:
    """The header that tells when to come again, for an error that passes."""
    if isinstance(error, TooManyAttempts | Unavailable):
        return {"Retry-After": str(error.fields.get("retry_after", RETRY_AFTER_SECONDS))}
    return {}


def _challenge(error: DomainError) -> str:
    """RFC 6750 §3 and RFC 9449 §7.1; RFC 9470 §3 for a token that is good and tells too weak an authentication."""
    if isinstance(error, StrongerAuthenticationNeeded):
        told = f' error="insufficient_user_authentication", acr_values="{error.fields["acr_values"]}"'
    else:
        told = "" if error.code == "token-missing" else ' error="invalid_token"'
    return f'Bearer{told}, DPoP algs="{" ".join(ALGS)}"'


def general_problem(
    code: str, *, language: str, correlation_id: UUID, fields: Mapping[str, Any] | None = None
) -> JSONResponse:
    """The answer for a fault in GENERAL."""
    status, english, french = GENERAL[code]
    detail = french if language == "fr" else english
    return _problem(
        status,
        code=code,
        detail=detail,
        language=language,
        correlation_id=correlation_id,
        fields=fields or {},
    )


def _problem(  # noqa: PLR0913 - the members of RFC 9457, each by name
    status: int,
    *,
    code: str,
    detail: str,
    language: str,
    correlation_id: UUID,
    fields: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        **fields,
        "type": f"urn:clicsequr:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "correlation_id": str(correlation_id),
    }
    return JSONResponse(
        body, status, headers={**(headers or {}), "Content-Language": language}, media_type=MEDIA_TYPE
    )
