"""Notices to one department, topic `departments.<code>.notices`: only about applicants enrolled with it.

They name the applicant by id and by the identifiers that the department's catalogue entry lists, persons by
their pairwise id for that department. Never grounds, another department's hold, or who acted. The clause
that allows each type is in docs/notices-basis.md.
"""

from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.envelope import Event


class Notice(Event):
    applicant_id: UUID
    identifiers: dict[str, str]


class AccessSuspendedNotice(Notice):
    """The applicant's access was suspended, at its own request or the provider's (clause 28)."""

    type: ClassVar[str] = "clicsequr.access-suspended.v1"


class AccessReactivatedNotice(Notice):
    """The applicant's access is back; undoes AccessSuspendedNotice."""

    type: ClassVar[str] = "clicsequr.access-reactivated.v1"


class RegistrationCancelledNotice(Notice):
    """The registration was cancelled; enrolments stand still until it is reactivated."""

    type: ClassVar[str] = "clicsequr.registration-cancelled.v1"
    cancelled_by: Literal["applicant", "person_in_charge", "provider"]


class RegistrationReactivatedNotice(Notice):
    """The registration is active again; undoes RegistrationCancelledNotice."""

    type: ClassVar[str] = "clicsequr.registration-reactivated.v1"


class EnrolmentActivatedNotice(Notice):
    """The applicant is enrolled with one of the department's own services."""

    type: ClassVar[str] = "clicsequr.enrolment-activated.v1"
    online_service: str


class PersonSuspendedNotice(Notice):
    """A person who holds a right on the department's services is suspended."""

    type: ClassVar[str] = "clicsequr.person-suspended.v1"
    person: str


class PersonReactivatedNotice(Notice):
    """Undoes PersonSuspendedNotice."""

    type: ClassVar[str] = "clicsequr.person-reactivated.v1"
    person: str
