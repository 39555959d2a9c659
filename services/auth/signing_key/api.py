from typing import Any

from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.parts import parts_of

router = new_router(tags=["keys"])


@router.get("/oauth/jwks")
@public
async def jwks(request: Request, response: Response) -> dict[str, Any]:
    response.headers["Cache-Control"] = "public, max-age=5"
    return await parts_of(request).keys.jwks()
