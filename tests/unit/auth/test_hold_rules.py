from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import AccessSuspended, DomainError, UnknownOrForeign
from libs.common.holds import Hold, HoldOfAnotherSide, Side
from services.auth.user_code import hold_rules, rules
from services.auth.user_code.hold_rules import Actor, HeldCode, Standing
from services.auth.user_code.rules import (
    Bar,
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
APPLICANT, OTHER, CHIEF, PEER, USER = (UUID(int=number) for number in range(1, 6))
PROVIDER = Actor("agent:x", Side.PROVIDER)
SYSTEM = Actor("system", Side.SYSTEM)
ACTORS = {Side.APPLICANT: Actor("user_code:y", Side.APPLICANT), Side.PROVIDER: PROVIDER, Side.SYSTEM: SYSTEM}


def facts(
    code_id: UUID,
    role: Role | None = Role.PERSON_IN_CHARGE,
    *,
    applicant_id: UUID = APPLICANT,
    bars: tuple[Bar, ...] = (),
) -> Facts:
    code = UserCode(
        *(
            code_id,
            applicant_id,
            "registry",
            "AB3CDEF4GH",
            "fr",
            CodeState.ACTIVE,
            NOON,
            NOON,
            "hash",
            "key",
            NOON,
        ),
        password_is_one_time=False,
        first_used_at=NOON,
    )
    registration = Registration(applicant_id, RegistrationState.ACTIVE, NOON, NOON, None)
    return Facts(code, Person(code_id, applicant_id, role, NOON, NOON), registration, bars)


def code(role: Role | None = Role.PERSON_IN_CHARGE, *, code_id: UUID = PEER) -> HeldCode:
    return HeldCode(facts(code_id, role))


def hold(side: Side = Side.PROVIDER, reason: str = "requirements-not-met") -> Hold:
    return Hold(uuid4(), side, reason, "grounds", "agent:x", NOON)


def chief(acting: Facts | None = None) -> Actor:
    return Actor("user_code:1", Side.APPLICANT, acting or facts(CHIEF))


def held(target: HeldCode, *placed: Hold) -> HeldCode:
    for one in placed:
        target = hold_rules.place(target, one, others=[facts(CHIEF)], is_last_confirmed=False)
    return target


def test_a_person_in_charge_acts_on_named_codes_of_the_same_applicant_only() -> None:
    hold_rules.require_may_act(chief(), code())
    hold_rules.require_may_act(chief(), code(Role.USER, code_id=USER))
    for target in (code(None), HeldCode(facts(PEER, applicant_id=OTHER))):
        with pytest.raises(UnknownOrForeign):
            hold_rules.require_may_act(chief(), target)
    for actor in (chief(facts(USER, Role.USER)), Actor("user_code:z", Side.APPLICANT)):
        with pytest.raises(UnknownOrForeign):
            hold_rules.require_may_act(actor, code())


def test_a_person_in_charge_who_was_held_since_their_token_acts_no_more() -> None:
    for bar in (Bar(Side.PROVIDER, "x-y-z"), Bar(Side.SYSTEM, rules.DISUSE)):
        with pytest.raises(AccessSuspended):
            hold_rules.require_may_act(chief(facts(CHIEF, bars=(bar,))), code())


def test_the_provider_and_the_system_act_on_any_code() -> None:
    for actor in (PROVIDER, SYSTEM):
        hold_rules.require_may_act(actor, code(None))


def test_the_last_active_person_in_charge_is_suspended_only_when_that_is_confirmed() -> None:
    target = code()
    unable = [facts(CHIEF, bars=(Bar(Side.PROVIDER, "x-y-z"),)), facts(USER, Role.USER)]
    with pytest.raises(hold_rules.LastActivePersonInCharge):
        hold_rules.place(target, hold(), others=unable, is_last_confirmed=False)
    assert hold_rules.place(target, hold(), others=unable, is_last_confirmed=True).standing is Standing.SUSPENDED
    assert hold_rules.place(target, hold(), others=[facts(CHIEF)], is_last_confirmed=False).facts.is_held
    user = code(Role.USER, code_id=USER)
    assert hold_rules.place(user, hold(), others=[], is_last_confirmed=False).facts.is_held


def in_state(state: CodeState) -> HeldCode:
    return HeldCode(replace(facts(PEER), code=replace(facts(PEER).code, state=state)))


def test_a_code_is_held_before_it_works_and_not_once_it_is_revoked() -> None:
    with pytest.raises(hold_rules.UserCodeNotActive):
        hold_rules.place(in_state(CodeState.REVOKED), hold(), others=[facts(CHIEF)], is_last_confirmed=True)
    waiting = hold_rules.place(in_state(CodeState.PENDING), hold(), others=[], is_last_confirmed=False)
    assert (waiting.standing, waiting.facts.is_held) == (Standing.PENDING, True)
    born = hold_rules.activate(waiting, at=NOON)
    assert (born.standing, born.facts.code.activated_at) == (Standing.SUSPENDED, NOON)
    released, _ = hold_rules.release(waiting, waiting.holds[0].id, actor=PROVIDER, at=NOON)
    assert released.standing is Standing.PENDING
    assert hold_rules.activate(released, at=NOON).standing is Standing.ACTIVE


def test_disuse_alone_leaves_recourse_and_any_other_hold_takes_it() -> None:
    disused = held(code(), hold(Side.SYSTEM, rules.DISUSE))
    assert disused.standing is Standing.RECOURSE_ONLY
    both = held(disused, hold(Side.PROVIDER))
    assert both.standing is Standing.SUSPENDED
    assert held(code(), hold(Side.PROVIDER, rules.DISUSE)).standing is Standing.SUSPENDED


def test_a_hold_is_released_by_its_own_side_or_by_the_provider_on_the_representatives_word() -> None:
    for side in (Side.APPLICANT, Side.SYSTEM):
        target = held(code(), hold(side))
        assert (
            hold_rules.release(target, target.holds[0].id, actor=PROVIDER, at=NOON)[0].standing is Standing.ACTIVE
        )
    for side in (Side.PROVIDER, Side.DEPARTMENT, Side.SYSTEM):
        target = held(code(), hold(side))
        with pytest.raises(HoldOfAnotherSide):
            hold_rules.release(target, target.holds[0].id, actor=chief(), at=NOON)


def test_the_provider_does_not_release_the_applicants_hold_on_a_user() -> None:
    target = held(code(Role.USER, code_id=USER), hold(Side.APPLICANT))
    with pytest.raises(HoldOfAnotherSide):
        hold_rules.release(target, target.holds[0].id, actor=PROVIDER, at=NOON)
    assert hold_rules.release(target, target.holds[0].id, actor=chief(), at=NOON)[0].standing is Standing.ACTIVE
    disused = held(code(Role.USER, code_id=USER), hold(Side.SYSTEM, rules.DISUSE))
    assert hold_rules.release(disused, disused.holds[0].id, actor=PROVIDER, at=NOON)[1].released_at == NOON


def test_nobody_releases_a_hold_on_themself() -> None:
    target = held(code(), hold(Side.APPLICANT))
    with pytest.raises(hold_rules.OwnHold):
        hold_rules.release(target, target.holds[0].id, actor=chief(facts(PEER)), at=NOON)


def test_a_person_in_charge_revokes_users_codes_and_never_a_peers() -> None:
    revoked = hold_rules.revoke(code(Role.USER), actor=chief(), others=[facts(CHIEF)], by_two=False, at=NOON)
    assert (revoked.standing, revoked.facts.code.revoked_at) == (Standing.REVOKED, NOON)
    with pytest.raises(hold_rules.RevocationBelongsToProvider):
        hold_rules.revoke(code(), actor=chief(), others=[facts(CHIEF)], by_two=False, at=NOON)
    with pytest.raises(hold_rules.UserCodeRevokedAlready):
        hold_rules.revoke(revoked, actor=chief(), others=[facts(CHIEF)], by_two=False, at=NOON)


def test_the_last_active_person_in_charge_is_revoked_by_two_only() -> None:
    with pytest.raises(hold_rules.LastPersonInChargeNeedsTwo):
        hold_rules.revoke(code(), actor=PROVIDER, others=[], by_two=False, at=NOON)
    assert hold_rules.revoke(code(), actor=PROVIDER, others=[], by_two=True, at=NOON).standing is Standing.REVOKED


@pytest.mark.parametrize("placed", [hold(), hold(Side.APPLICANT, "incident"), hold(Side.SYSTEM, rules.DISUSE)])
def test_a_hold_on_the_last_person_in_charge_does_not_make_their_removal_one_persons(placed: Hold) -> None:
    last = hold_rules.place(code(), placed, others=[], is_last_confirmed=True)
    unable = [facts(CHIEF, bars=(Bar(Side.PROVIDER, "x-y-z"),)), facts(USER, Role.USER)]
    with pytest.raises(hold_rules.LastPersonInChargeNeedsTwo):
        hold_rules.revoke(last, actor=PROVIDER, others=unable, by_two=False, at=NOON)
    one_of_two = hold_rules.revoke(last, actor=PROVIDER, others=[facts(CHIEF)], by_two=False, at=NOON)
    assert one_of_two.standing is Standing.REVOKED


def test_a_reason_is_for_its_own_side_and_the_provider() -> None:
    assert hold_rules.may_read_reason(hold(Side.APPLICANT), reader=Side.APPLICANT)
    assert hold_rules.may_read_reason(hold(Side.APPLICANT), reader=Side.PROVIDER)
    assert not hold_rules.may_read_reason(hold(Side.PROVIDER), reader=Side.APPLICANT)


STEPS = st.one_of(
    st.tuples(
        st.just("place"), st.sampled_from(list(ACTORS)), st.sampled_from(["requirements-not-met", rules.DISUSE])
    ),
    st.tuples(st.just("release"), st.sampled_from(list(ACTORS)), st.integers(0, 5)),
    st.tuples(st.just("revoke"), st.sampled_from(list(ACTORS)), st.just("")),
)


@given(
    steps=st.lists(STEPS, max_size=14),
    is_person_held=st.booleans(),
    registration=st.sampled_from(RegistrationState),
    recourse=st.booleans(),
)
def test_no_sequence_of_holds_releases_and_revocations_lets_in_who_must_not_be(
    steps: list[tuple[str, Side, str | int]],
    registration: RegistrationState,
    *,
    is_person_held: bool,
    recourse: bool,
) -> None:
    """Beside the rules, a plain account of what stands: open holds by side and reason, and revocation."""
    target, opened, is_revoked = code(Role.USER), {}, False
    for step, side, argument in steps:
        try:
            if step == "place":
                one = hold(side, str(argument))
                target = hold_rules.place(target, one, others=[], is_last_confirmed=False)
                assert not is_revoked
                opened[one.id] = (side, argument)
            elif step == "release" and target.holds:
                one = target.holds[int(argument) % len(target.holds)]
                target, _ = hold_rules.release(target, one.id, actor=ACTORS[side], at=NOON)
                assert side is opened[one.id][0] or (side, opened[one.id][0]) == (Side.PROVIDER, Side.SYSTEM)
                del opened[one.id]
            elif step == "revoke":
                target = hold_rules.revoke(target, actor=ACTORS[side], others=[], by_two=False, at=NOON)
                is_revoked = True
        except DomainError:
            continue
        _check(target, set(opened.values()), is_revoked=is_revoked)
        state = replace(
            target.facts,
            person=Person(PEER, APPLICANT, Role.USER, NOON, NOON, is_held=is_person_held),
            registration=Registration(APPLICANT, registration, NOON, NOON, None),
        )
        verdict = rules.judge_sign_in(
            state, password_matches=True, recourse=recourse, one_time_days=30, at=NOON + timedelta(days=1)
        )
        only_disuse = {(Side.SYSTEM, rules.DISUSE)}
        is_good = not is_revoked and not is_person_held and set(opened.values()) <= only_disuse
        is_free = not opened and registration is RegistrationState.ACTIVE
        assert (verdict is Verdict.ADMITTED) == (is_good and is_free)
        could_be = registration in {RegistrationState.ACTIVE, *rules.BARRED_STATES}
        assert (verdict is Verdict.RECOURSE) == (is_good and could_be and not is_free and recourse)


def _check(target: HeldCode, opened: set[tuple[Side, str | int]], *, is_revoked: bool) -> None:
    if is_revoked:
        assert target.standing is Standing.REVOKED
    elif not opened:
        assert target.standing is Standing.ACTIVE
    elif opened == {(Side.SYSTEM, rules.DISUSE)}:
        assert target.standing is Standing.RECOURSE_ONLY
    else:
        assert target.standing is Standing.SUSPENDED


def test_two_persons_are_for_a_person_in_charge_whose_code_is_not_revoked() -> None:
    hold_rules.require_revocable_by_two(HeldCode(facts(PEER)))
    with pytest.raises(hold_rules.NotPersonInCharge):
        hold_rules.require_revocable_by_two(HeldCode(facts(PEER, Role.USER)))
    revoked = facts(PEER)
    revoked = replace(revoked, code=replace(revoked.code, state=CodeState.REVOKED))
    with pytest.raises(hold_rules.UserCodeRevokedAlready):
        hold_rules.require_revocable_by_two(HeldCode(revoked))


def test_as_many_codes_are_revoked_at_once_as_one_transaction_bears() -> None:
    for found in (1, hold_rules.MOST_AT_ONCE):
        hold_rules.require_revocable_at_once(found)
    with pytest.raises(hold_rules.NoCodesToRevoke):
        hold_rules.require_revocable_at_once(0)
    with pytest.raises(hold_rules.TooManyCodes) as refused:
        hold_rules.require_revocable_at_once(hold_rules.MOST_AT_ONCE + 1)
    assert refused.value.detail("fr") != refused.value.detail("en")
