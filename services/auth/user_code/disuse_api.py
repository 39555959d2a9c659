from typing import Literal

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.holds import HoldAlreadyReleased, HoldOfAnotherSide, UnknownHold
from libs.common.http import RequestModel, new_router
from services.auth.user_code.disuse import release_disuse
from services.auth.user_code.disuse_rules import NotHeldForDisuse
from services.auth.user_code.hold_rules import OwnHold
from services.auth.user_code.suspension import HoldOnCode

router = new_router(tags=["user codes"])


class ConfirmFile(RequestModel):
    """The person says that what the file says is still so."""

    file_confirmed: Literal[True]


@router.post("/v1/me/disuse-release")
@admits("person_in_charge", "user", recourse=True)
@raises(HoldAlreadyReleased, HoldOfAnotherSide, NotHeldForDisuse, OwnHold, UnknownHold)
async def post_disuse_release(body: ConfirmFile, call: CurrentCall, database: CurrentDatabase) -> HoldOnCode:  # noqa: ARG001 - the body is the confirmation
    """Gives one's own code back after it was held for disuse; a sign-in alone does not."""
    return await release_disuse(database, call)
