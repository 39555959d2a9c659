"""Access tokens shown to auth itself: by whoever has them (RFC 6750), or with a proof of their key (RFC 9449)."""

from dataclasses import dataclass, field

from fastapi import Request
from starlette.responses import JSONResponse

from services.auth.authorization.senders import ALGS_TOLD
from services.auth.oauth_errors import RETRY_AFTER_SECONDS
from services.auth.parameters import FORM_TYPE, Malformed, Parameters, read_form

BEARER, DPOP = "Bearer", "DPoP"
SCHEMES = {scheme.lower(): scheme for scheme in (BEARER, DPOP)}
# As admission records it.
INVALID = "token-invalid"
REASON_OF = {"invalid_token": INVALID}
STATUS_OF_CODE = {
    "invalid_request": 400,
    "invalid_token": 401,
    "invalid_dpop_proof": 401,
    "use_dpop_nonce": 401,
    "insufficient_scope": 403,
    "temporarily_unavailable": 503,
}


@dataclass(frozen=True, slots=True)
class ShownToken:
    text: str = field(repr=False)
    scheme: str = BEARER


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


def shown_in_header(request: Request) -> ShownToken | None:
    """The token of the Authorization header; None when there is none. Raises BearerError."""
    shown = request.headers.getlist("authorization")
    if not shown:
        return None
    scheme, _, token = shown[0].partition(" ")
    if len(shown) > 1 or scheme.lower() not in SCHEMES or not token.strip():
        raise BearerError("invalid_request", "the Authorization header is not of the scheme Bearer or DPoP")
    return ShownToken(token.strip(), SCHEMES[scheme.lower()])


async def shown_token(request: Request) -> ShownToken:
    """The token in the header or in the form, never in the address (RFC 6750 §2). Raises BearerError."""
    in_header = shown_in_header(request)
    in_form = (await _form(request)).one("access_token")
    if in_header is not None and in_form is not None:
        raise BearerError("invalid_request", "the access token is shown in more than one way")
    if in_header is None and in_form is None:
        raise BearerError(None)
    return in_header or ShownToken(in_form or "")


async def _form(request: Request) -> Parameters:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind != FORM_TYPE:
        return Parameters({})
    try:
        return await read_form(request)
    except Malformed as malformed:
        raise BearerError("invalid_request", "the form cannot be read") from malformed


def bearer_error(request: Request, error: BearerError, *, issuer: str) -> JSONResponse:
    told = {"error": error.code, "error_description": error.description, "scope": error.scope}
    present = {name: value for name, value in told.items() if value and error.code}
    status = 401 if error.code is None else STATUS_OF_CODE[error.code]
    is_passing = error.code == "temporarily_unavailable"
    waits = {"Retry-After": str(RETRY_AFTER_SECONDS)} if is_passing else {}
    challenged = {} if is_passing else {"WWW-Authenticate": _challenge(request, present, issuer=issuer)}
    body = {name: value for name, value in present.items() if name != "scope"}
    return JSONResponse(body, status, headers={**challenged, **waits, "Cache-Control": "no-store"})


def _challenge(request: Request, present: dict[str, str], *, issuer: str) -> str:
    """Both schemes, the one that was used first and with what is wrong (RFC 9449 §7.1)."""
    used = request.headers.get("authorization", "").partition(" ")[0].lower()
    own = {BEARER: {"realm": issuer}, DPOP: {"realm": issuer, "algs": ALGS_TOLD}}
    order = [DPOP, BEARER] if used == DPOP.lower() else [BEARER, DPOP]
    own[order[0]] |= present
    return ", ".join(_told(scheme, own[scheme]) for scheme in order)


def _told(scheme: str, members: dict[str, str]) -> str:
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in members.items())
