import pytest

from libs.common.errors import AccessSuspended
from services.registry.enrolment.rules import AlreadyEnrolled, require_may_enrol


def test_an_active_registration_may_enrol_once() -> None:
    require_may_enrol(is_active=True, is_enrolled=False, online_service="mon-espace")
    with pytest.raises(AlreadyEnrolled, match="already-enrolled"):
        require_may_enrol(is_active=True, is_enrolled=True, online_service="mon-espace")


@pytest.mark.parametrize("is_enrolled", [True, False])
def test_a_suspended_or_cancelled_registration_does_not_enrol(*, is_enrolled: bool) -> None:
    with pytest.raises(AccessSuspended):
        require_may_enrol(is_active=False, is_enrolled=is_enrolled, online_service="mon-espace")
