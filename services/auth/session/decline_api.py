from fastapi import Request, Response

from libs.common.admission import public
from libs.common.http import new_router
from services.auth.parts import parts_of
from services.auth.session.answers import follow
from services.auth.session.decline import cancel
from services.auth.session.forms import CANCEL, page, read_posted

router = new_router(tags=["sign-in"])


@router.post("/cancel")
@public
@page
async def post_cancel(request: Request) -> Response:
    visit, _ = await read_posted(request, action="POST /cancel", form=CANCEL)
    return follow(request, visit, await cancel(parts_of(request), visit))
