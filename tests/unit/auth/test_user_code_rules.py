from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.user_code import rules
from services.auth.user_code.rules import (
    CodeState,
    Facts,
    Person,
    Registration,
    RegistrationState,
    Role,
    UserCode,
    Verdict,
)

NOON = datetime(2026, 5, 4, 16, tzinfo=UTC)
APPLICANT, OTHER, CODE = UUID(int=1), UUID(int=2), UUID(int=3)
PENDING = UserCode(
    CODE, APPLICANT, "registry", "AB3CDEF4GH", "fr", CodeState.PENDING, NOON, None, "hash", "key", NOON, True, None
)
ACTIVE = replace(PENDING, state=CodeState.ACTIVE, activated_at=NOON)
PERSON = Person(CODE, APPLICANT, Role.PERSON_IN_CHARGE, NOON, NOON)
REGISTRATION = Registration(APPLICANT, RegistrationState.ACTIVE, NOON, NOON, None)
GOOD = Facts(ACTIVE, PERSON, REGISTRATION)


def judge(facts: Facts, *, matches: bool = True, recourse: bool = False, at: datetime = NOON) -> Verdict:
    return rules.judge_sign_in(facts, password_matches=matches, recourse=recourse, one_time_days=30, at=at)


def in_state(state: RegistrationState) -> Facts:
    return replace(GOOD, registration=replace(REGISTRATION, state=state))


def test_a_code_is_active_only_once_its_service_named_it_for_the_same_applicant_and_the_file_lets_it() -> None:
    assert rules.may_activate(PENDING, PERSON, REGISTRATION)
    assert not rules.may_activate(PENDING, None, REGISTRATION)
    assert not rules.may_activate(PENDING, PERSON, None)
    assert not rules.may_activate(PENDING, replace(PERSON, cleared_at=None), REGISTRATION)
    assert not rules.may_activate(PENDING, replace(PERSON, applicant_id=OTHER), REGISTRATION)
    assert not rules.may_activate(replace(PENDING, assigned_by="delegation"), PERSON, REGISTRATION)
    assert not rules.may_activate(PENDING, PERSON, replace(REGISTRATION, activated_at=None))
    assert not rules.may_activate(ACTIVE, PERSON, REGISTRATION)


def test_a_users_code_needs_no_clearance_of_its_own() -> None:
    code = replace(PENDING, assigned_by="delegation")
    assert rules.may_activate(code, replace(PERSON, role=Role.USER, cleared_at=None), REGISTRATION)


def test_a_wrong_password_never_learns_the_state_of_the_registration() -> None:
    for state in RegistrationState:
        assert judge(in_state(state), matches=False, recourse=True) is Verdict.WRONG_PASSWORD


def test_the_right_password_learns_the_state_of_the_registration() -> None:
    assert judge(in_state(RegistrationState.SUSPENDED)) is Verdict.REGISTRATION_SUSPENDED
    assert judge(in_state(RegistrationState.CANCELLED)) is Verdict.REGISTRATION_CANCELLED


@pytest.mark.parametrize("state", [RegistrationState.SUSPENDED, RegistrationState.CANCELLED])
def test_recourse_is_for_those_barred_only_by_the_state_of_the_registration(state: RegistrationState) -> None:
    barred = in_state(state)
    assert judge(barred, recourse=True) is Verdict.RECOURSE
    assert judge(replace(barred, person=replace(PERSON, is_held=True)), recourse=True) is Verdict.PERSON_HELD
    assert judge(replace(barred, code=PENDING), recourse=True) is Verdict.CODE_PENDING
    revoked = replace(ACTIVE, state=CodeState.REVOKED)
    assert judge(replace(barred, code=revoked), recourse=True) is Verdict.CODE_REVOKED


def test_recourse_of_an_active_registration_is_an_ordinary_session() -> None:
    assert judge(GOOD, recourse=True) is Verdict.ADMITTED


def test_a_one_time_password_expires_counted_from_activation() -> None:
    late = replace(ACTIVE, activated_at=NOON + timedelta(days=90))
    assert judge(replace(GOOD, code=late), at=NOON + timedelta(days=119)) is Verdict.ADMITTED
    assert judge(replace(GOOD, code=late), at=NOON + timedelta(days=121)) is Verdict.ONE_TIME_PASSWORD_EXPIRED


def test_a_one_time_password_issued_after_activation_lives_as_long() -> None:
    reissued = replace(ACTIVE, password_set_at=NOON + timedelta(days=90))
    assert judge(replace(GOOD, code=reissued), at=NOON + timedelta(days=119)) is Verdict.ADMITTED


def test_a_chosen_password_does_not_expire_with_the_one_time_password() -> None:
    used = replace(ACTIVE, password_is_one_time=False, first_used_at=NOON)
    assert judge(replace(GOOD, code=used), at=NOON + timedelta(days=300)) is Verdict.ADMITTED


@given(
    code=st.sampled_from(CodeState),
    role=st.sampled_from([None, *Role]),
    held=st.booleans(),
    state=st.sampled_from([None, *RegistrationState]),
    recourse=st.booleans(),
    matches=st.booleans(),
)
def test_nobody_is_admitted_but_by_an_active_unheld_code_of_an_active_registration(  # noqa: PLR0913 - what is drawn
    code: CodeState,
    role: Role | None,
    state: RegistrationState | None,
    *,
    held: bool,
    recourse: bool,
    matches: bool,
) -> None:
    facts = Facts(
        replace(ACTIVE, state=code),
        replace(PERSON, role=role, is_held=held),
        None if state is None else replace(REGISTRATION, state=state),
    )
    verdict = judge(facts, matches=matches, recourse=recourse)
    is_good = matches and code is CodeState.ACTIVE and role is not None and not held
    assert (verdict is Verdict.ADMITTED) == (is_good and state is RegistrationState.ACTIVE)
    is_barred = state in {RegistrationState.SUSPENDED, RegistrationState.CANCELLED}
    assert (verdict is Verdict.RECOURSE) == (is_good and is_barred and recourse)


def test_codes_and_one_time_passwords_have_no_letters_that_look_alike() -> None:
    for text in (rules.new_code(), rules.new_one_time_password()):
        assert not set(text) & set("01OIL")
    assert len(rules.new_one_time_password().replace("-", "")) == 24


@given(st.text(alphabet=rules.ALPHABET, min_size=10, max_size=10))
def test_a_code_is_read_with_or_without_dash_space_and_capitals(code: str) -> None:
    assert rules.normalise_code(rules.display(code)) == code
    assert rules.normalise_code(f" {rules.display(code).lower()} ") == code
