from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.call import Call
from libs.common.description import raises
from libs.common.errors import UnknownOrForeign
from libs.common.holds import Hold, HoldAlreadyReleased, HoldOfAnotherSide, Side, UnknownHold
from libs.common.http import RequestModel, new_router
from services.auth.user_code import hold_rules, suspension
from services.auth.user_code.hold_rules import (
    HeldCode,
    LastActivePersonInCharge,
    LastPersonInChargeNeedsTwo,
    OwnHold,
    RevocationBelongsToProvider,
    Standing,
    UserCodeNotActive,
    UserCodeRevokedAlready,
)
from services.auth.user_code.rules import Role
from services.auth.user_code.suspension import HoldOnCode, RevokedCode

router = new_router(tags=["user codes"])

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,63}$")]
Grounds = Annotated[str, StringConstraints(min_length=3, max_length=4000)]


async def named_code(request: Request) -> UUID | None:
    """The applicant whose code the path names; unknown and malformed have none."""
    try:
        user_code_id = UUID(str(request.path_params.get("user_code_id")))
    except ValueError:
        return None
    return await suspension.find_applicant_of(request.app.state.database, user_code_id)


class PlaceHold(RequestModel):
    reason_code: ReasonCode
    grounds: Grounds
    confirm_last: bool = False


class Revoke(RequestModel):
    reason_code: ReasonCode


class HoldInForce(BaseModel):
    """Never its grounds; its reason code for its own side and the provider."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    side: Side
    reason_code: str | None
    placed_at: datetime


class UserCodeState(BaseModel):
    """Never the code itself."""

    model_config = ConfigDict(frozen=True)

    user_code_id: UUID
    applicant_id: UUID
    role: Role | None
    state: Standing
    assigned_at: datetime
    activated_at: datetime | None
    first_used_at: datetime | None
    revoked_at: datetime | None
    holds: list[HoldInForce]


class GroundsOfHold(BaseModel):
    model_config = ConfigDict(frozen=True)

    reason_code: str
    grounds: str
    placed_by: str
    placed_at: datetime


@router.get("/v1/user-codes/{user_code_id}")
@admits(
    "person_in_charge",
    "agent:decider",
    "agent:security",
    "agent:support",
    "agent:auditor",
    applicant_of=named_code,
)
async def get_user_code(user_code_id: UUID, call: CurrentCall, database: CurrentDatabase) -> UserCodeState:
    """The state, its dates, and the holds in force without their grounds."""
    code = await suspension.find_held_code(database, user_code_id)
    side = _side(call)
    if side is Side.APPLICANT and code.facts.role is None:
        raise UnknownOrForeign
    return _answer(code, reader=side)


@router.post("/v1/user-codes/{user_code_id}/holds", status_code=201)
@admits(
    "person_in_charge",
    "agent:decider",
    "agent:security",
    creates=True,
    needs_facts=False,
    applicant_of=named_code,
)
@raises(LastActivePersonInCharge, UserCodeNotActive)
async def post_hold(
    user_code_id: UUID, body: PlaceHold, call: CurrentCall, database: CurrentDatabase
) -> HoldOnCode:
    return await suspension.suspend_user_code(
        database,
        call,
        user_code_id,
        side=_side(call),
        reason_code=body.reason_code,
        grounds=body.grounds,
        is_last_confirmed=body.confirm_last,
    )


@router.post("/v1/user-codes/{user_code_id}/holds/{hold_id}/release")
@admits("person_in_charge", "agent:decider", "agent:security", applicant_of=named_code)
@raises(HoldAlreadyReleased, HoldOfAnotherSide, OwnHold, UnknownHold)
async def post_release(
    user_code_id: UUID, hold_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> HoldOnCode:
    return await suspension.reactivate_user_code(database, call, user_code_id, hold_id=hold_id, side=_side(call))


@router.get("/v1/user-codes/{user_code_id}/holds/{hold_id}/grounds")
@admits("agent:decider", "agent:auditor", applicant_of=named_code)
@raises(UnknownHold)
async def get_grounds(
    user_code_id: UUID, hold_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> GroundsOfHold:
    hold = await suspension.read_grounds(database, call, user_code_id, hold_id=hold_id)
    return GroundsOfHold(
        reason_code=hold.reason_code, grounds=hold.grounds, placed_by=hold.placed_by, placed_at=hold.placed_at
    )


@router.post("/v1/user-codes/{user_code_id}/revocation")
@admits("person_in_charge", "agent:decider", creates=True, applicant_of=named_code)
@raises(LastPersonInChargeNeedsTwo, RevocationBelongsToProvider, UserCodeRevokedAlready)
async def post_revocation(
    user_code_id: UUID, body: Revoke, call: CurrentCall, database: CurrentDatabase
) -> RevokedCode:
    return await suspension.revoke_user_code(
        database, call, user_code_id, side=_side(call), reason_code=body.reason_code
    )


def _side(call: Call) -> Side:
    return Side.PROVIDER if require_principal(call).is_staff else Side.APPLICANT


def _answer(code: HeldCode, *, reader: Side) -> UserCodeState:
    known = code.facts.code
    return UserCodeState(
        user_code_id=known.id,
        applicant_id=known.applicant_id,
        role=code.facts.role,
        state=code.standing,
        assigned_at=known.assigned_at,
        activated_at=known.activated_at,
        first_used_at=known.first_used_at,
        revoked_at=known.revoked_at,
        holds=[_in_force(hold, reader=reader) for hold in code.holds if hold.is_active],
    )


def _in_force(hold: Hold, *, reader: Side) -> HoldInForce:
    is_shown = hold_rules.may_read_reason(hold, reader=reader)
    return HoldInForce(
        hold_id=hold.id,
        side=hold.side,
        reason_code=hold.reason_code if is_shown else None,
        placed_at=hold.placed_at,
    )
