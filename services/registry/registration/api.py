"""The registration session of a representative."""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request
from pydantic import EmailStr, StringConstraints

from libs.common.access_records import record_call
from libs.common.admission import CurrentCall, CurrentDatabase, admits, circumstances_of, public
from libs.common.call import Call
from libs.common.description import raises
from libs.common.errors import DatabaseUnavailable, ServiceUnavailable, UserCodeAlreadyUsed
from libs.common.http import Line, RequestModel, new_router
from libs.common.service import Resources
from services.registry.conditions.rules import ConditionsNotFound
from services.registry.registration import commands, limits, store, submission
from services.registry.registration.file import Address, Applicant, ApplicantKind
from services.registry.registration.identifiers import BusinessNumber, IdentificationNumber, Neq
from services.registry.registration.limits import Limit, TooManyTries
from services.registry.registration.rules import (
    ConditionsOutdated,
    PersonAlreadyNamed,
    RegistrationAlreadyActive,
    RegistrationAlreadyRejected,
    RegistrationAlreadySubmitted,
    RegistrationExpired,
    RegistrationIncomplete,
    RegistrationNotSubmitted,
    TooManyPersons,
    UnknownPerson,
)
from services.registry.registration.views import RegistrationView, view_of
from services.registry.settings import CurrentSettings

router = new_router(tags=["registration"])
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$")]
OWN = "/v1/registrations/{registration_id}"


async def _current_resources(request: Request) -> Resources:
    resources: Resources = request.app.state.resources
    return resources


CurrentResources = Annotated[Resources, Depends(_current_resources)]


class OpeningBody(RequestModel):
    applicant_kind: ApplicantKind


class AddressBody(RequestModel):
    street: Line
    city: Line
    province: Line
    postal_code: Line
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "CA"


class ApplicantBody(RequestModel):
    name: Line
    neq: Neq | None = None
    business_number: BusinessNumber | None = None
    identification_number: IdentificationNumber | None = None
    address: AddressBody

    def applicant(self) -> Applicant:
        address = Address(**self.address.model_dump())
        return Applicant(self.name, self.neq, self.business_number, self.identification_number, address)


class PersonBody(RequestModel):
    given_name: Line
    family_name: Line
    email: EmailStr
    language: Literal["fr", "en"]


class AcceptanceBody(RequestModel):
    version: Version
    language: Literal["fr", "en"]


@router.post("/v1/registrations", status_code=201)
@public
@raises(DatabaseUnavailable, TooManyTries)
async def open_registration(
    body: OpeningBody, request: Request, database: CurrentDatabase, settings: CurrentSettings
) -> commands.Opened:
    at = request.state.at
    limit = Limit("registration-opening", settings.openings_per_network, settings.openings_in_all)
    await limits.count(database, limit, address=request.client.host if request.client else None, now=at)
    file = commands.new_file(body.applicant_kind, opened_at=at, seconds=settings.registration_session_seconds)
    principal = commands.session_principal(store.Session(file.id, file.applicant_id, file.opened_at))
    record = partial(
        record_call,
        principal=principal,
        circumstances=circumstances_of(request, principal, action="POST /v1/registrations"),
        applicant_id=file.applicant_id,
    )
    call = Call(actor=principal.actor, at=at, correlation_id=request.state.correlation_id, principal=principal)
    return await commands.open_registration(database, call, file=file, recorded=record)


@router.get(OWN)
@admits("registration_session")
async def get_registration(
    registration_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> RegistrationView:
    commands.require_own(call, registration_id)
    return await view_of(database, registration_id)


@router.put(f"{OWN}/applicant")
@admits("registration_session")
@raises(RegistrationAlreadySubmitted, RegistrationExpired)
async def put_applicant(
    registration_id: UUID, body: ApplicantBody, call: CurrentCall, database: CurrentDatabase
) -> RegistrationView:
    await commands.report_applicant(database, call, registration_id, applicant=body.applicant())
    return await view_of(database, registration_id)


@router.post(f"{OWN}/persons-in-charge", status_code=201)
@admits("registration_session", creates=True)
@raises(PersonAlreadyNamed, RegistrationAlreadySubmitted, RegistrationExpired, TooManyPersons)
async def post_person(
    registration_id: UUID, body: PersonBody, call: CurrentCall, database: CurrentDatabase
) -> commands.NamedPerson:
    return await commands.name_person(database, call, registration_id, **body.model_dump())


@router.delete(f"{OWN}/persons-in-charge/{{person_id}}", status_code=204)
@admits("registration_session")
@raises(RegistrationAlreadySubmitted, RegistrationExpired, UnknownPerson)
async def delete_person(
    registration_id: UUID, person_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> None:
    await commands.withdraw_person(database, call, registration_id, person_id)


@router.put(f"{OWN}/conditions-acceptance")
@admits("registration_session")
@raises(ConditionsNotFound, ConditionsOutdated, RegistrationAlreadySubmitted, RegistrationExpired)
async def put_acceptance(
    registration_id: UUID, body: AcceptanceBody, call: CurrentCall, database: CurrentDatabase
) -> RegistrationView:
    await commands.accept_conditions(database, call, registration_id, version=body.version, language=body.language)
    return await view_of(database, registration_id)


@router.post(f"{OWN}/submission", status_code=201)
@admits("registration_session", creates=True)
@raises(
    ConditionsNotFound,
    ConditionsOutdated,
    RegistrationAlreadySubmitted,
    RegistrationExpired,
    RegistrationIncomplete,
    ServiceUnavailable,
    UserCodeAlreadyUsed,
)
async def post_submission(
    registration_id: UUID, call: CurrentCall, database: CurrentDatabase, resources: CurrentResources
) -> submission.Submitted:
    return await submission.submit(database, call, registration_id, calls=resources.service_calls)


@router.post(f"{OWN}/one-time-passwords")
@admits("registration_session")
@raises(
    RegistrationAlreadyActive,
    RegistrationAlreadyRejected,
    RegistrationNotSubmitted,
    ServiceUnavailable,
    UserCodeAlreadyUsed,
)
async def post_one_time_passwords(
    registration_id: UUID, call: CurrentCall, database: CurrentDatabase, resources: CurrentResources
) -> submission.Submitted:
    return await submission.repeat_one_time_passwords(
        database, call, registration_id, calls=resources.service_calls
    )
