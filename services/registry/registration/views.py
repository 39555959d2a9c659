"""The file as it is shown: to its own representative, and to staff."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.database import Database
from libs.common.errors import UnknownOrForeign
from services.registry.registration import rules, store
from services.registry.registration.file import Applicant, Person, Proof, RegistrationFile
from services.registry.registration.store import Change, Decision
from services.registry.representative.commands import find_representative
from services.registry.representative.rules import Representative


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AddressView(_View):
    street: str
    city: str
    province: str
    postal_code: str
    country: str


class ApplicantView(_View):
    name: str
    neq: str | None
    business_number: str | None
    identification_number: str | None
    address: AddressView


class RepresentativeView(_View):
    given_name: str
    family_name: str
    capacity: str
    email: str
    telephone: str


class PersonView(_View):
    person_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    email: str
    language: str
    awaits_form: bool


class AcceptanceView(_View):
    version: str
    language: str
    accepted_at: datetime


class RegistrationView(_View):
    """What the representative sees: never why an agent must look."""

    registration_id: UUID
    applicant_id: UUID
    applicant_kind: str
    state: str
    path: str | None
    opened_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    identity_matched: bool
    forms_required: list[str]
    codes_pending: bool
    applicant: ApplicantView | None
    representative: RepresentativeView | None
    persons_in_charge: list[PersonView]
    conditions: AcceptanceView | None


class ChangeView(_View):
    at: datetime
    reported_by: str
    subject: str
    value_before: dict[str, Any] | None
    value_after: dict[str, Any] | None


class DecisionView(_View):
    """`grounds` for decider and auditor only, else null."""

    decision: str
    grounds: str | None
    decided_by: str
    decided_at: datetime


class StaffView(RegistrationView):
    doubts: list[str]
    identity_settled_by: str | None
    registration_form_received: bool
    changes: list[ChangeView]
    decisions: list[DecisionView]


async def view_of(database: Database, registration_id: UUID) -> RegistrationView:
    """Raises UnknownOrForeign."""
    async with database.connection() as connection:
        file = await store.find(connection, registration_id)
        if file is None:
            raise UnknownOrForeign
        return RegistrationView(**_fields(file, await find_representative(connection, file.id)))


def staff_view(
    file: RegistrationFile,
    representative: Representative | None,
    *,
    changes: list[Change],
    decisions: list[Decision],
    shows_grounds: bool,
) -> StaffView:
    return StaffView(
        **_fields(file, representative),
        doubts=list(file.doubts),
        identity_settled_by=file.settled_by,
        registration_form_received=file.form_received,
        changes=[ChangeView.model_validate(change) for change in changes],
        decisions=[_decision(decision, shows_grounds=shows_grounds) for decision in decisions],
    )


def _fields(file: RegistrationFile, representative: Representative | None) -> dict[str, Any]:
    return {
        "registration_id": file.id,
        "applicant_id": file.applicant_id,
        "applicant_kind": file.kind,
        "state": rules.told_state(file),
        "path": file.path,
        "opened_at": file.opened_at,
        "expires_at": file.expires_at,
        "submitted_at": file.submitted_at,
        "identity_matched": file.proof is Proof.MATCHED,
        "forms_required": file.forms_required,
        "codes_pending": file.codes_pending,
        "applicant": _applicant(file.applicant),
        "representative": representative and RepresentativeView.model_validate(representative),
        "persons_in_charge": [_person(person) for person in file.persons],
        "conditions": file.acceptance and AcceptanceView.model_validate(file.acceptance),
    }


def _applicant(applicant: Applicant | None) -> ApplicantView | None:
    return None if applicant is None else ApplicantView.model_validate(applicant)


def _person(person: Person) -> PersonView:
    return PersonView(
        person_id=person.id,
        user_code_id=person.user_code_id,
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email,
        language=person.language,
        awaits_form=person.awaits_form,
    )


def _decision(decision: Decision, *, shows_grounds: bool) -> DecisionView:
    grounds = decision.grounds if shows_grounds else None
    return DecisionView(
        decision=decision.decision,
        grounds=grounds,
        decided_by=decision.decided_by,
        decided_at=decision.decided_at,
    )
