"""When somebody may act for another applicant."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.delegation.applicant.rules import ApplicantState


@dataclass(frozen=True, slots=True)
class PowerOfAttorney:
    """`ends_on` None: until it is revoked. Dates are civil dates in America/Toronto, both included."""

    id: UUID
    granting_applicant_id: UUID
    granting_name: str
    granting_number: str | None
    starts_on: date
    ends_on: date | None
    accepted_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A power and the states of who gave it and of whose code would use it; None: nothing is known of them."""

    power: PowerOfAttorney
    granting: ApplicantState | None
    representing: ApplicantState | None


def is_in_force(power: PowerOfAttorney, *, on: date) -> bool:
    """Accepted, not revoked, and within its dates."""
    if power.accepted_at is None or power.revoked_at is not None:
        return False
    return power.starts_on <= on and (power.ends_on is None or on <= power.ends_on)


def may_represent(candidate: Candidate, *, on: date) -> bool:
    """Neither side may be suspended or cancelled."""
    both = {candidate.granting, candidate.representing}
    return is_in_force(candidate.power, on=on) and both == {ApplicantState.ACTIVE}
