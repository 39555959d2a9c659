from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.call import Call
from libs.common.description import raises
from libs.common.holds import HoldAlreadyReleased, HoldOfAnotherSide, Side, UnknownHold
from libs.common.http import RequestModel, new_router
from services.registry.applicant import commands, rules, store
from services.registry.applicant.commands import Grounds, HoldResult, RequestResult, StateResult
from services.registry.applicant.rules import (
    Applicant,
    CancelledBy,
    Decision,
    ReactivationAlreadyRequested,
    ReactivationRequestNotOpen,
    RegistrationAlreadyCancelled,
    RegistrationNotCancelled,
    State,
)

router = new_router(tags=["applicants"])

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{2,63}$")]
GroundsText = Annotated[str, StringConstraints(min_length=3, max_length=4000)]


class PlaceHold(RequestModel):
    reason_code: ReasonCode
    grounds: GroundsText


class ReleaseHold(RequestModel):
    grounds: GroundsText | None = None


class DecideReactivation(RequestModel):
    decision: Decision
    grounds: GroundsText


class OwnHold(BaseModel):
    """A hold that the caller's side placed and may release."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    placed_at: datetime


class OpenRequest(BaseModel):
    model_config = ConfigDict(frozen=True)

    request_id: UUID
    requested_at: datetime


class ApplicantAnswer(BaseModel):
    model_config = ConfigDict(frozen=True)

    applicant_id: UUID
    kind: str
    name: str
    state: State
    since: datetime
    cancelled_by: CancelledBy | None
    lifted_by: list[Side]
    own_holds: list[OwnHold]
    reactivation_request: OpenRequest | None


@router.get("/v1/applicants/{applicant_id}")
@admits(
    "person_in_charge",
    "user",
    "agent:validator",
    "agent:decider",
    "agent:support",
    "agent:auditor",
    "agent:security",
    recourse=True,
)
async def get_applicant(applicant_id: UUID, call: CurrentCall, database: CurrentDatabase) -> ApplicantAnswer:
    """The state, since when, and who can give access back; never why."""
    side = _side(call)
    applicant = await store.get(database, applicant_id)
    return _answer(applicant, releasable_by=None if require_principal(call).role == "user" else side)


@router.post("/v1/applicants/{applicant_id}/holds", status_code=201)
@admits("person_in_charge", "agent:decider", needs_facts=False, creates=True)
async def post_hold(
    applicant_id: UUID, body: PlaceHold, call: CurrentCall, database: CurrentDatabase
) -> HoldResult:
    return await commands.place_hold(
        database,
        call,
        applicant_id=applicant_id,
        side=_side(call),
        reason_code=body.reason_code,
        grounds=body.grounds,
    )


@router.post("/v1/applicants/{applicant_id}/holds/{hold_id}/release")
@admits("person_in_charge", "agent:decider", recourse=True)
@raises(HoldAlreadyReleased, HoldOfAnotherSide, UnknownHold)
async def post_release(
    applicant_id: UUID,
    hold_id: UUID,
    call: CurrentCall,
    database: CurrentDatabase,
    body: ReleaseHold | None = None,
) -> HoldResult:
    return await commands.release_hold(
        database,
        call,
        applicant_id=applicant_id,
        hold_id=hold_id,
        side=_side(call),
        grounds=body.grounds if body else None,
    )


@router.get("/v1/applicants/{applicant_id}/holds/{hold_id}/grounds")
@admits("agent:decider", "agent:auditor")
@raises(UnknownHold)
async def get_grounds(applicant_id: UUID, hold_id: UUID, call: CurrentCall, database: CurrentDatabase) -> Grounds:
    _side(call)
    return await commands.read_grounds(database, call, applicant_id=applicant_id, hold_id=hold_id)


@router.post("/v1/applicants/{applicant_id}/cancellation")
@admits("person_in_charge", recourse=True, creates=True)
@raises(RegistrationAlreadyCancelled)
async def post_cancellation(applicant_id: UUID, call: CurrentCall, database: CurrentDatabase) -> StateResult:
    return await commands.cancel_registration(
        database, call, applicant_id=applicant_id, cancelled_by=CancelledBy.PERSON_IN_CHARGE
    )


@router.post("/v1/applicants/{applicant_id}/reactivation-requests", status_code=201)
@admits("person_in_charge", recourse=True, creates=True)
@raises(ReactivationAlreadyRequested, RegistrationNotCancelled)
async def post_reactivation_request(
    applicant_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> RequestResult:
    return await commands.request_reactivation(database, call, applicant_id=applicant_id)


@router.post("/v1/applicants/{applicant_id}/reactivation-requests/{request_id}/decision")
@admits("agent:decider")
@raises(ReactivationRequestNotOpen)
async def post_decision(
    applicant_id: UUID,
    request_id: UUID,
    body: DecideReactivation,
    call: CurrentCall,
    database: CurrentDatabase,
) -> StateResult:
    _side(call)
    return await commands.decide_reactivation(
        database,
        call,
        applicant_id=applicant_id,
        request_id=request_id,
        decision=body.decision,
        grounds=body.grounds,
    )


def _side(call: Call) -> Side:
    return rules.acting_side(require_principal(call).agent_side)


def _answer(applicant: Applicant, *, releasable_by: Side | None) -> ApplicantAnswer:
    request = applicant.open_request
    return ApplicantAnswer(
        applicant_id=applicant.id,
        kind=applicant.kind,
        name=applicant.name,
        state=applicant.state,
        since=applicant.state_since,
        cancelled_by=applicant.cancelled_by,
        lifted_by=rules.lifted_by(applicant),
        own_holds=[
            OwnHold(hold_id=hold.id, placed_at=hold.placed_at)
            for hold in applicant.active_holds
            if rules.releasing_side(hold) is releasable_by
        ],
        reactivation_request=OpenRequest(request_id=request.id, requested_at=request.requested_at)
        if request
        else None,
    )
