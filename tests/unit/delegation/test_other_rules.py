import pytest

from libs.common.errors import ApplicantNotActive
from services.delegation.applicant.rules import ApplicantState, require_active
from services.delegation.disclosure.rules import RecipientNotFound, check_recipient
from services.delegation.user.rules import TooManyUsers, require_room


def test_only_an_active_registration_adds_users() -> None:
    require_active(ApplicantState.ACTIVE)
    for state in (None, *(state for state in ApplicantState if state is not ApplicantState.ACTIVE)):
        with pytest.raises(ApplicantNotActive):
            require_active(state)


def test_disclosure_goes_to_the_provider_or_a_department_enrolled_with() -> None:
    check_recipient("provider", [])
    check_recipient("cnesst", ["cnesst"])
    with pytest.raises(RecipientNotFound):
        check_recipient("cnesst", ["revenu-quebec"])


def test_the_number_of_users_of_an_applicant_is_bounded() -> None:
    require_room(1, limit=2)
    with pytest.raises(TooManyUsers):
        require_room(2, limit=2)
