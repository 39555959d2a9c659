from fastapi import Request, Response

from libs.common.admission import public
from libs.common.description import raises, tells
from libs.common.errors import DatabaseUnavailable
from libs.common.http import new_router
from services.auth import descriptions
from services.auth.parts import parts_of

router = new_router(tags=["keys"])


@router.get("/oauth/jwks")
@public
@tells(descriptions.PUBLISHED)
@raises(DatabaseUnavailable)
async def jwks(request: Request) -> Response:
    """RFC 7517 §5; `ETag` by the keys that are published."""
    known = await parts_of(request).keys.key_set()
    headers = {"Cache-Control": "public, max-age=5", "ETag": known.etag}
    if request.headers.get("if-none-match") == known.etag:
        return Response(status_code=304, headers=headers)
    return Response(known.body, media_type="application/json", headers=headers)
