"""Events of registry, topic `registry.events`, keyed `applicant:<id>` unless said otherwise."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.contracts.envelope import Event

Language = Literal["fr", "en"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Translated(Part):
    """One text in both languages."""

    fr: str
    en: str


class ClearedPerson(Part):
    """A person in charge whose own designation is settled, and the code assigned for them."""

    person_id: UUID
    user_code_id: UUID


class RegistrationSubmitted(Event):
    """A representative submitted a file. Nobody reacts yet; no name, no identity-proof value."""

    type: ClassVar[str] = "clicsequr.registration-submitted.v1"
    applicant_id: UUID
    applicant_kind: str
    path: Literal["direct", "validation", "paper"]


class PersonInChargeDesignated(Event):
    """Named at submission. auth keeps the pending code, the name and the address; delegation keeps the person;
    never a password.
    """

    type: ClassVar[str] = "clicsequr.person-in-charge-designated.v1"
    applicant_id: UUID
    person_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: Language
    email: str
    awaits_form: bool


class RegistrationActivated(Event):
    """The file became active. auth and delegation activate the cleared persons, and only those."""

    type: ClassVar[str] = "clicsequr.registration-activated.v1"
    applicant_id: UUID
    applicant_kind: str
    cleared: list[ClearedPerson]


class DocumentsReceived(Event):
    """Signed paper came in. Never what it says."""

    type: ClassVar[str] = "clicsequr.documents-received.v1"
    applicant_id: UUID
    document_id: UUID
    document_kind: Literal["registration-form", "designation-form"]


class DesignationFormAccepted(Event):
    """A designation form of an active registration was accepted. auth and delegation activate the cleared."""

    type: ClassVar[str] = "clicsequr.designation-form-accepted.v1"
    applicant_id: UUID
    cleared: list[ClearedPerson]


class RegistrationValidated(Event):
    """An agent settled the applicant's identity. Never why it had to be."""

    type: ClassVar[str] = "clicsequr.registration-validated.v1"
    applicant_id: UUID


class RegistrationRejected(Event):
    """An agent refused the file. auth and delegation drop what they keep for it. Never the grounds."""

    type: ClassVar[str] = "clicsequr.registration-rejected.v1"
    applicant_id: UUID


class HoldPlaced(Event):
    """A hold on a registration; internal: no department hears of it. Never the grounds."""

    type: ClassVar[str] = "clicsequr.hold-placed.v1"
    applicant_id: UUID
    hold_id: UUID
    side: Literal["applicant", "provider", "department", "system"]


class HoldReleased(Event):
    """A hold on a registration was released by its own side; internal."""

    type: ClassVar[str] = "clicsequr.hold-released.v1"
    applicant_id: UUID
    hold_id: UUID


class AccessSuspended(Event):
    """The registration's derived state became suspended. Every service refuses its tokens. Never the grounds."""

    type: ClassVar[str] = "clicsequr.access-suspended.v1"
    applicant_id: UUID


class AccessReactivated(Event):
    """The last hold on a registration fell. Older tokens stay dead; sign-in works again."""

    type: ClassVar[str] = "clicsequr.access-reactivated.v1"
    applicant_id: UUID


class RegistrationCancelled(Event):
    """Every service refuses the applicant's tokens but those of recourse; codes stay dormant."""

    type: ClassVar[str] = "clicsequr.registration-cancelled.v1"
    applicant_id: UUID
    cancelled_by: Literal["applicant", "person_in_charge", "provider"]


class ReactivationRequested(Event):
    """A person in charge asked for the registration back; the provider decides."""

    type: ClassVar[str] = "clicsequr.reactivation-requested.v1"
    applicant_id: UUID
    request_id: UUID


class ReactivationRefused(Event):
    """The provider refused; the registration stays cancelled. Never the grounds."""

    type: ClassVar[str] = "clicsequr.reactivation-refused.v1"
    applicant_id: UUID
    request_id: UUID


class RegistrationReactivated(Event):
    """Active again. auth asks each person whose password is older than this event for a new one."""

    type: ClassVar[str] = "clicsequr.registration-reactivated.v1"
    applicant_id: UUID


class EnrolmentActivated(Event):
    """The applicant is enrolled with an online service; delegation and mailbox answer for it from now on."""

    type: ClassVar[str] = "clicsequr.enrolment-activated.v1"
    applicant_id: UUID
    enrolment_id: UUID
    department: str
    online_service: str


class DepartmentRegistered(Event):
    """Keyed `department:<code>`. delegation knows it from now on."""

    type: ClassVar[str] = "clicsequr.department-registered.v1"
    code: str
    name: Translated


class PublishedTask(Part):
    code: str
    name: Translated


class OnlineServicePublished(Event):
    """Keyed `department:<code>`. Replaces what was published before under the same code."""

    type: ClassVar[str] = "clicsequr.online-service-published.v1"
    department: str
    code: str
    name: Translated
    tasks: list[PublishedTask]


class ConditionsPosted(Event):
    """Keyed `provider` or `department:<code>`. auth shows the new version at the next sign-in. Never the text."""

    type: ClassVar[str] = "clicsequr.conditions-posted.v1"
    owner: str
    version: str
    posted_at: datetime
    url: Translated
