from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.parts import parts_of

router = new_router(tags=["assets"])


@router.get("/assets/clicsequr.css", response_class=Response)
@public
async def style(request: Request) -> Response:
    """Pages name it with its version, so a browser may keep it."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(parts_of(request).pages.style, media_type="text/css", headers=headers)
