from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.holds import Hold, HoldAlreadyReleased, HoldOfAnotherSide, UnknownHold
from libs.common.http import RequestModel, new_router
from services.delegation.person_in_charge import commands, store
from services.delegation.person_in_charge.commands import HoldOnPerson
from services.delegation.person_in_charge.rules import (
    LastActivePersonInCharge,
    OwnHold,
    PersonInCharge,
    PersonInChargeNotActive,
    PersonState,
    RemovalBelongsToRepresentativeOrProvider,
)

router = new_router(tags=["persons in charge"])

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
Grounds = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class HoldRequest(RequestModel):
    reason_code: ReasonCode
    grounds: Grounds
    confirm_last: bool = False


class HoldInForce(BaseModel):
    """What may be shown of a hold: never its grounds."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    side: str
    reason_code: str
    placed_at: datetime


class ListedPersonInCharge(BaseModel):
    model_config = ConfigDict(frozen=True)

    person_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: str
    email: str
    state: PersonState
    holds: list[HoldInForce]


class PersonsInCharge(BaseModel):
    persons_in_charge: list[ListedPersonInCharge]


@router.get("/v1/applicants/{applicant_id}/persons-in-charge")
@admits("person_in_charge", "agent:validator", "agent:decider", "agent:support", "agent:auditor")
async def list_persons_in_charge(applicant_id: UUID, database: CurrentDatabase) -> PersonsInCharge:
    persons = await store.list_of_applicant(database, applicant_id)
    return PersonsInCharge(persons_in_charge=[_listed(person) for person in persons])


@router.post("/v1/applicants/{applicant_id}/persons-in-charge/{person_id}/holds", status_code=201)
@admits("person_in_charge", "agent:decider", creates=True, needs_facts=False)
@raises(LastActivePersonInCharge, PersonInChargeNotActive)
async def place_hold(
    applicant_id: UUID, person_id: UUID, body: HoldRequest, call: CurrentCall, database: CurrentDatabase
) -> HoldOnPerson:
    return await commands.suspend_person_in_charge(
        database,
        call,
        applicant_id=applicant_id,
        person_id=person_id,
        reason_code=body.reason_code,
        grounds=body.grounds,
        is_last_confirmed=body.confirm_last,
    )


@router.post("/v1/applicants/{applicant_id}/persons-in-charge/{person_id}/holds/{hold_id}/release")
@admits("person_in_charge", "agent:decider")
@raises(HoldAlreadyReleased, HoldOfAnotherSide, OwnHold, PersonInChargeNotActive, UnknownHold)
async def release_hold(
    applicant_id: UUID, person_id: UUID, hold_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> HoldOnPerson:
    return await commands.reactivate_person_in_charge(
        database, call, applicant_id=applicant_id, person_id=person_id, hold_id=hold_id
    )


@router.delete("/v1/applicants/{applicant_id}/persons-in-charge/{person_id}", status_code=204)
@admits("person_in_charge")
@raises(RemovalBelongsToRepresentativeOrProvider)
async def remove(applicant_id: UUID, person_id: UUID, database: CurrentDatabase) -> None:
    await commands.remove_person_in_charge(database, applicant_id=applicant_id, person_id=person_id)


def _listed(person: PersonInCharge) -> ListedPersonInCharge:
    return ListedPersonInCharge(
        person_id=person.id,
        user_code_id=person.user_code_id,
        given_name=person.given_name,
        family_name=person.family_name,
        language=person.language,
        email=person.email,
        state=person.state,
        holds=[_in_force(hold) for hold in person.holds if hold.is_active],
    )


def _in_force(hold: Hold) -> HoldInForce:
    return HoldInForce(
        hold_id=hold.id, side=hold.side.value, reason_code=hold.reason_code, placed_at=hold.placed_at
    )
