"""What people see at an address that is none, or is none to be opened; programs are answered as everywhere."""

from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from services.auth.pages import wants_page
from services.auth.parts import parts_of

MISSING = frozenset({404, 405})


def show_missing_pages(app: FastAPI) -> None:
    """Before the application is first called."""
    otherwise = cast("Callable[[Request, Exception], Awaitable[Response]]", app.exception_handlers[HTTPException])

    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 0
        plain = await otherwise(request, error)
        if status not in MISSING or not wants_page(request):
            return plain
        shown = parts_of(request).pages.answer(
            "error.html",
            language=request.state.language,
            form_leads_to=None,
            status=status,
            fault="no-such-page",
            again=None,
            correlation_id=str(request.state.correlation_id),
        )
        if "allow" in plain.headers:
            shown.headers["Allow"] = plain.headers["allow"]
        return shown

    app.add_exception_handler(HTTPException, answer)
