"""What people see at an address that is none, and where something failed; programs are answered as everywhere."""

from functools import partial
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from libs.common.http import UNFORESEEN, Handler
from services.auth.pages import language_of, wants_page
from services.auth.parts import parts_of

FAULT_OF_STATUS = {404: "no-such-page", 405: "no-such-page", UNFORESEEN: "failed"}


def show_fault_pages(app: FastAPI) -> None:
    """Before the application is first called."""
    for of in (HTTPException, UNFORESEEN):
        otherwise = cast("Handler", app.exception_handlers[of])
        app.add_exception_handler(of, partial(_answer, otherwise))


async def _answer(otherwise: Handler, request: Request, error: Exception) -> Response:
    plain = await otherwise(request, error)
    fault = FAULT_OF_STATUS.get(plain.status_code)
    if fault is None or not wants_page(request):
        return plain
    issuer, preferred = parts_of(request).settings.issuer, request.state.language
    request.state.language = language_of(request, issuer=issuer, otherwise=preferred)
    allowed = plain.headers.get("allow")
    return error_page(
        request, fault, status=plain.status_code, headers=None if allowed is None else {"Allow": allowed}
    )


def error_page(
    request: Request,
    fault: str,
    *,
    status: int,
    headers: dict[str, str] | None = None,
    **shown: Any,
) -> Response:
    """In the language of the request's state.

    `shown` may have `again`, where the step that was not done is begun again, and `client`, the name of a service,
    with `home`, where that is used.
    """
    return parts_of(request).pages.answer(
        "error.html",
        language=request.state.language,
        form_leads_to=None,
        status=status,
        headers=headers,
        fault=fault,
        correlation_id=str(request.state.correlation_id),
        **{"again": None, "home": None, **shown},
    )
