"""May this person do this task for this applicant today. Answered from rows at the time of asking, no sweep."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.delegation.applicant.rules import ApplicantState


class Reason(StrEnum):
    """Stable: departments branch on them."""

    PERMITTED_PERSON_IN_CHARGE = "permitted-person-in-charge"
    PERMITTED_RIGHT = "permitted-right"
    MISSING_RIGHT = "missing-right"
    RIGHT_NOT_STARTED = "right-not-started"
    RIGHT_ENDED = "right-ended"
    ACCESS_SUSPENDED = "access-suspended"
    REGISTRATION_CANCELLED = "registration-cancelled"
    PERSON_SUSPENDED = "person-suspended"
    NOT_ENROLLED = "not-enrolled"
    NOT_KNOWN = "not-known"


PERMISSIONS = frozenset({Reason.PERMITTED_PERSON_IN_CHARGE, Reason.PERMITTED_RIGHT})
GRANTED_BY_PERSON_IN_CHARGE = frozenset({Reason.MISSING_RIGHT, Reason.RIGHT_NOT_STARTED, Reason.RIGHT_ENDED})


class Role(StrEnum):
    PERSON_IN_CHARGE = "person_in_charge"
    USER = "user"


@dataclass(frozen=True, slots=True)
class RightDates:
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Facts:
    """`role` is None for a subject who is nobody to this department and applicant, or has no active code.

    `right` is the subject's right to the very task asked about.
    """

    is_own_service: bool
    is_enrolled_with_department: bool
    is_enrolled_with_service: bool
    applicant_state: ApplicantState | None
    role: Role | None
    is_held: bool
    right: RightDates | None


def decide(facts: Facts, *, on: date) -> Reason:
    """`on` is the civil date in America/Toronto. A person in charge needs no right, for any task (clause 11)."""
    if not _is_known(facts):
        return Reason.NOT_KNOWN
    bar = _bar(facts)
    if bar is not None:
        return bar
    if facts.role is Role.PERSON_IN_CHARGE:
        return Reason.PERMITTED_PERSON_IN_CHARGE
    return _by_right(facts.right, on=on)


def _is_known(facts: Facts) -> bool:
    """What a department may hear of at all; everything else looks the same to it."""
    was_ever_active = facts.applicant_state in {
        ApplicantState.ACTIVE,
        ApplicantState.SUSPENDED,
        ApplicantState.CANCELLED,
    }
    return (
        facts.is_own_service and facts.is_enrolled_with_department and was_ever_active and facts.role is not None
    )


def _bar(facts: Facts) -> Reason | None:
    """What stands in the way of anybody, whatever their rights."""
    if facts.applicant_state is ApplicantState.CANCELLED:
        return Reason.REGISTRATION_CANCELLED
    if facts.applicant_state is ApplicantState.SUSPENDED:
        return Reason.ACCESS_SUSPENDED
    if not facts.is_enrolled_with_service:
        return Reason.NOT_ENROLLED
    return Reason.PERSON_SUSPENDED if facts.is_held else None


def _by_right(right: RightDates | None, *, on: date) -> Reason:
    if right is None:
        return Reason.MISSING_RIGHT
    if right.starts_on is not None and on < right.starts_on:
        return Reason.RIGHT_NOT_STARTED
    if right.ends_on is not None and on > right.ends_on:
        return Reason.RIGHT_ENDED
    return Reason.PERMITTED_RIGHT
