"""What people see at an address that is none, and where something failed; programs are answered as everywhere."""

from functools import partial
from typing import cast

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
    parts, preferred = parts_of(request), request.state.language
    shown = parts.pages.answer(
        "error.html",
        language=language_of(request, issuer=parts.settings.issuer, otherwise=preferred),
        form_leads_to=None,
        status=plain.status_code,
        fault=fault,
        again=None,
        correlation_id=str(request.state.correlation_id),
    )
    if "allow" in plain.headers:
        shown.headers["Allow"] = plain.headers["allow"]
    return shown
