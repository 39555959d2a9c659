"""What every service hears of a code's standing, written where auth itself reads it."""

from libs.common.call import Call
from libs.common.contracts.auth import UserCodeReactivated, UserCodeRevoked, UserCodeSuspended
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection
from libs.common.outbox import publish
from libs.common.standing import set_standing
from libs.common.standing_events import StateOfCode, state_of_code
from services.auth.user_code.hold_rules import HeldCode, Standing

SERVICE = "auth"


async def tell_standing(tx: Connection, call: Call, code: HeldCode, *, told_otherwise: bool = False) -> None:
    """`told_otherwise`: as of `UserCodeSuspended`. A code that is pending is told of once it is active."""
    event = _event(code, told_otherwise=told_otherwise)
    await set_standing(tx, "user_code", code.id, source=SERVICE, state=state_of_code(event), changed_at=call.at)
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(code.applicant_id))


def _event(code: HeldCode, *, told_otherwise: bool) -> StateOfCode:
    about = {"applicant_id": code.applicant_id, "user_code_id": code.id}
    if code.standing is Standing.REVOKED:
        return UserCodeRevoked(**about)
    if code.standing is Standing.ACTIVE:
        return UserCodeReactivated(**about, told_otherwise=told_otherwise)
    leaves_recourse = code.standing is Standing.RECOURSE_ONLY
    return UserCodeSuspended(**about, leaves_recourse=leaves_recourse, told_otherwise=told_otherwise)
