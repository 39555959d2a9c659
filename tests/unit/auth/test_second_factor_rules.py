from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import new_id
from services.auth.second_factor import rules
from services.auth.second_factor.rules import EmailedCode, FactorKind, Owner, SecondFactor

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENT = EmailedCode(new_id(), new_id(), b"", NOON, NOON + timedelta(minutes=10), 0, 1)


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("123456", FactorKind.TOTP),
        ("123 456", FactorKind.TOTP),
        ("1234 5678", FactorKind.EMAIL),
        ("ab3c de4f gh5j km6n", FactorKind.RECOVERY_CODE),
        ("", FactorKind.RECOVERY_CODE),
        ("١٢٣٤٥٦", FactorKind.RECOVERY_CODE),
    ],
)
def test_what_was_typed_tells_which_factor_it_is_of(typed: str, kind: FactorKind) -> None:
    assert rules.kind_of_typed(typed) is kind


def test_a_recovery_code_is_read_however_it_is_written_and_is_never_taken_for_another_factor() -> None:
    made = {rules.new_recovery_code() for _ in range(200)}
    assert len(made) == 200
    for code in made:
        plain = code.replace("-", "")
        assert rules.normalise_recovery_code(code.lower().replace("-", " ")) == plain
        assert len(plain) == 16
        assert plain.isdigit() or rules.kind_of_typed(code) is FactorKind.RECOVERY_CODE


def test_a_mailed_code_has_eight_digits_also_when_it_begins_with_zeros() -> None:
    assert all(len(code) == 8 and code.isdigit() for code in (rules.new_emailed_code() for _ in range(200)))


@given(st.integers(0, 10), st.integers(-600, 1200))
def test_a_mailed_code_serves_ten_minutes_and_three_tries(tries: int, seconds: int) -> None:
    at = NOON + timedelta(seconds=seconds)
    assert rules.is_usable(replace(SENT, tries=tries), at=at) == (tries < 3 and seconds <= 600)


def test_mails_are_sent_half_a_minute_apart_three_per_sign_in_and_ten_per_hour() -> None:
    later = NOON + timedelta(seconds=30)
    rules.require_may_send(None, sent_to_owner=9, at=NOON)
    rules.require_may_send(replace(SENT, sendings=2), sent_to_owner=0, at=later)
    for last, sent, at in ((SENT, 0, NOON), (replace(SENT, sendings=3), 0, later), (None, 10, NOON)):
        with pytest.raises(rules.TooManyMails):
            rules.require_may_send(last, sent_to_owner=sent, at=at)


def test_factors_are_changed_minutes_after_signing_in_and_by_a_strong_one_where_one_is_bound() -> None:
    fresh, stale = NOON + timedelta(minutes=10), NOON + timedelta(minutes=11)
    for strongly, bound, at, may in (
        (False, [], fresh, True),
        (False, [FactorKind.EMAIL], fresh, True),
        (False, [FactorKind.TOTP], fresh, False),
        (True, [FactorKind.TOTP], fresh, True),
        (True, [FactorKind.TOTP], stale, False),
        (False, [], stale, False),
    ):
        assert rules.may_change(proved_strongly=strongly, bound=bound, authenticated_at=NOON, at=at) is may


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_counter_must_grow_unless_the_passkey_has_none(known: int, told: int) -> None:
    factor = SecondFactor(new_id(), Owner(new_id(), new_id()), FactorKind.PASSKEY, "key", NOON, sign_count=known)
    assert rules.is_cloned(factor, sign_count=told) == (told <= known and not known == told == 0)
