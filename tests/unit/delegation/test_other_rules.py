import base64
from pathlib import Path

import pytest

from services.delegation.applicant.rules import ApplicantNotActive, ApplicantState, require_active
from services.delegation.disclosure.rules import RecipientNotFound, check_recipient
from services.delegation.pairwise_key import read_key
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


def test_a_pairwise_key_is_32_bytes_of_base64(tmp_path: Path) -> None:
    place = tmp_path / "pairwise.key"
    place.write_text(base64.b64encode(b"k" * 32).decode() + "\n")
    assert read_key(place) == b"k" * 32
    for wrong in (base64.b64encode(b"k" * 31).decode(), "not base64!", ""):
        place.write_text(wrong)
        with pytest.raises(ValueError, match=r"pairwise|base64|pad"):
            read_key(place)
