from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.errors import ApplicantNotActive, ServiceUnavailable, UserCodeAlreadyUsed
from libs.common.http import Line, RequestModel, new_router
from libs.common.service import Resources
from services.delegation.access_right.api import Code, RequestedRights
from services.delegation.access_right.rules import (
    ApplicantNotEnrolled,
    RightEndsBeforeItStarts,
    RightListedTwice,
    TaskNotFound,
)
from services.delegation.disclosure.rules import RecipientNotFound
from services.delegation.person_in_charge.rules import PersonInChargeNotActive
from services.delegation.settings import DelegationSettings
from services.delegation.user import commands, store
from services.delegation.user.commands import CodeOfUser, NewUser
from services.delegation.user.rules import TooManyUsers
from services.delegation.user.store import ListedRight, ListedUser

router = new_router(tags=["users"])

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")]


async def _current_resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


async def _users_per_applicant(request: Request) -> int:
    settings: DelegationSettings = request.app.state.resources.settings
    return settings.users_per_applicant


async def _pairwise_key(request: Request) -> bytes:
    key: bytes = request.app.state.pairwise_key
    return key


CurrentResources = Annotated[Resources, Depends(_current_resources)]
UsersPerApplicant = Annotated[int, Depends(_users_per_applicant)]
PairwiseKey = Annotated[bytes, Depends(_pairwise_key)]


class UserRequest(RequestModel):
    given_name: Line
    family_name: Line
    email: Email
    language: Literal["fr", "en"]
    rights: RequestedRights = Field(default_factory=list)
    disclosure_to: list[Code] = Field(default_factory=list, max_length=100)

    def as_new_user(self) -> NewUser:
        return NewUser(
            given_name=self.given_name,
            family_name=self.family_name,
            email=self.email,
            language=self.language,
            rights=[right.as_right() for right in self.rights],
            disclosure_to=self.disclosure_to,
        )


class UserInList(BaseModel):
    model_config = ConfigDict(frozen=True)

    user_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: str
    email: str
    codes_pending: bool
    rights: list[ListedRight]
    disclosure_to: list[str]


class Users(BaseModel):
    users: list[UserInList]


@router.get("/v1/applicants/{applicant_id}/users")
@admits("person_in_charge", "agent:decider", "agent:support", "agent:auditor")
async def list_users(applicant_id: UUID, database: CurrentDatabase) -> Users:
    found = await store.list_of_applicant(database, applicant_id)
    return Users(users=[_listed(listed) for listed in found])


@router.post("/v1/applicants/{applicant_id}/users", status_code=201)
@admits("person_in_charge", creates=True)
@raises(
    ApplicantNotActive,
    ApplicantNotEnrolled,
    PersonInChargeNotActive,
    RecipientNotFound,
    RightEndsBeforeItStarts,
    RightListedTwice,
    ServiceUnavailable,
    TaskNotFound,
    TooManyUsers,
    UserCodeAlreadyUsed,
)
async def add_user(  # noqa: PLR0913 - a route's parameters, each by name
    *,
    applicant_id: UUID,
    body: UserRequest,
    call: CurrentCall,
    resources: CurrentResources,
    limit: UsersPerApplicant,
    pairwise_key: PairwiseKey,
) -> CodeOfUser:
    return await commands.add_user(
        resources.database,
        resources.service_calls,
        call,
        applicant_id=applicant_id,
        new=body.as_new_user(),
        limit=limit,
        pairwise_key=pairwise_key,
    )


@router.post("/v1/applicants/{applicant_id}/users/{user_id}/one-time-password")
@admits("person_in_charge")
@raises(ApplicantNotActive, PersonInChargeNotActive, ServiceUnavailable, UserCodeAlreadyUsed)
async def repeat_one_time_password(
    applicant_id: UUID, user_id: UUID, call: CurrentCall, resources: CurrentResources
) -> CodeOfUser:
    return await commands.repeat_one_time_password(
        resources.database, resources.service_calls, call, applicant_id=applicant_id, user_id=user_id
    )


def _listed(listed: ListedUser) -> UserInList:
    user = listed.user
    return UserInList(
        user_id=user.id,
        user_code_id=user.user_code_id,
        given_name=user.given_name,
        family_name=user.family_name,
        language=user.language,
        email=user.email,
        codes_pending=user.codes_pending,
        rights=listed.rights,
        disclosure_to=listed.disclosure_to,
    )
