from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.auth.session import rules
from services.auth.session.rules import Attempts, Lifetime, Session, Stage
from services.auth.user_code.rules import RegistrationState
from tests.unit.auth.test_user_code_rules import ACTIVE, APPLICANT, CODE, GOOD, NOON, REGISTRATION, in_state

LATER = NOON + timedelta(hours=1)
LIFETIME = Lifetime(timedelta(minutes=30), timedelta(hours=10))
SESSION = Session(
    new_id(),
    b"",
    Stage.COMPLETE,
    CODE,
    APPLICANT,
    None,
    False,
    ("pwd",),
    None,
    LATER,
    LATER,
)
CHOSEN = replace(GOOD, code=replace(ACTIVE, password_is_one_time=False, first_used_at=NOON))


def test_a_session_ends_when_idle_and_after_its_longest_life() -> None:
    assert rules.is_alive(SESSION, lifetime=LIFETIME, at=LATER + timedelta(minutes=30))
    assert not rules.is_alive(SESSION, lifetime=LIFETIME, at=LATER + timedelta(minutes=31))
    busy = replace(SESSION, last_seen_at=LATER + timedelta(hours=10))
    assert not rules.is_alive(busy, lifetime=LIFETIME, at=LATER + timedelta(hours=10, minutes=1))
    assert not rules.is_alive(replace(SESSION, ended_at=LATER), lifetime=LIFETIME, at=LATER)


def test_a_restricted_session_lives_a_quarter_of_an_hour() -> None:
    restricted = replace(SESSION, stage=Stage.CHANGE_PASSWORD)
    assert not rules.is_alive(restricted, lifetime=LIFETIME, at=LATER + timedelta(minutes=16))


def test_a_session_older_than_a_change_of_its_registration_asks_for_a_fresh_sign_in() -> None:
    assert rules.may_act(SESSION, CHOSEN)
    changed = replace(CHOSEN, registration=replace(REGISTRATION, changed_at=LATER + timedelta(seconds=1)))
    assert not rules.may_act(SESSION, changed)
    assert not rules.may_act(
        SESSION, replace(CHOSEN, registration=in_state(RegistrationState.SUSPENDED).registration)
    )


def test_a_session_older_than_its_password_is_over() -> None:
    newer = replace(CHOSEN, code=replace(CHOSEN.code, password_set_at=LATER + timedelta(seconds=1)))
    assert not rules.may_act(SESSION, newer)


def test_recourse_serves_only_while_the_registration_bars_and_when_asked_for() -> None:
    barred = replace(CHOSEN, registration=in_state(RegistrationState.SUSPENDED).registration)
    recourse = replace(SESSION, is_recourse=True)
    assert rules.serves(recourse, barred, recourse_asked=True)
    assert not rules.serves(recourse, barred, recourse_asked=False)
    assert not rules.serves(recourse, CHOSEN, recourse_asked=True)
    assert not rules.serves(SESSION, barred, recourse_asked=True)
    assert rules.serves(SESSION, CHOSEN, recourse_asked=True)


def test_max_age_is_the_time_since_the_person_was_authenticated() -> None:
    assert rules.is_recent(SESSION, max_age=None, at=LATER + timedelta(hours=9))
    assert not rules.is_recent(SESSION, max_age=60, at=LATER + timedelta(seconds=61))


def test_attempts_are_counted_by_address_or_by_site() -> None:
    assert rules.network_of("192.0.2.7") == "192.0.2.7"
    assert rules.network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert rules.network_of("2001:db8::1") == rules.network_of("2001:db8::ffff") == "2001:db8::/64"
    assert rules.network_of("not an address") == "unknown"


@given(st.integers(min_value=1, max_value=60))
def test_each_attempt_beyond_the_free_ones_waits_longer_up_to_a_bound(number: int) -> None:
    attempts = Attempts(0, NOON, NOON)
    for _ in range(number):
        attempts = rules.count(attempts, rules.OF_CODE_AND_NETWORK, at=NOON)
    wait = rules.wait_seconds(attempts, at=NOON)
    assert (wait == 0) == (number < rules.OF_CODE_AND_NETWORK.free)
    assert wait <= rules.OF_CODE_AND_NETWORK.longest.total_seconds() + 1


def test_attempts_are_forgotten_after_an_hour() -> None:
    many = Attempts(50, NOON, NOON)
    later = NOON + rules.FORGOTTEN + timedelta(seconds=1)
    assert rules.count(many, rules.OF_CODE_AND_NETWORK, at=later).failures == 1
