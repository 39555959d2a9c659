"""A form that another site posts brings none of our cookies (SameSite=Lax); the same parameters by GET do."""

from fastapi import Request, Response
from starlette.responses import RedirectResponse

from services.auth.cookies import SESSION, read_cookie
from services.auth.parameters import Parameters
from services.auth.parts import parts_of

SEE_OTHER = 303
# RFC 9110 §4.1: what every server and every edge before it takes.
ADDRESS_BYTES = 8_000


def brings_session(request: Request) -> bool:
    return read_cookie(request, SESSION, issuer=parts_of(request).settings.issuer) is not None


def repeat_by_get(request: Request, asked: Parameters) -> Response | None:
    """None when no address can hold it."""
    query = asked.as_query()
    address = f"{request.url.path}?{query}" if query else request.url.path
    return RedirectResponse(address, SEE_OTHER) if len(address) <= ADDRESS_BYTES else None
