from fastapi import Request, Response
from starlette.responses import RedirectResponse

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.cookies import LANGUAGE, set_cookie
from services.auth.pages import LANGUAGES, PLACES
from services.auth.parts import parts_of
from services.auth.session.answers import SEE_OTHER
from services.auth.session.forms import NotToBeAnswered, page

router = new_router(tags=["sign-in"])


@router.get("/language")
@public
@page
async def choose_language(request: Request) -> Response:
    """Pages are shown in this language from now on, until the browser ends; leads to our own pages alone."""
    language, place = request.query_params.get("language"), request.query_params.get("place")
    if language not in LANGUAGES or place not in PLACES:
        raise NotToBeAnswered("no-such-page")
    answer = RedirectResponse(f"/{place}", SEE_OTHER)
    set_cookie(answer, LANGUAGE, language, issuer=parts_of(request).settings.issuer)
    return answer
