from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from libs.common.errors import DomainError
from services.auth.agent_account import rules
from services.auth.agent_account.rules import AgentAccount, AgentState, Credentials

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
MONTH = timedelta(days=30)
CREDENTIALS = Credentials("hash", "pepper", b"totp", "key", NOW + MONTH)


def agent(**changes: object) -> AgentAccount:
    made = AgentAccount(
        id=UUID(int=1),
        name="ada",
        side="provider",
        roles=("security",),
        password_hash="chosen",
        pepper_key_id="pepper",
        sealed_totp=b"old",
        sealing_key_id="key",
        last_totp_step=5,
        password_set_at=NOW - MONTH,
        is_installed=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_new_agent_has_a_password_for_one_sign_in_and_is_no_longer_the_installations() -> None:
    made = rules.create(
        UUID(int=2), "grace", side="cnesst", roles=["support", "auditor"], credentials=CREDENTIALS, at=NOW
    )
    assert (made.password_is_one_time, made.password_expires_at, made.is_installed) == (True, NOW + MONTH, False)
    assert made.roles == ("auditor", "support")
    assert made.state is AgentState.ACTIVE


def test_nobody_signs_in_by_a_disabled_account_or_a_one_time_password_that_is_too_old() -> None:
    reset = rules.reset_credentials(agent(), CREDENTIALS, at=NOW)
    assert rules.may_sign_in(agent(), at=NOW)
    assert rules.may_sign_in(reset, at=NOW + MONTH - timedelta(seconds=1))
    assert not rules.may_sign_in(reset, at=NOW + MONTH)
    assert not rules.may_sign_in(agent(state=AgentState.DISABLED), at=NOW)


def test_a_password_is_chosen_after_signing_in_by_the_present_one_time_password() -> None:
    reset = rules.reset_credentials(agent(), CREDENTIALS, at=NOW)
    before, after = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    assert rules.may_choose_password(reset, signed_in_at=after, at=after)
    assert not rules.may_choose_password(reset, signed_in_at=before, at=after)
    assert not rules.may_choose_password(reset, signed_in_at=after, at=NOW + MONTH)
    assert not rules.may_choose_password(agent(), signed_in_at=after, at=after)
    disabled = replace(reset, state=AgentState.DISABLED)
    assert not rules.may_choose_password(disabled, signed_in_at=after, at=after)


def test_a_chosen_password_no_longer_expires() -> None:
    reset = rules.reset_credentials(agent(), CREDENTIALS, at=NOW)
    chosen = rules.choose_password(reset, password_hash="own", pepper_key_id="pepper", at=NOW)
    assert (chosen.password_is_one_time, chosen.password_expires_at) == (False, None)
    assert rules.may_sign_in(chosen, at=NOW + 100 * MONTH)


def test_resetting_credentials_replaces_both_factors_and_enables_nobody() -> None:
    reset = rules.reset_credentials(agent(state=AgentState.DISABLED), CREDENTIALS, at=NOW)
    assert (reset.password_hash, reset.sealed_totp) == ("hash", b"totp")
    assert reset.state is AgentState.DISABLED
    assert not reset.is_installed


@pytest.mark.parametrize("others", [0, 1])
def test_the_last_two_security_agents_of_the_provider_stay(others: int) -> None:
    with pytest.raises(rules.LastSecurityAgents):
        rules.disable(agent(), other_security_agents=others)
    with pytest.raises(rules.LastSecurityAgents):
        rules.change_roles(agent(), ["auditor"], other_security_agents=others)


@pytest.mark.parametrize(
    "spared",
    [
        agent(roles=("auditor",)),
        agent(side="cnesst"),
    ],
    ids=["another role", "a department's"],
)
def test_whoever_decides_nothing_for_the_provider_may_always_be_disabled(spared: AgentAccount) -> None:
    assert rules.disable(spared, other_security_agents=0).state is AgentState.DISABLED


def test_a_third_security_agent_may_be_disabled_and_enabled_again() -> None:
    disabled = rules.disable(agent(), other_security_agents=2)
    assert (disabled.state, disabled.is_installed) == (AgentState.DISABLED, False)
    with pytest.raises(rules.AgentDisabledAlready):
        rules.disable(disabled, other_security_agents=2)
    assert rules.enable(disabled).state is AgentState.ACTIVE
    with pytest.raises(rules.AgentNotDisabled):
        rules.enable(agent())


def test_roles_that_are_the_same_are_no_change() -> None:
    with pytest.raises(rules.RolesUnchanged):
        rules.change_roles(agent(roles=("support", "auditor")), ["auditor", "support"], other_security_agents=0)


@given(lists(sampled_from(("disable", "enable", "strip", "give")), max_size=40), integers(2, 5))
def test_no_sequence_of_changes_leaves_fewer_than_two_security_agents(steps: list[str], number: int) -> None:
    agents = [agent(id=UUID(int=one), name=f"a{one}") for one in range(number)]

    def decides(one: AgentAccount) -> bool:
        return one.state is AgentState.ACTIVE and "security" in one.roles

    for place, step in enumerate(steps):
        chosen = agents[place % number]
        others = sum(decides(one) for one in agents if one.id != chosen.id)
        try:
            if step == "disable":
                agents[place % number] = rules.disable(chosen, other_security_agents=others)
            elif step == "enable":
                agents[place % number] = rules.enable(chosen)
            else:
                roles = ["auditor"] if step == "strip" else ["security"]
                agents[place % number] = rules.change_roles(chosen, roles, other_security_agents=others)
        except DomainError:
            continue
        assert sum(map(decides, agents)) >= 2


def test_an_authenticator_reads_the_address_of_a_new_secret() -> None:
    secret = rules.new_totp_secret()
    assert len(secret) >= 32
    read = pyotp.parse_uri(rules.otpauth_uri(secret, name="ada", issuer="clicSEQUR"))
    assert isinstance(read, pyotp.TOTP)
    assert (read.secret, read.interval, read.name) == (secret, 30, "ada")


def test_secrets_do_not_show_in_logs() -> None:
    assert "chosen" not in repr(agent())
    assert "old" not in repr(agent())
    assert "hash" not in repr(CREDENTIALS).replace("password_hash", "")


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        pytest.param(rules.new_totp_secret(), True, id="new"),
        ("A" * 26, True),
        ("", False),
        ("A" * 16, False),
        ("1" * 32, False),
        ("é", False),
    ],
)
def test_a_secret_of_a_code_generator_is_128_bits_in_base32(text: str, is_good: bool) -> None:  # noqa: FBT001
    assert rules.is_totp_secret(text) is is_good
