from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.errors import AccessSuspended, DomainError, UnknownOrForeign
from libs.common.holds import Hold, HoldAlreadyReleased, HoldOfAnotherSide, Side, UnknownHold
from libs.common.ids import new_id
from services.delegation.person_in_charge.rules import (
    Actor,
    LastActivePersonInCharge,
    OwnHold,
    PersonInCharge,
    PersonInChargeNotActive,
    PersonState,
    reactivate,
    require_unheld_actor,
    suspend,
)

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
APPLICANT = new_id()
PROVIDER = Actor("agent:1", None)


def person(*, is_active: bool = True) -> PersonInCharge:
    return PersonInCharge(
        id=new_id(),
        applicant_id=APPLICANT,
        user_code_id=new_id(),
        given_name="Alma",
        family_name="Tremblay",
        language="fr",
        email="alma@example.org",
        designated_at=NOW,
        activated_at=NOW if is_active else None,
    )


def actor(who: PersonInCharge) -> Actor:
    return Actor(f"user_code:{who.user_code_id}", who.user_code_id)


def hold(by: Actor) -> Hold:
    return Hold(new_id(), by.side, "suspected-misuse", "grounds", placed_by=by.name, placed_at=NOW)


def held(who: PersonInCharge, by: Actor) -> PersonInCharge:
    return replace(who, holds=(*who.holds, hold(by)))


def test_a_person_in_charge_suspends_another() -> None:
    first, second = person(), person()
    after = suspend([first, second], second.id, hold=hold(actor(first)), is_last_confirmed=False)
    assert (second.state, after.state) == (PersonState.ACTIVE, PersonState.SUSPENDED)


def test_a_person_of_another_applicant_is_unknown() -> None:
    with pytest.raises(UnknownOrForeign):
        suspend([person()], new_id(), hold=hold(PROVIDER), is_last_confirmed=True)


def test_a_pending_person_cannot_be_suspended() -> None:
    pending = person(is_active=False)
    with pytest.raises(PersonInChargeNotActive):
        suspend([person(), pending], pending.id, hold=hold(PROVIDER), is_last_confirmed=True)


def test_the_last_active_person_is_suspended_only_when_confirmed() -> None:
    last, pending = person(), person(is_active=False)
    others = [held(person(), PROVIDER), pending]
    with pytest.raises(LastActivePersonInCharge):
        suspend([last, *others], last.id, hold=hold(PROVIDER), is_last_confirmed=False)
    after = suspend([last, *others], last.id, hold=hold(PROVIDER), is_last_confirmed=True)
    assert after.state is PersonState.SUSPENDED


def test_a_second_hold_on_a_held_person_needs_no_confirmation() -> None:
    target = held(person(), PROVIDER)
    after = suspend([target, person()], target.id, hold=hold(PROVIDER), is_last_confirmed=False)
    assert len(after.holds) == 2


def test_access_returns_only_when_the_last_hold_falls() -> None:
    peer = person()
    target = held(held(person(), actor(peer)), actor(peer))
    once, _ = reactivate(target, target.holds[0].id, actor=actor(peer), at=NOW)
    assert once.state is PersonState.SUSPENDED
    twice, released = reactivate(once, target.holds[1].id, actor=actor(peer), at=NOW)
    assert twice.state is PersonState.ACTIVE
    assert (released.released_by, released.released_at) == (actor(peer).name, NOW)


def test_nobody_releases_a_hold_on_themself() -> None:
    target = held(person(), actor(person()))
    with pytest.raises(OwnHold):
        reactivate(target, target.holds[0].id, actor=actor(target), at=NOW)


@pytest.mark.parametrize("side", [Side.PROVIDER, Side.APPLICANT, Side.SYSTEM])
def test_the_provider_releases_its_own_holds_the_applicants_and_the_systems(side: Side) -> None:
    target = replace(person(), holds=(replace(hold(PROVIDER), side=side),))
    assert reactivate(target, target.holds[0].id, actor=PROVIDER, at=NOW)[0].state is PersonState.ACTIVE


def test_the_provider_releases_no_hold_of_a_department() -> None:
    target = replace(person(), holds=(replace(hold(PROVIDER), side=Side.DEPARTMENT),))
    with pytest.raises(HoldOfAnotherSide):
        reactivate(target, target.holds[0].id, actor=PROVIDER, at=NOW)


@pytest.mark.parametrize("side", [Side.PROVIDER, Side.SYSTEM, Side.DEPARTMENT])
def test_a_person_in_charge_releases_no_hold_of_another_side(side: Side) -> None:
    target = person()
    target = replace(target, holds=(replace(hold(PROVIDER), side=side),))
    with pytest.raises(HoldOfAnotherSide):
        reactivate(target, target.holds[0].id, actor=actor(person()), at=NOW)


def test_a_hold_is_released_once_and_must_exist() -> None:
    target = held(person(), PROVIDER)
    freed, _ = reactivate(target, target.holds[0].id, actor=PROVIDER, at=NOW)
    with pytest.raises(HoldAlreadyReleased):
        reactivate(freed, target.holds[0].id, actor=PROVIDER, at=NOW)
    with pytest.raises(UnknownHold):
        reactivate(freed, new_id(), actor=PROVIDER, at=NOW)


def test_only_an_active_unheld_person_in_charge_acts() -> None:
    fine, pending = person(), person(is_active=False)
    barred = held(person(), PROVIDER)
    everyone = [fine, pending, barred]
    require_unheld_actor(everyone, fine.user_code_id)
    for unknown in (pending.user_code_id, new_id(), None):
        with pytest.raises(PersonInChargeNotActive):
            require_unheld_actor(everyone, unknown)
    with pytest.raises(AccessSuspended):
        require_unheld_actor(everyone, barred.user_code_id)


class HoldsOnPersons(RuleBasedStateMachine):
    """Whatever persons in charge and the provider order, in any sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.persons = [person() for _ in range(3)]

    def _acting(self, number: int) -> Actor:
        return PROVIDER if number == len(self.persons) else actor(self.persons[number])

    def _may_act(self, number: int) -> bool:
        return number == len(self.persons) or self.persons[number].state is PersonState.ACTIVE

    @rule(by=st.integers(0, 3), whom=st.integers(0, 2))
    def place(self, by: int, whom: int) -> None:
        if not self._may_act(by):
            return
        placed = hold(self._acting(by))
        try:
            after = suspend(self.persons, self.persons[whom].id, hold=placed, is_last_confirmed=False)
        except LastActivePersonInCharge:
            assert [one.state for one in self.persons].count(PersonState.ACTIVE) == 1
            return
        self.persons[whom] = after

    @rule(by=st.integers(0, 3), whom=st.integers(0, 2), which=st.integers(0, 5))
    def free(self, by: int, whom: int, which: int) -> None:
        target = self.persons[whom]
        if not self._may_act(by) or not target.holds:
            return
        acting, chosen = self._acting(by), target.holds[which % len(target.holds)]
        try:
            after, released = reactivate(target, chosen.id, actor=acting, at=NOW)
        except DomainError:
            return
        assert acting.side is Side.PROVIDER or released.side is Side.APPLICANT
        assert acting.user_code_id != target.user_code_id
        self.persons[whom] = after

    @invariant()
    def someone_is_active_since_nobody_confirmed_otherwise(self) -> None:
        assert any(one.state is PersonState.ACTIVE for one in self.persons)

    @invariant()
    def suspended_means_that_some_hold_is_in_force(self) -> None:
        for one in self.persons:
            assert (one.state is PersonState.SUSPENDED) == any(found.is_active for found in one.holds)


TestHoldsOnPersons = HoldsOnPersons.TestCase
