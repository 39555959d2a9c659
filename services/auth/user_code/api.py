from typing import Literal
from uuid import UUID

from fastapi import Request, Response

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.description import raises
from libs.common.http import RequestModel, new_router
from services.auth.parts import parts_of
from services.auth.user_code.assignment import AssignedCode, assign_user_code
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.rules import ApplicantNotActive, UserCodeAlreadyUsed

router = new_router(tags=["user codes"])


class AssignUserCode(RequestModel):
    applicant_id: UUID
    language: Literal["fr", "en"]


@router.put("/internal/v1/user-codes/{user_code_id}", responses={201: {"model": AssignedCode}})
@admits("service:user-codes")
@raises(ApplicantNotActive, HashingBusy, UserCodeAlreadyUsed)
async def put_user_code(  # noqa: PLR0913, PLR0917 - FastAPI passes each by its name
    user_code_id: UUID,
    body: AssignUserCode,
    call: CurrentCall,
    database: CurrentDatabase,
    request: Request,
    response: Response,
) -> AssignedCode:
    parts = parts_of(request)
    assignment = await assign_user_code(
        database,
        call,
        parts.passwords,
        parts.settings,
        user_code_id=user_code_id,
        applicant_id=body.applicant_id,
        assigned_by=require_principal(call).client_id or "",
        language=body.language,
    )
    response.status_code = 201 if assignment.is_new else 200
    return assignment.answer
