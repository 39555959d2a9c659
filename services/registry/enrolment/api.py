from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.description import raises
from libs.common.http import Line, RequestModel, new_router
from services.registry.applicant.rules import acting_side
from services.registry.department.rules import OnlineServiceNotOffered
from services.registry.enrolment import commands, store
from services.registry.enrolment.commands import EnrolmentResult
from services.registry.enrolment.rules import AlreadyEnrolled

router = new_router(tags=["enrolments"])


class Enrol(RequestModel):
    online_service: Line


class EnrolmentAnswer(BaseModel):
    model_config = ConfigDict(frozen=True)

    enrolment_id: UUID
    department: str
    online_service: str
    state: str
    activated_at: datetime


class EnrolmentsAnswer(BaseModel):
    model_config = ConfigDict(frozen=True)

    enrolments: list[EnrolmentAnswer]


@router.post("/v1/applicants/{applicant_id}/enrolments", status_code=201)
@admits("person_in_charge", creates=True)
@raises(AlreadyEnrolled, OnlineServiceNotOffered)
async def post_enrolment(
    applicant_id: UUID, body: Enrol, call: CurrentCall, database: CurrentDatabase
) -> EnrolmentResult:
    return await commands.enrol(database, call, applicant_id=applicant_id, online_service=body.online_service)


@router.get("/v1/applicants/{applicant_id}/enrolments")
@admits("person_in_charge", "agent:validator", "agent:decider", "agent:support", "agent:auditor")
async def get_enrolments(applicant_id: UUID, call: CurrentCall, database: CurrentDatabase) -> EnrolmentsAnswer:
    acting_side(require_principal(call).agent_side)
    found = await store.list_of_applicant(database, applicant_id)
    return EnrolmentsAnswer(
        enrolments=[
            EnrolmentAnswer(
                enrolment_id=enrolment.id,
                department=enrolment.department,
                online_service=enrolment.online_service,
                state="active",
                activated_at=enrolment.activated_at,
            )
            for enrolment in found
        ]
    )
