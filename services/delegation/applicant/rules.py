from enum import StrEnum

from libs.common.errors import Conflict


class ApplicantState(StrEnum):
    """What registry last told; `submitted` until it told anything."""

    SUBMITTED = "submitted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


class ApplicantNotActive(Conflict):
    code = "applicant-not-active"
    en = "The registration is not active, or not yet known to be. Try again when it is."
    fr = "L'inscription n'est pas active, ou ne l'est pas encore ici. Réessayez lorsqu'elle le sera."


def require_active(state: ApplicantState | None) -> None:
    """Raises ApplicantNotActive."""
    if state is not ApplicantState.ACTIVE:
        raise ApplicantNotActive
