"""What delegation decided about a person, beside the holds that are placed here: neither lifts the other."""

from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.holds import Side
from services.auth.session.commands import end_sessions_of_code
from services.auth.user_code import store
from services.auth.user_code.rules import CodeState, Facts
from services.auth.user_code.suspension import revoke_locked


async def note_held(tx: Connection, call: Call, user_code_id: UUID, *, applicant_id: UUID, is_held: bool) -> None:
    """A sign-in that is under way is waited for, and its session ended."""
    code = await _lock(tx, call, user_code_id, applicant_id=applicant_id)
    await store.save_held(tx, user_code_id, applicant_id=applicant_id, is_held=is_held)
    if is_held and code is not None:
        await end_sessions_of_code(tx, call, user_code_id, reason="suspended")


async def note_gone(
    tx: Connection, call: Call, user_code_id: UUID, *, applicant_id: UUID, reason_code: str
) -> None:
    """The code is revoked for good; one that is not assigned yet never will be."""
    code = await _lock(tx, call, user_code_id, applicant_id=applicant_id)
    await store.save_gone(tx, user_code_id, applicant_id=applicant_id, at=call.at)
    if code is not None and code.code.state is not CodeState.REVOKED:
        await revoke_locked(tx, call, code, side=Side.SYSTEM, reason_code=reason_code)


async def _lock(tx: Connection, call: Call, user_code_id: UUID, *, applicant_id: UUID) -> Facts | None:
    """The code, if there is one of this applicant."""
    await store.lock_registration(tx, applicant_id, at=call.at)
    if await store.find_applicant_of(tx, user_code_id) != applicant_id:
        return None
    return await store.find_facts_for_update(tx, user_code_id)
