from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.clock import civil_date
from libs.common.http import new_router
from services.delegation.power_of_attorney import store
from services.delegation.power_of_attorney.rules import PowerOfAttorney, may_represent

internal_router = new_router(tags=["powers of attorney"])

MOST_POWERS = 200


class RepresentedApplicant(BaseModel):
    """`name` and `number` as the power names who gave it: for the eyes of its person alone."""

    model_config = ConfigDict(frozen=True)

    applicant_id: UUID
    power_of_attorney_id: UUID
    name: str
    number: str | None
    ends_on: date | None


class RepresentedApplicants(BaseModel):
    represented_applicants: list[RepresentedApplicant]


@internal_router.get("/internal/v1/user-codes/{user_code_id}/represented-applicants")
@admits("service:represented-applicants")
async def list_represented_applicants(
    user_code_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> RepresentedApplicants:
    """Whom the person behind this code may act for today, beside their own; nobody for an unknown code."""
    on = civil_date(call.at)
    found = await store.list_candidates(database, user_code_id, limit=MOST_POWERS)
    allowed = [_represented(one.power) for one in found if may_represent(one, on=on)]
    return RepresentedApplicants(represented_applicants=allowed)


def _represented(power: PowerOfAttorney) -> RepresentedApplicant:
    return RepresentedApplicant(
        applicant_id=power.granting_applicant_id,
        power_of_attorney_id=power.id,
        name=power.granting_name,
        number=power.granting_number,
        ends_on=power.ends_on,
    )
