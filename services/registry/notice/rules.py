"""What a department is told: its own enrolled applicants, by the identifiers that its entry lists (clause 28)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.contracts.notices import (
    AccessReactivatedNotice,
    AccessSuspendedNotice,
    EnrolmentActivatedNotice,
    Notice,
    PersonReactivatedNotice,
    PersonSuspendedNotice,
    RegistrationCancelledNotice,
    RegistrationReactivatedNotice,
)
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    EnrolmentActivated,
    RegistrationCancelled,
    RegistrationReactivated,
)

Told = AccessSuspended | AccessReactivated | RegistrationCancelled | RegistrationReactivated | EnrolmentActivated


@dataclass(frozen=True, slots=True)
class Hearer:
    """A department with which the applicant is enrolled, and the identifiers it may read."""

    department: str
    identifiers: dict[str, str]


def identifiers_for(listed: Sequence[str], known: Mapping[str, str]) -> dict[str, str]:
    return {name: known[name] for name in listed if name in known}


def hears(hearer: Hearer, event: Told) -> bool:
    """An enrolment concerns the department of its service alone."""
    return not isinstance(event, EnrolmentActivated) or event.department == hearer.department


def notice_of(event: Told, *, identifiers: dict[str, str]) -> Notice:
    applicant_id = event.applicant_id
    match event:
        case AccessSuspended():
            return AccessSuspendedNotice(applicant_id=applicant_id, identifiers=identifiers)
        case AccessReactivated():
            return AccessReactivatedNotice(applicant_id=applicant_id, identifiers=identifiers)
        case RegistrationCancelled(cancelled_by=cancelled_by):
            return RegistrationCancelledNotice(
                applicant_id=applicant_id, identifiers=identifiers, cancelled_by=cancelled_by
            )
        case RegistrationReactivated():
            return RegistrationReactivatedNotice(applicant_id=applicant_id, identifiers=identifiers)
        case EnrolmentActivated(online_service=online_service):
            return EnrolmentActivatedNotice(
                applicant_id=applicant_id, identifiers=identifiers, online_service=online_service
            )


def person_notice(hearer: Hearer, *, applicant_id: UUID, person: str, is_suspended: bool) -> Notice:
    notice = PersonSuspendedNotice if is_suspended else PersonReactivatedNotice
    return notice(applicant_id=applicant_id, identifiers=hearer.identifiers, person=person)
