from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.errors import AccessSuspended, Conflict


@dataclass(frozen=True, slots=True)
class Enrolment:
    """It stays as it is while the registration is suspended or cancelled, and counts only while that is active."""

    id: UUID
    applicant_id: UUID
    department: str
    online_service: str
    activated_at: datetime


class AlreadyEnrolled(Conflict):
    code = "already-enrolled"
    en = "The applicant is already enrolled with {online_service}."
    fr = "Le demandeur est déjà inscrit à {online_service}."


def require_may_enrol(*, is_active: bool, is_enrolled: bool, online_service: str) -> None:
    """Clause 11. Raises AccessSuspended unless the registration is active, AlreadyEnrolled."""
    if not is_active:
        raise AccessSuspended
    if is_enrolled:
        raise AlreadyEnrolled(online_service=online_service)
