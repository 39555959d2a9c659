"""A user code for a person whom registry or delegation has taken in, and the slip that goes with it."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.auth import UserCodeAssigned
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.idempotency import ShownOnce
from libs.common.outbox import publish
from services.auth.session.commands import end_sessions_of_code
from services.auth.settings import AuthSettings
from services.auth.user_code import rules, store
from services.auth.user_code.commands import activate_what_may
from services.auth.user_code.passwords import HashedPassword, Passwords
from services.auth.user_code.rules import CodeState, RegistrationState, UserCode

SERVICE = "auth"
DELEGATION = "delegation"


class AssignedCode(BaseModel):
    """Shown once, to whoever assigned the code."""

    model_config = ConfigDict(frozen=True)

    user_code: ShownOnce
    one_time_password: ShownOnce
    expires_in_days: int


class Assignment(BaseModel):
    model_config = ConfigDict(frozen=True)

    answer: AssignedCode
    is_new: bool


async def assign_user_code(  # noqa: PLR0913 - what the caller chose, each by name
    database: Database,
    call: Call,
    passwords: Passwords,
    settings: AuthSettings,
    *,
    user_code_id: UUID,
    applicant_id: UUID,
    assigned_by: str,
    language: Literal["fr", "en"],
) -> Assignment:
    """A pending code with a one-time password, or a fresh one-time password for one never used (clause 18).

    Raises UserCodeAlreadyUsed, ApplicantNotActive, UnknownOrForeign.
    """
    one_time = SecretStr(rules.new_one_time_password())
    hashed = await passwords.hash(one_time, is_one_time=True)
    async with database.transaction() as tx:
        registration = await store.lock_registration(tx, applicant_id, at=call.at)
        if assigned_by == DELEGATION and registration.state is not RegistrationState.ACTIVE:
            raise rules.ApplicantNotActive
        if await store.is_gone(tx, user_code_id, applicant_id=applicant_id):
            raise UnknownOrForeign
        known = await store.find_for_update(tx, user_code_id)
        if known is None:
            code = await _add(tx, call, user_code_id, applicant_id, assigned_by, language, hashed)
        else:
            code = _require_reissuable(known, applicant_id=applicant_id, assigned_by=assigned_by)
            await _reissue(tx, call, user_code_id, language=language, password=hashed)
        command = "assign_user_code" if known is None else "reissue_one_time_password"
        content = {"user_code_id": str(user_code_id), "assigned_by": assigned_by}
        await record_evidence(tx, call, command, applicant_id=applicant_id, content=content)
        await activate_what_may(tx, call, applicant_id)
    answer = AssignedCode(
        user_code=SecretStr(rules.display(code)),
        one_time_password=one_time,
        expires_in_days=settings.one_time_password_days,
    )
    return Assignment(answer=answer, is_new=known is None)


async def _add(  # noqa: PLR0913, PLR0917 - one row's facts
    tx: Connection,
    call: Call,
    user_code_id: UUID,
    applicant_id: UUID,
    assigned_by: str,
    language: str,
    password: HashedPassword,
) -> str:
    code = rules.new_code()
    while not await store.add(
        tx,
        user_code_id,
        applicant_id=applicant_id,
        assigned_by=assigned_by,
        code=code,
        language=language,
        password=password,
        at=call.at,
    ):
        code = rules.new_code()
    assigned = UserCodeAssigned(applicant_id=applicant_id, user_code_id=user_code_id)
    await publish(tx, call, assigned, service=SERVICE, partitionkey=applicant_key(applicant_id))
    return code


async def _reissue(
    tx: Connection, call: Call, user_code_id: UUID, *, language: str, password: HashedPassword
) -> None:
    """The code's row is locked; whoever began to sign in before this moment proved a password that is dead."""
    await store.save_one_time_password(tx, user_code_id, password=password, language=language, at=now())
    await end_sessions_of_code(tx, call, user_code_id, reason="ended-by-other")


def _require_reissuable(known: UserCode, *, applicant_id: UUID, assigned_by: str) -> str:
    is_own = known.applicant_id == applicant_id and known.assigned_by == assigned_by
    if not is_own or known.state is CodeState.REVOKED:
        raise UnknownOrForeign
    if known.first_used_at is not None:
        raise rules.UserCodeAlreadyUsed
    return known.code
