from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from libs.common.ids import new_id
from services.auth.second_factor.rules import FactorKind
from services.auth.session import rules
from services.auth.session.holder import Holder, Represented
from services.auth.session.rules import Lifetime, Session, Stage
from services.auth.user_code.rules import RegistrationState, Role
from tests.unit.auth.test_agent_account_rules import agent
from tests.unit.auth.test_password_rules import AGING
from tests.unit.auth.test_user_code_rules import (
    ACTIVE,
    APPLICANT,
    CODE,
    GOOD,
    NOON,
    PERSON,
    REGISTRATION,
    in_state,
)

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


BARRED = replace(CHOSEN, registration=in_state(RegistrationState.SUSPENDED).registration)
AGENTS = replace(SESSION, user_code_id=None, applicant_id=None, agent_id=new_id())
KINDS = {
    "ordinary": (SESSION, Holder(facts=CHOSEN)),
    "ordinary, barred since": (SESSION, Holder(facts=BARRED)),
    "recourse": (replace(SESSION, is_recourse=True), Holder(facts=BARRED)),
    "recourse, let in since": (replace(SESSION, is_recourse=True), Holder(facts=CHOSEN)),
    "an agent's": (AGENTS, Holder(agent=agent())),
    "nobody's": (AGENTS, Holder()),
}
SERVED = {
    "ordinary": [(True, True), (True, False), (False, True), (False, False)],
    "recourse": [(True, True)],
    "an agent's": [(True, True), (True, False)],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by_portal", [True, False])
@pytest.mark.parametrize("recourse_asked", [True, False])
@pytest.mark.parametrize("stage", Stage)
def test_an_agents_session_serves_the_portal_and_recourse_there_while_it_is_barred_and_asked_for(
    *, kind: str, by_portal: bool, recourse_asked: bool, stage: Stage
) -> None:
    session, holder = KINDS[kind]
    asked = replace(session, stage=stage)
    served = rules.serves(asked, holder, by_portal=by_portal, recourse_asked=recourse_asked)
    assert served == ((by_portal, recourse_asked) in SERVED.get(kind, []))


def test_max_age_is_the_time_since_the_person_was_authenticated() -> None:
    assert rules.is_recent(SESSION, max_age=None, at=LATER + timedelta(hours=9))
    assert not rules.is_recent(SESSION, max_age=60, at=LATER + timedelta(seconds=61))


def test_attempts_are_counted_by_address_or_by_site() -> None:
    assert rules.network_of("192.0.2.7") == "192.0.2.7"
    assert rules.network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert rules.network_of("2001:db8::1") == rules.network_of("2001:db8::ffff") == "2001:db8::/64"
    assert rules.network_of("not an address") == rules.network_of(None) == "unknown"
    with pytest.raises(ValueError, match="address"):
        rules.network_of("")


@pytest.mark.parametrize("role", [*Role, None])
@pytest.mark.parametrize("by_staff", [True, False])
@pytest.mark.parametrize("is_own", [True, False])
def test_a_person_in_charge_oversees_users_of_the_same_applicant_and_the_provider_everybody_there(
    *, role: Role | None, by_staff: bool, is_own: bool
) -> None:
    facts = replace(GOOD, person=replace(PERSON, role=role))
    asked = APPLICANT if is_own else new_id()
    is_overseen = rules.is_overseen(facts, applicant_id=asked, by_staff=by_staff)
    assert is_overseen == (is_own and (by_staff or role is Role.USER))


def test_a_client_is_told_again_after_growing_waits_and_not_for_ever() -> None:
    waits = [rules.logout_wait(attempts) for attempts in range(1, rules.LOGOUT_ATTEMPTS)]
    known = [wait for wait in waits if wait is not None]
    assert len(known) == len(waits)
    assert known[0] == timedelta(seconds=10)
    assert known == sorted(known)
    assert known[-1] == timedelta(hours=1)
    assert rules.logout_wait(rules.LOGOUT_ATTEMPTS) is None


REPRESENTED = Represented(new_id(), new_id(), "Boulangerie", None, None)


def test_the_steps_of_a_persons_sign_in_come_in_their_order() -> None:
    """A password of one's own, then new conditions, then for whom."""
    unused = Holder(facts=GOOD, represented=(REPRESENTED,))
    chosen = Holder(facts=CHOSEN, represented=(REPRESENTED,))
    step = partial(rules.stage_of, amr=("pwd",), aging=AGING, at=LATER)
    assert step(unused, conditions_due=True) is Stage.CHANGE_PASSWORD
    assert step(chosen, conditions_due=True) is Stage.CONDITIONS
    assert step(chosen) is Stage.APPLICANT
    assert step(Holder(facts=CHOSEN)) is Stage.COMPLETE


def test_under_a_power_of_attorney_nobody_is_in_charge() -> None:
    assert rules.role_in(SESSION, CHOSEN) == "person_in_charge"
    acting = replace(SESSION, represented_applicant_id=new_id(), power_of_attorney_id=new_id())
    assert rules.role_in(acting, CHOSEN) == "mandatary"
    assert acting.acts_for == acting.represented_applicant_id
    assert SESSION.acts_for == APPLICANT


def test_only_a_person_chooses_for_whom_to_act_and_not_in_recourse() -> None:
    assert rules.may_choose(SESSION)
    assert not rules.may_choose(replace(SESSION, is_recourse=True))
    assert not rules.may_choose(replace(SESSION, user_code_id=None, applicant_id=None, agent_id=new_id()))


def test_methods_tell_what_was_done_and_the_level_follows_from_them() -> None:
    password = ("pwd",)
    assert replace(SESSION, amr=password).acr == rules.ACR_PASSWORD
    for kind, amr, acr in (
        (FactorKind.TOTP, ("pwd", "otp", "mfa"), rules.ACR_TWO_FACTOR),
        (FactorKind.RECOVERY_CODE, ("pwd", "otp", "mfa"), rules.ACR_TWO_FACTOR),
        (FactorKind.EMAIL, ("pwd", "mca"), rules.ACR_PASSWORD),
        (FactorKind.PASSKEY, ("pwd", "pop", "user", "mfa"), rules.ACR_PASSKEY),
    ):
        assert rules.with_proof(password, kind) == amr
        assert replace(SESSION, amr=amr).acr == acr
        assert rules.with_proof(amr, kind) == amr
    assert rules.with_proof((), FactorKind.PASSKEY) == ("pop", "user", "mfa")


def test_a_second_factor_is_due_to_whoever_has_bound_one_until_it_is_proved() -> None:
    stage_of = partial(rules.stage_of, aging=AGING, at=LATER)
    bare, bound = Holder(facts=CHOSEN), Holder(facts=CHOSEN, factors=frozenset({FactorKind.EMAIL}))
    assert stage_of(bare, amr=("pwd",)) is Stage.COMPLETE
    assert stage_of(bound, amr=("pwd",)) is Stage.ONE_TIME_CODE
    for proved in (("pwd", "mca"), ("pwd", "otp", "mfa"), ("pop", "user", "mfa")):
        assert stage_of(bound, amr=proved) is Stage.COMPLETE


def test_a_session_below_the_required_level_goes_to_the_factor_that_reaches_it_or_to_binding_one() -> None:
    none, totp = frozenset[FactorKind](), frozenset({FactorKind.TOTP})
    mail, key = frozenset({FactorKind.EMAIL}), frozenset({FactorKind.PASSKEY})
    two, passkey = rules.ACR_TWO_FACTOR, rules.ACR_PASSKEY
    for required, factors, stage in (
        (None, none, None),
        (rules.ACR_PASSWORD, none, None),
        (two, none, Stage.SECOND_FACTORS),
        (two, mail, Stage.SECOND_FACTORS),
        (two, totp, Stage.ONE_TIME_CODE),
        (two, key, Stage.ONE_TIME_CODE),
        (passkey, totp, Stage.SECOND_FACTORS),
        (passkey, key, Stage.ONE_TIME_CODE),
    ):
        assert rules.step_up_stage(SESSION, required_acr=required, factors=factors) is stage
    strong = replace(SESSION, amr=("pwd", "otp", "mfa"))
    assert rules.step_up_stage(strong, required_acr=two, factors=none) is None
    assert rules.step_up_stage(strong, required_acr=passkey, factors=totp) is Stage.SECOND_FACTORS
