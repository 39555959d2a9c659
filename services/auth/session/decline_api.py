from typing import Any

from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.cookies import form_token
from services.auth.parts import parts_of
from services.auth.session.answers import follow
from services.auth.session.decline import cancel
from services.auth.session.forms import page, read_posted
from services.auth.session.visit import Visit

router = new_router(tags=["sign-in"])
FORM = "cancel"


@router.post("/cancel")
@public
@page
async def post_cancel(request: Request) -> Response:
    visit, _ = await read_posted(request, action="POST /cancel", form=FORM)
    return follow(request, visit, await cancel(parts_of(request), visit))


def way_back(visit: Visit, *, language: str | None = None) -> dict[str, Any]:
    """What a page shows of its way back to the client (cancel.html)."""
    return {
        "client": visit.client.name(language or visit.request.language),
        "cancel_token": form_token(visit.request_secret, form=FORM),
    }
