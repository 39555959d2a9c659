from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from libs.common.clock import civil_date
from libs.common.ids import new_id
from services.delegation.applicant.rules import ApplicantState
from services.delegation.power_of_attorney.rules import Candidate, PowerOfAttorney, is_in_force, may_represent

START, END = date(2026, 3, 2), date(2026, 3, 31)
AT = datetime(2026, 3, 1, 15, tzinfo=UTC)
POWER = PowerOfAttorney(new_id(), new_id(), "Boulangerie", None, START, END, AT, None)


@pytest.mark.parametrize(
    ("on", "is_good"),
    [
        (START - timedelta(days=1), False),
        (START, True),
        (END, True),
        (END + timedelta(days=1), False),
    ],
)
def test_a_power_is_in_force_from_its_first_day_to_its_last(on: date, *, is_good: bool) -> None:
    assert is_in_force(POWER, on=on) is is_good


def test_the_last_day_ends_at_midnight_in_toronto() -> None:
    assert is_in_force(POWER, on=civil_date(datetime(2026, 4, 1, 3, 59, tzinfo=UTC)))
    assert not is_in_force(POWER, on=civil_date(datetime(2026, 4, 1, 4, 1, tzinfo=UTC)))


def test_a_power_without_an_end_lasts_until_it_is_revoked() -> None:
    endless = replace(POWER, ends_on=None)
    assert is_in_force(endless, on=date(2099, 1, 1))
    assert not is_in_force(replace(endless, revoked_at=AT), on=START)


def test_a_power_that_was_not_accepted_is_none() -> None:
    assert not is_in_force(replace(POWER, accepted_at=None), on=START)


@pytest.mark.parametrize(("granting", "representing"), list(product([*ApplicantState, None], repeat=2)))
def test_both_sides_must_be_active(granting: ApplicantState | None, representing: ApplicantState | None) -> None:
    both_active = granting is ApplicantState.ACTIVE and representing is ApplicantState.ACTIVE
    assert may_represent(Candidate(POWER, granting, representing), on=START) is both_active
