from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.auth.signing_key.rules import (
    Family,
    Schedule,
    SealedKey,
    choose,
    due_families,
    next_signs_from,
    of_family,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEDULE = Schedule(every=timedelta(days=90), notice=timedelta(days=1), kept=timedelta(days=1))


def key(signs_from: datetime, *, kid: str = "k") -> SealedKey:
    return SealedKey(kid, {}, b"", "s", signs_from, signs_from, None)


def test_the_first_key_signs_at_once() -> None:
    assert next_signs_from([], at=NOON, schedule=SCHEDULE) == NOON


def test_the_next_key_is_published_as_long_before_it_signs_as_verifiers_were_promised() -> None:
    due = NOON + SCHEDULE.every
    before = due - SCHEDULE.notice - timedelta(seconds=1)
    assert next_signs_from([key(NOON)], at=before, schedule=SCHEDULE) is None
    assert next_signs_from([key(NOON)], at=due - SCHEDULE.notice, schedule=SCHEDULE) == due


def test_a_suite_that_slept_past_the_day_still_gives_its_notice() -> None:
    late = NOON + timedelta(days=200)
    assert next_signs_from([key(NOON)], at=late, schedule=SCHEDULE) == late + SCHEDULE.notice


def test_while_a_key_waits_to_sign_no_other_is_made() -> None:
    waiting = key(NOON + SCHEDULE.every)
    assert next_signs_from([key(NOON), waiting], at=NOON + SCHEDULE.every, schedule=SCHEDULE) is None


@given(st.lists(st.integers(min_value=60, max_value=40 * 24 * 3600), min_size=1, max_size=60))
def test_there_is_always_a_key_that_signs_and_that_was_announced(pauses: list[int]) -> None:
    keys: list[SealedKey] = []
    at = NOON
    for number, pause in enumerate(pauses):
        signs_from = next_signs_from(keys, at=at, schedule=SCHEDULE)
        if signs_from is not None:
            ends = signs_from + SCHEDULE.kept
            keys = [replace(one, retired_at=one.retired_at or ends) for one in keys]
            keys.append(replace(key(signs_from, kid=str(number)), published_at=at))
        signing = choose(keys, at=at)
        assert signing is not None
        assert signing is keys[0] or at - signing.published_at >= SCHEDULE.notice
        at += timedelta(seconds=pause)


def test_rsa_begins_with_the_first_that_needs_it_and_goes_on_without() -> None:
    ec = key(NOON)
    assert due_families([ec], at=NOON, schedule=SCHEDULE, needs_rsa=False) == []
    assert due_families([ec], at=NOON, schedule=SCHEDULE, needs_rsa=True) == [Family.RSA]
    rsa = replace(key(NOON), family=Family.RSA)
    later = NOON + SCHEDULE.every
    assert due_families([ec, rsa], at=later, schedule=SCHEDULE, needs_rsa=False) == [Family.EC, Family.RSA]


@given(
    st.lists(
        st.tuples(st.integers(min_value=60, max_value=40 * 24 * 3600), st.booleans()), min_size=1, max_size=50
    )
)
def test_each_family_always_has_an_announced_key_from_its_first_one_on(steps: list[tuple[int, bool]]) -> None:
    keys: list[SealedKey] = []
    at = NOON
    first: dict[Family, str] = {}
    for number, (pause, needs_rsa) in enumerate(steps):
        for family in due_families(keys, at=at, schedule=SCHEDULE, needs_rsa=needs_rsa):
            signs_from = next_signs_from(of_family(keys, family), at=at, schedule=SCHEDULE)
            assert signs_from is not None
            ends = signs_from + SCHEDULE.kept
            keys = [
                replace(one, retired_at=one.retired_at or ends) if one.family is family else one for one in keys
            ]
            new = replace(key(signs_from, kid=f"{family}{number}"), published_at=at, family=family)
            keys.append(new)
            first.setdefault(family, new.kid)
        assert Family.EC in first
        for family, kid in first.items():
            signing = choose(of_family(keys, family), at=at)
            assert signing is not None
            assert signing.family is family
            assert signing.kid == kid or at - signing.published_at >= SCHEDULE.notice
        at += timedelta(seconds=pause)
