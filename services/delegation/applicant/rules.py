from enum import StrEnum

from libs.common.errors import ApplicantNotActive


class ApplicantState(StrEnum):
    """What registry last told; `submitted` until it told anything."""

    SUBMITTED = "submitted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


def require_active(state: ApplicantState | None) -> None:
    """Raises ApplicantNotActive."""
    if state is not ApplicantState.ACTIVE:
        raise ApplicantNotActive
