from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.http import RequestModel, new_router
from services.delegation.access_right import commands
from services.delegation.access_right.commands import RightsOfUser
from services.delegation.access_right.rules import (
    ApplicantNotEnrolled,
    Right,
    RightEndsBeforeItStarts,
    RightListedTwice,
    TaskNotFound,
)
from services.delegation.person_in_charge.rules import PersonInChargeNotActive

router = new_router(tags=["access rights"])

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class RequestedRight(RequestModel):
    online_service: Code
    task: Code
    starts_on: date | None = None
    ends_on: date | None = None

    def as_right(self) -> Right:
        return Right(self.online_service, self.task, self.starts_on, self.ends_on)


RequestedRights = Annotated[list[RequestedRight], Field(max_length=500)]


class RightsRequest(RequestModel):
    rights: RequestedRights


@router.put("/v1/applicants/{applicant_id}/users/{user_id}/access-rights")
@admits("person_in_charge")
@raises(ApplicantNotEnrolled, PersonInChargeNotActive, RightEndsBeforeItStarts, RightListedTwice, TaskNotFound)
async def change_access_rights(
    applicant_id: UUID, user_id: UUID, body: RightsRequest, call: CurrentCall, database: CurrentDatabase
) -> RightsOfUser:
    rights = [requested.as_right() for requested in body.rights]
    return await commands.change_access_rights(
        database, call, applicant_id=applicant_id, user_id=user_id, rights=rights
    )
