from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.clock import civil_date
from libs.common.description import raises
from libs.common.errors import NotKnown
from libs.common.http import new_router
from services.delegation.disclosure import commands, store
from services.delegation.disclosure.rules import RecipientNotFound
from services.delegation.disclosure.store import Addressee
from services.delegation.person_in_charge.rules import PersonInChargeNotActive

router = new_router(tags=["disclosure"])
internal_router = new_router(tags=["disclosure"])

CODE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
RecipientInPath = Annotated[str, Path(max_length=64, pattern=CODE_PATTERN)]
CodeInQuery = Annotated[str, Query(max_length=64, pattern=CODE_PATTERN)]


class Addressees(BaseModel):
    addressees: list[Addressee]


class Disclosure(BaseModel):
    disclosed: bool


@router.put("/v1/applicants/{applicant_id}/users/{user_id}/disclosure-authorizations/{recipient}", status_code=204)
@admits("person_in_charge")
@raises(PersonInChargeNotActive, RecipientNotFound)
async def authorize(
    applicant_id: UUID, user_id: UUID, recipient: RecipientInPath, call: CurrentCall, database: CurrentDatabase
) -> None:
    await commands.authorize_disclosure(
        database, call, applicant_id=applicant_id, user_id=user_id, recipient=recipient
    )


@router.delete(
    "/v1/applicants/{applicant_id}/users/{user_id}/disclosure-authorizations/{recipient}", status_code=204
)
@admits("person_in_charge")
@raises(PersonInChargeNotActive)
async def withdraw(
    applicant_id: UUID, user_id: UUID, recipient: RecipientInPath, call: CurrentCall, database: CurrentDatabase
) -> None:
    await commands.withdraw_disclosure(
        database, call, applicant_id=applicant_id, user_id=user_id, recipient=recipient
    )


@internal_router.get("/internal/v1/applicants/{applicant_id}/addressees")
@admits("service:addressees")
@raises(NotKnown)
async def list_addressees(  # noqa: PLR0913 - a route's parameters, each by name
    *,
    applicant_id: UUID,
    department: CodeInQuery,
    online_service: CodeInQuery,
    confidential: bool,
    call: CurrentCall,
    database: CurrentDatabase,
) -> Addressees:
    if not await store.is_known(database, applicant_id, department=department, online_service=online_service):
        raise NotKnown
    if confidential:
        found = await store.list_confidential_addressees(database, applicant_id, department=department)
    else:
        today = civil_date(call.at)
        found = await store.list_addressees(database, applicant_id, online_service=online_service, on=today)
    return Addressees(addressees=found)


@internal_router.get("/internal/v1/applicants/{applicant_id}/disclosure")
@admits("service:addressees")
async def show_disclosure(
    applicant_id: UUID, department: CodeInQuery, user_code_id: UUID, database: CurrentDatabase
) -> Disclosure:
    disclosed = await store.is_disclosed(database, applicant_id, user_code_id=user_code_id, recipient=department)
    return Disclosure(disclosed=disclosed)
