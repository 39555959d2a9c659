"""The error language of OAuth (RFC 6749 §5.2), which is not that of the other APIs."""

from starlette.responses import JSONResponse

from libs.common.errors import DomainError, TooManyAttempts, Unavailable

STATUS_OF_CODE = {"invalid_client": 401, "temporarily_unavailable": 503}
BAD_REQUEST = 400
RETRY_AFTER_SECONDS = 1
# RFC 6749 §5.1: caches of HTTP/1.0 included.
NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthError(Exception):
    """`code` is a registered error of RFC 6749, RFC 8707 or OpenID Connect Core; `description` holds no secret."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description
        # What a WWW-Authenticate header asks for, where the caller tried a scheme of HTTP (RFC 6749 §5.2).
        self.challenge: str | None = None


def oauth_error_of(error: DomainError) -> OAuthError:
    is_passing = isinstance(error, Unavailable | TooManyAttempts)
    code = "temporarily_unavailable" if is_passing else "access_denied"
    return OAuthError(code, error.detail("en"))


def token_error(error: OAuthError) -> JSONResponse:
    status = STATUS_OF_CODE.get(error.code, BAD_REQUEST)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.code == "temporarily_unavailable" else {}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    body = {"error": error.code, "error_description": error.description}
    return JSONResponse(body, status, headers={**headers, **NOT_KEPT})
