from fastapi import Request, Response

from libs.common.admission import public
from libs.common.description import tells
from libs.common.http import new_router
from services.auth.cookies import REQUEST, read_cookie
from services.auth.descriptions import PAGE
from services.auth.pages import language_of
from services.auth.parts import parts_of

router = new_router(tags=["sign-in"])


@router.get("/lost")
@public
@tells(PAGE)
async def show_lost(request: Request) -> Response:
    """What to do about a lost code or password: asks nothing, looks nothing up, and is the same for everybody."""
    parts = parts_of(request)
    issuer, pressed = parts.settings.issuer, request.query_params.get("language")
    language = language_of(request, issuer=issuer, otherwise=request.state.language, pressed=pressed)
    has_request = read_cookie(request, REQUEST, issuer=issuer) is not None
    return parts.pages.answer("lost.html", language=language, form_leads_to=None, has_request=has_request)
