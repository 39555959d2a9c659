"""How a page is answered whose request was answered before: one place for every step of a sign-in."""

from fastapi import FastAPI, Request, Response

from libs.common.errors import DomainError
from services.auth.fault_pages import error_page
from services.auth.parts import parts_of
from services.auth.session.answers import onward
from services.auth.session.forms import STATUS_OF_FAULT, AnsweredBefore, refusal_page
from services.auth.session.sent_again import is_signed_in, repeat


def meet_forms_sent_again(app: FastAPI) -> None:
    """Before the application is first called."""
    app.add_exception_handler(AnsweredBefore, _answer)


async def _answer(request: Request, before: Exception) -> Response:
    if not isinstance(before, AnsweredBefore):
        raise before
    parts, visit = parts_of(request), before.visit
    try:
        outcome = None if visit.form is None else await repeat(parts, visit, visit.form)
        if outcome is not None:
            return onward(parts, outcome)
        fault = "signed-in-already" if await is_signed_in(parts, visit) else before.fault
    except DomainError as refusal:
        return refusal_page(request, refusal)
    client, home = visit.client.name(visit.request.language), visit.client.client_uri
    return error_page(request, fault, status=STATUS_OF_FAULT[fault], client=client, home=home)
