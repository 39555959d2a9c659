from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.holds import (
    Hold,
    HoldAlreadyReleased,
    HoldOfAnotherSide,
    Side,
    UnknownHold,
    find,
    is_held,
    release,
)

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)
SIDES = st.sampled_from(Side)


def hold(side: Side, *, hold_id: UUID | None = None) -> Hold:
    return Hold(hold_id or uuid4(), side, "requirements-not-met", "grounds", "agent:x", AT)


@given(st.lists(SIDES, min_size=1, max_size=8), st.data())
def test_access_returns_only_when_the_last_hold_falls(sides: list[Side], draw: st.DataObject) -> None:
    holds = [hold(side) for side in sides]
    for index in draw.draw(st.permutations(range(len(holds)))):
        assert is_held(holds)
        holds[index] = release(holds[index], side=sides[index], by="agent:y", at=AT)
    assert not is_held(holds)


@given(SIDES, SIDES)
def test_a_hold_is_released_only_by_its_own_side(placed: Side, releasing: Side) -> None:
    if placed is releasing:
        assert not release(hold(placed), side=releasing, by="x", at=AT).is_active
    else:
        with pytest.raises(HoldOfAnotherSide) as refused:
            release(hold(placed), side=releasing, by="x", at=AT)
        assert refused.value.fields == {"side": placed.value}


@given(SIDES)
def test_a_hold_is_released_once(side: Side) -> None:
    released = release(hold(side), side=side, by="agent:y", at=AT)
    assert (released.released_by, released.released_at) == ("agent:y", AT)
    with pytest.raises(HoldAlreadyReleased):
        release(released, side=side, by="agent:y", at=AT)


def test_an_unknown_hold_is_not_found() -> None:
    known = hold(Side.PROVIDER)
    assert find([known], known.id) is known
    with pytest.raises(UnknownHold):
        find([known], uuid4())


def test_a_release_that_is_no_hold_leaves_nobody_held() -> None:
    assert not is_held([])
