from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import DomainError, RoleNotAdmitted
from libs.common.holds import Hold, HoldAlreadyReleased, HoldOfAnotherSide, Side, UnknownHold
from libs.common.standing_events import STATE_OF_APPLICANT
from services.registry.applicant import rules
from services.registry.applicant.rules import (
    Applicant,
    CancelledBy,
    Decision,
    ReactivationAlreadyRequested,
    ReactivationRequest,
    ReactivationRequestNotOpen,
    RegistrationAlreadyCancelled,
    RegistrationNotCancelled,
    State,
    StateEvent,
)

START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
LATER = START + timedelta(hours=1)
SIDES = st.sampled_from(Side)
ACTING_SIDES = st.sampled_from([Side.APPLICANT, Side.PROVIDER, Side.DEPARTMENT])

# A step names a rule and what it is called with; places in lists are taken modulo their length.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), SIDES),
        st.tuples(st.just("release"), st.integers(0, 9), ACTING_SIDES),
        st.tuples(st.just("cancel"), st.sampled_from(CancelledBy)),
        st.tuples(st.just("request")),
        st.tuples(st.just("decide"), st.booleans(), st.sampled_from(Decision)),
    ),
    max_size=30,
)


def active() -> Applicant:
    return Applicant(id=uuid4(), kind="corporation", name="N", state_since=START)


def hold(side: Side = Side.PROVIDER, *, at: datetime = START) -> Hold:
    return Hold(uuid4(), side, "a-reason", "grounds", "agent:1", at)


def request() -> ReactivationRequest:
    return ReactivationRequest(uuid4(), "user_code:1", START)


def held(*sides: Side) -> Applicant:
    return replace(active(), holds=tuple(hold(side) for side in sides))


def cancelled(*sides: Side) -> Applicant:
    return rules.cancel(held(*sides), by=CancelledBy.PERSON_IN_CHARGE, at=START)


def apply(before: Applicant, step: tuple[object, ...], *, at: datetime) -> Applicant:
    match step:
        case ("place", Side() as side):
            return rules.place_hold(before, hold(side, at=at))
        case ("release", int(place), Side() as side):
            hold_id = before.holds[place % len(before.holds)].id if before.holds else uuid4()
            return rules.release_hold(before, hold_id, side=side, by="x", at=at)
        case ("cancel", CancelledBy() as by):
            return rules.cancel(before, by=by, at=at)
        case ("request",):
            return rules.request_reactivation(before, request())
        case ("decide", bool(is_known), Decision() as decision):
            known = before.open_request.id if before.open_request and is_known else uuid4()
            return rules.decide_reactivation(before, known, decision=decision, at=at)
    raise AssertionError(step)


def history(steps: list[tuple[object, ...]]) -> Iterator[tuple[Applicant, Applicant, tuple[object, ...]]]:
    """Before and after each step that the rules allow."""
    before = active()
    for number, step in enumerate(steps, start=1):
        try:
            after = apply(before, step, at=START + timedelta(minutes=number))
        except DomainError:
            continue
        yield before, after, step
        before = after


@given(STEPS)
def test_no_sequence_of_commands_is_active_while_a_hold_is_active_or_while_cancelled(
    steps: list[tuple[object, ...]],
) -> None:
    for _, after, _ in history(steps):
        if any(other.is_active for other in after.holds) or after.cancelled_at is not None:
            assert after.state is not State.ACTIVE


@given(STEPS)
def test_access_returns_only_when_the_last_hold_falls_or_the_provider_accepts(
    steps: list[tuple[object, ...]],
) -> None:
    for before, after, step in history(steps):
        if before.state is not State.ACTIVE and after.state is State.ACTIVE:
            assert not after.active_holds
            assert after.cancelled_at is None
            assert step[0] == "release" or (step[0] == "decide" and step[2] is Decision.ACCEPTED)


@given(STEPS)
def test_a_hold_falls_once_and_only_by_its_own_side(steps: list[tuple[object, ...]]) -> None:
    for before, after, step in history(steps):
        fallen = {other.id for other in before.active_holds} - {other.id for other in after.active_holds}
        assert len(fallen) == (1 if step[0] == "release" else 0)
        for other in before.holds:
            if other.id in fallen:
                assert step[2] is (Side.PROVIDER if other.side is Side.SYSTEM else other.side)
        assert len(after.holds) == len(before.holds) + (step[0] == "place")


@given(STEPS)
def test_announcements_alternate_and_the_last_one_is_always_the_state(steps: list[tuple[object, ...]]) -> None:
    told = "active"
    for before, after, _ in history(steps):
        for event in rules.announcements(before, after):
            assert STATE_OF_APPLICANT[event.type] != told
            told = STATE_OF_APPLICANT[event.type]
        assert told == after.state.value


@given(STEPS)
def test_since_moves_only_with_the_state_and_never_back(steps: list[tuple[object, ...]]) -> None:
    for before, after, _ in history(steps):
        assert (after.state_since > before.state_since) == (after.state is not before.state)


@given(STEPS)
def test_a_cancellation_has_its_author_and_only_a_cancelled_registration_has_a_request(
    steps: list[tuple[object, ...]],
) -> None:
    for _, after, _ in history(steps):
        assert (after.cancelled_at is None) == (after.cancelled_by is None)
        assert after.open_request is None or after.state is State.CANCELLED


@given(STEPS)
def test_somebody_can_always_give_access_back_unless_nobody_has_to(steps: list[tuple[object, ...]]) -> None:
    for _, after, _ in history(steps):
        assert bool(rules.lifted_by(after)) == (after.state is not State.ACTIVE)


