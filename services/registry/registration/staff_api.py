"""The file in the hands of the provider's agents."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.description import raises
from libs.common.errors import UnknownOrForeign
from libs.common.http import RequestModel, new_router
from services.registry.registration import activation, store
from services.registry.registration.rules import (
    IdentityAlreadySettled,
    RegistrationAlreadyActive,
    RegistrationAlreadyRejected,
    RegistrationNotSubmitted,
)
from services.registry.registration.views import StaffView, staff_view
from services.registry.representative.commands import find_representative

router = new_router(tags=["registration files"])
READERS = ("agent:validator", "agent:decider", "agent:support", "agent:auditor")
READERS_OF_GROUNDS = frozenset({"agent:decider", "agent:auditor"})
Grounds = Annotated[str, StringConstraints(min_length=3, max_length=2000)]


class DecisionBody(RequestModel):
    decision: Literal["validated", "rejected"]
    grounds: Grounds


@router.get("/v1/applicants/{applicant_id}/registration")
@admits(*READERS)
async def get_file(applicant_id: UUID, call: CurrentCall, database: CurrentDatabase) -> StaffView:
    async with database.connection() as connection:
        file = await store.find_of_applicant(connection, applicant_id)
        if file is None:
            raise UnknownOrForeign
        return staff_view(
            file,
            await find_representative(connection, file.id),
            changes=await store.list_changes(connection, file.id),
            decisions=await store.list_decisions(connection, file.id),
            shows_grounds=bool(require_principal(call).admitted_as & READERS_OF_GROUNDS),
        )


@router.post("/v1/applicants/{applicant_id}/validation")
@admits("agent:validator")
@raises(IdentityAlreadySettled, RegistrationAlreadyActive, RegistrationAlreadyRejected, RegistrationNotSubmitted)
async def post_validation(
    applicant_id: UUID, body: DecisionBody, call: CurrentCall, database: CurrentDatabase
) -> activation.Decided:
    return await activation.decide(
        database, call, applicant_id, is_validated=body.decision == "validated", grounds=body.grounds
    )
