from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import civil_date
from services.delegation.access.rules import PERMISSIONS, Facts, Reason, RightDates, Role, decide
from services.delegation.applicant.rules import ApplicantState

TODAY = date(2026, 3, 10)
DAY = timedelta(days=1)
USER = Facts(
    is_own_service=True,
    is_enrolled_with_department=True,
    is_enrolled_with_service=True,
    applicant_state=ApplicantState.ACTIVE,
    role=Role.USER,
    is_held=False,
    right=RightDates(None, None),
)
PERSON = replace(USER, role=Role.PERSON_IN_CHARGE, right=None)
DATES = st.none() | st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 1, 1))
RIGHTS = st.none() | st.builds(RightDates, DATES, DATES)
FACTS = st.builds(
    Facts,
    is_own_service=st.booleans(),
    is_enrolled_with_department=st.booleans(),
    is_enrolled_with_service=st.booleans(),
    applicant_state=st.none() | st.sampled_from(ApplicantState),
    role=st.none() | st.sampled_from(Role),
    is_held=st.booleans(),
    right=RIGHTS,
)


@given(facts=FACTS, on=st.dates(), right=RIGHTS)
def test_a_person_in_charge_of_an_active_enrolled_applicant_is_never_denied(
    facts: Facts, on: date, right: RightDates | None
) -> None:
    """Clause 11: whatever the task, the day, or the rights somebody wrote down."""
    entitled = replace(PERSON, right=right)
    assert decide(entitled, on=on) is Reason.PERMITTED_PERSON_IN_CHARGE
    assert decide(replace(entitled, right=facts.right), on=on) in PERMISSIONS


@given(facts=FACTS, on=st.dates())
def test_nobody_unlisted_is_ever_permitted(facts: Facts, on: date) -> None:
    if decide(facts, on=on) not in PERMISSIONS:
        return
    assert facts.is_own_service
    assert facts.is_enrolled_with_service
    assert facts.applicant_state is ApplicantState.ACTIVE
    assert not facts.is_held
    right = facts.right
    assert facts.role is Role.PERSON_IN_CHARGE or (
        facts.role is Role.USER
        and right is not None
        and (right.starts_on is None or right.starts_on <= on)
        and (right.ends_on is None or on <= right.ends_on)
    )


@given(facts=FACTS, on=st.dates())
def test_what_a_department_may_not_hear_of_always_looks_the_same(facts: Facts, on: date) -> None:
    for hidden in (
        replace(facts, is_own_service=False),
        replace(facts, is_enrolled_with_department=False),
        replace(facts, role=None),
    ):
        assert decide(hidden, on=on) is Reason.NOT_KNOWN


@pytest.mark.parametrize(
    ("state", "enrolled", "held", "role"),
    list(product([*ApplicantState, None], [True, False], [True, False], [*Role, None])),
)
def test_every_combination_of_bars_has_its_one_reason(
    state: ApplicantState | None, *, enrolled: bool, held: bool, role: Role | None
) -> None:
    facts = replace(USER, applicant_state=state, is_enrolled_with_service=enrolled, is_held=held, role=role)
    told = {
        ApplicantState.CANCELLED: Reason.REGISTRATION_CANCELLED,
        ApplicantState.SUSPENDED: Reason.ACCESS_SUSPENDED,
    }
    if role is None or state in {None, ApplicantState.SUBMITTED, ApplicantState.REJECTED}:
        expected = Reason.NOT_KNOWN
    elif state in told:
        expected = told[state]
    elif not enrolled:
        expected = Reason.NOT_ENROLLED
    elif held:
        expected = Reason.PERSON_SUSPENDED
    else:
        expected = {
            Role.PERSON_IN_CHARGE: Reason.PERMITTED_PERSON_IN_CHARGE,
            Role.USER: Reason.PERMITTED_RIGHT,
        }[role]
    assert decide(facts, on=TODAY) is expected


@pytest.mark.parametrize(
    ("right", "reason"),
    [
        (None, Reason.MISSING_RIGHT),
        (RightDates(None, None), Reason.PERMITTED_RIGHT),
        (RightDates(TODAY, None), Reason.PERMITTED_RIGHT),
        (RightDates(TODAY + DAY, None), Reason.RIGHT_NOT_STARTED),
        (RightDates(None, TODAY), Reason.PERMITTED_RIGHT),
        (RightDates(None, TODAY - DAY), Reason.RIGHT_ENDED),
        (RightDates(TODAY, TODAY), Reason.PERMITTED_RIGHT),
        (RightDates(TODAY - DAY, TODAY - DAY), Reason.RIGHT_ENDED),
        (RightDates(TODAY + DAY, TODAY + DAY), Reason.RIGHT_NOT_STARTED),
    ],
)
def test_a_right_counts_from_its_first_to_its_last_day_included(right: RightDates | None, reason: Reason) -> None:
    assert decide(replace(USER, right=right), on=TODAY) is reason


def test_the_day_is_that_of_montreal_not_of_greenwich() -> None:
    last_minutes = datetime(2026, 3, 11, 3, 59, tzinfo=UTC)
    ends_today = replace(USER, right=RightDates(None, TODAY))
    assert decide(ends_today, on=civil_date(last_minutes)) is Reason.PERMITTED_RIGHT
    assert decide(ends_today, on=civil_date(last_minutes + timedelta(minutes=1))) is Reason.RIGHT_ENDED
