"""Bearer access tokens shown to auth itself (RFC 6750)."""

from fastapi import Request
from starlette.responses import JSONResponse

from services.auth.oauth_errors import RETRY_AFTER_SECONDS
from services.auth.parameters import FORM_TYPE, Malformed, Parameters, read_form

SCHEME = "bearer"
STATUS_OF_CODE = {
    "invalid_request": 400,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "temporarily_unavailable": 503,
}


class BearerError(Exception):
    """RFC 6750 §3.1. `code` None: nothing was shown, so nothing is said but how to show it."""

    def __init__(self, code: str | None, description: str = "", *, scope: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        self.scope = scope


def invalid_token() -> BearerError:
    """One answer for every reason why a token is not good."""
    return BearerError("invalid_token", "the access token is expired, revoked, malformed or not for this place")


def bearer_of(request: Request) -> str | None:
    """The token of the Authorization header; None when there is none. Raises BearerError."""
    shown = request.headers.getlist("authorization")
    if not shown:
        return None
    scheme, _, token = shown[0].partition(" ")
    if len(shown) > 1 or scheme.lower() != SCHEME or not token.strip():
        raise BearerError("invalid_request", "the Authorization header is not of the scheme Bearer")
    return token.strip()


async def token_of(request: Request) -> str:
    """The token in the header or in the form, never in the address (RFC 6750 §2). Raises BearerError."""
    in_header = bearer_of(request)
    in_form = (await _form(request)).one("access_token")
    if in_header is not None and in_form is not None:
        raise BearerError("invalid_request", "the access token is shown in more than one way")
    token = in_header or in_form
    if token is None:
        raise BearerError(None)
    return token


async def _form(request: Request) -> Parameters:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind != FORM_TYPE:
        return Parameters({})
    try:
        return await read_form(request)
    except Malformed as malformed:
        raise BearerError("invalid_request", "the form cannot be read") from malformed


def bearer_error(error: BearerError, *, issuer: str) -> JSONResponse:
    told = {"error": error.code, "error_description": error.description, "scope": error.scope}
    present = {name: value for name, value in told.items() if value and error.code}
    challenge = ", ".join(f'{name}="{value}"' for name, value in {"realm": issuer, **present}.items())
    status = 401 if error.code is None else STATUS_OF_CODE[error.code]
    is_passing = error.code == "temporarily_unavailable"
    waits = {"Retry-After": str(RETRY_AFTER_SECONDS)} if is_passing else {}
    challenged = {} if is_passing else {"WWW-Authenticate": f"Bearer {challenge}"}
    body = {name: value for name, value in present.items() if name != "scope"}
    return JSONResponse(body, status, headers={**challenged, **waits, "Cache-Control": "no-store"})
