from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.pages import ICON, SCRIPT, STYLE
from services.auth.parts import parts_of

router = new_router(tags=["assets"])
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/assets/clicsequr.css", response_class=Response)
@public
async def style(request: Request) -> Response:
    return Response(parts_of(request).pages.assets[STYLE], media_type="text/css", headers=KEPT)


@router.get("/assets/clicsequr.svg", response_class=Response)
@public
async def icon(request: Request) -> Response:
    return Response(parts_of(request).pages.assets[ICON], media_type="image/svg+xml", headers=KEPT)


@router.get("/assets/passkey.js", response_class=Response)
@public
async def script(request: Request) -> Response:
    """The only script of all pages; it speaks to the browser's passkeys and to nobody else."""
    return Response(parts_of(request).pages.assets[SCRIPT], media_type="text/javascript", headers=KEPT)
