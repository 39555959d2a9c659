"""The cookies: of the session, of the request that a sign-in is to answer, of known codes, of the language."""

import base64
import hmac
from datetime import timedelta

from fastapi import Request, Response

SESSION = "clicsequr-session"
REQUEST = "clicsequr-request"
DEVICES = "clicsequr-devices"
LANGUAGE = "clicsequr-language"
SECURE_PREFIX = "__Host-"
LONGEST_SECRET = 100


def read_cookie(request: Request, name: str, *, issuer: str, longest: int = LONGEST_SECRET) -> str | None:
    value = request.cookies.get(_full_name(name, issuer=issuer))
    return value if value and len(value) <= longest else None


def set_cookie(answer: Response, name: str, secret: str, *, issuer: str, life: timedelta | None = None) -> None:
    """Ends with the browser, or outlives it by `life`; how long it is good for, the server knows."""
    answer.set_cookie(
        _full_name(name, issuer=issuer),
        secret,
        max_age=None if life is None else int(life.total_seconds()),
        path="/",
        secure=_is_secure(issuer),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(answer: Response, name: str, *, issuer: str) -> None:
    answer.delete_cookie(
        _full_name(name, issuer=issuer), path="/", secure=_is_secure(issuer), httponly=True, samesite="lax"
    )


def form_token(secret: str, *, form: str) -> str:
    """What a form must bring back: derived from the cookie's secret, so another site cannot know it."""
    digest = hmac.digest(secret.encode(), f"form:{form}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_form_token(given: str | None, secret: str, *, form: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), form_token(secret, form=form).encode())


def form_mark(secret: str, *, action: str, said: str) -> bytes:
    """By what a form is known again; without the cookie's secret nobody tries what it said."""
    return hmac.digest(secret.encode(), f"posted:{action}\n{said}".encode(), "sha256")


def _is_secure(issuer: str) -> bool:
    return issuer.startswith("https:")


def _full_name(name: str, *, issuer: str) -> str:
    return f"{SECURE_PREFIX}{name}" if _is_secure(issuer) else name