def types(events: list[StateEvent]) -> list[str]:
    return [event.type.split(".")[1] for event in events]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (active(), held(Side.PROVIDER), ["access-suspended"]),
        (held(Side.PROVIDER), held(Side.PROVIDER, Side.APPLICANT), []),
        (held(Side.PROVIDER), active(), ["access-reactivated"]),
        (active(), cancelled(), ["registration-cancelled"]),
        (held(Side.APPLICANT), cancelled(Side.APPLICANT), ["registration-cancelled"]),
        (cancelled(Side.APPLICANT), cancelled(), []),
        (cancelled(), active(), ["registration-reactivated"]),
        (cancelled(Side.PROVIDER), held(Side.PROVIDER), ["registration-reactivated", "access-suspended"]),
    ],
)
def test_only_a_change_of_the_derived_state_is_told(before: Applicant, after: Applicant, told: list[str]) -> None:
    assert types(rules.announcements(before, after)) == told


def test_a_registration_can_be_cancelled_at_any_time_but_once() -> None:
    for before in (active(), held(Side.PROVIDER)):
        after = rules.cancel(before, by=CancelledBy.PERSON_IN_CHARGE, at=LATER)
        assert (after.state, after.cancelled_at, after.state_since) == (State.CANCELLED, LATER, LATER)
    with pytest.raises(RegistrationAlreadyCancelled):
        rules.cancel(cancelled(), by=CancelledBy.PERSON_IN_CHARGE, at=LATER)


def test_reactivation_is_requested_only_when_cancelled_and_one_at_a_time() -> None:
    for before in (active(), held(Side.APPLICANT)):
        with pytest.raises(RegistrationNotCancelled):
            rules.request_reactivation(before, request())
    asked = rules.request_reactivation(cancelled(), request())
    with pytest.raises(ReactivationAlreadyRequested):
        rules.request_reactivation(asked, request())


def test_a_refusal_closes_the_request_and_leaves_it_cancelled() -> None:
    first = request()
    asked = rules.request_reactivation(cancelled(), first)
    refused = rules.decide_reactivation(asked, first.id, decision=Decision.REFUSED, at=LATER)
    assert (refused.state, refused.open_request) == (State.CANCELLED, None)
    assert rules.request_reactivation(refused, request()).open_request is not None


def test_acceptance_does_not_lift_a_hold_that_still_stands() -> None:
    first = request()
    asked = rules.request_reactivation(cancelled(Side.PROVIDER), first)
    accepted = rules.decide_reactivation(asked, first.id, decision=Decision.ACCEPTED, at=LATER)
    assert (accepted.state, accepted.cancelled_by) == (State.SUSPENDED, None)
    assert rules.lifted_by(accepted) == [Side.PROVIDER]


@pytest.mark.parametrize("before", [active(), cancelled(), rules.request_reactivation(cancelled(), request())])
def test_a_request_that_is_not_open_is_not_decided(before: Applicant) -> None:
    with pytest.raises(ReactivationRequestNotOpen):
        rules.decide_reactivation(before, uuid4(), decision=Decision.ACCEPTED, at=LATER)


@pytest.mark.parametrize(
    ("side", "acting", "refusal"),
    [
        (Side.APPLICANT, Side.APPLICANT, None),
        (Side.APPLICANT, Side.PROVIDER, HoldOfAnotherSide),
        (Side.PROVIDER, Side.PROVIDER, None),
        (Side.PROVIDER, Side.APPLICANT, HoldOfAnotherSide),
        (Side.SYSTEM, Side.PROVIDER, None),
        (Side.SYSTEM, Side.APPLICANT, HoldOfAnotherSide),
        (Side.DEPARTMENT, Side.PROVIDER, HoldOfAnotherSide),
    ],
)
def test_a_hold_is_released_by_its_own_side_and_a_system_hold_by_the_provider(
    side: Side, acting: Side, refusal: type[DomainError] | None
) -> None:
    before = held(side)
    if refusal:
        with pytest.raises(refusal):
            rules.release_hold(before, before.holds[0].id, side=acting, by="x", at=LATER)
        return
    after = rules.release_hold(before, before.holds[0].id, side=acting, by="x", at=LATER)
    assert (after.state, after.holds[0].released_by) == (State.ACTIVE, "x")


def test_an_unknown_or_released_hold_cannot_be_released() -> None:
    before = held(Side.PROVIDER)
    after = rules.release_hold(before, before.holds[0].id, side=Side.PROVIDER, by="x", at=LATER)
    with pytest.raises(HoldAlreadyReleased):
        rules.release_hold(after, before.holds[0].id, side=Side.PROVIDER, by="x", at=LATER)
    with pytest.raises(UnknownHold):
        rules.release_hold(after, UUID(int=1), side=Side.PROVIDER, by="x", at=LATER)


def test_staff_act_for_the_provider_only_when_they_are_its_own() -> None:
    assert rules.acting_side(None) is Side.APPLICANT
    assert rules.acting_side("provider") is Side.PROVIDER
    for side in ("cnesst", "applicant", "system", ""):
        with pytest.raises(RoleNotAdmitted):
            rules.acting_side(side)


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_a_seal_shows_nothing_of_the_words_and_differs_by_salt(words: str, salt: bytes) -> None:
    sealed = rules.seal(words, salt=salt)
    assert sealed == rules.seal(words, salt=salt)
    assert sealed != rules.seal(words, salt=b"another salt")
    assert len(sealed) == 64
