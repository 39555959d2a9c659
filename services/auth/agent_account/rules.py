import hmac
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import pyotp

from libs.common.errors import Conflict
from libs.common.principal import SIDE_OF_PROVIDER

STEP_SECONDS = 30
FEWEST_TOTP_BYTES = 16
STEPS_AROUND = (-1, 0, 1)
SECURITY = "security"
ROLES = frozenset({"validator", "decider", "support", "auditor", SECURITY})
FEWEST_SECURITY_AGENTS = 2


class AgentState(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class AgentNameTaken(Conflict):
    code = "agent-name-taken"
    en = "Another agent has this name. Choose another one; names are never given again."
    fr = "Un autre agent porte ce nom. Choisissez-en un autre; un nom n'est jamais redonné."


class AgentDisabledAlready(Conflict):
    code = "agent-disabled-already"
    en = "The agent's account is disabled already."
    fr = "Le compte de l'agent est déjà désactivé."


class AgentNotDisabled(Conflict):
    code = "agent-not-disabled"
    en = "The agent's account is not disabled."
    fr = "Le compte de l'agent n'est pas désactivé."


class RolesUnchanged(Conflict):
    code = "agent-roles-unchanged"
    en = "The agent has these roles already."
    fr = "L'agent a déjà ces rôles."


class LastSecurityAgents(Conflict):
    code = "last-security-agents"
    en = (
        "Two active agents of the provider with the role security must remain, or no two persons could decide. "
        "Create another one first."
    )
    fr = (
        "Deux agents actifs du fournisseur ayant le rôle security doivent demeurer, sinon nul ne pourrait décider "
        "à deux. Créez-en d'abord un autre."
    )


@dataclass(frozen=True, slots=True)
class AgentAccount:
    """`side` is `provider` or a department's code. `is_installed`: the installation file still speaks for it."""

    id: UUID
    name: str
    side: str
    roles: tuple[str, ...]
    password_hash: str = field(repr=False)
    pepper_key_id: str
    sealed_totp: bytes = field(repr=False)
    sealing_key_id: str
    last_totp_step: int
    password_set_at: datetime
    password_is_one_time: bool = False
    password_expires_at: datetime | None = None
    state: AgentState = AgentState.ACTIVE
    is_installed: bool = False

    @property
    def actor(self) -> str:
        return f"agent:{self.id}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Hashed and sealed, as they are stored; the password is good until `expires_at`, for one sign-in."""

    password_hash: str = field(repr=False)
    pepper_key_id: str
    sealed_totp: bytes = field(repr=False)
    sealing_key_id: str
    expires_at: datetime


def admitted_as(agent: AgentAccount) -> frozenset[str]:
    """The names by which routes admit an agent with these roles."""
    kind = "agent" if agent.side == SIDE_OF_PROVIDER else "department_agent"
    return frozenset(f"{kind}:{role}" for role in agent.roles)


def may_sign_in(agent: AgentAccount, *, at: datetime) -> bool:
    is_late = agent.password_expires_at is not None and at >= agent.password_expires_at
    return agent.state is AgentState.ACTIVE and not is_late


def may_choose_password(agent: AgentAccount, *, signed_in_at: datetime, at: datetime) -> bool:
    """After signing in by the present one-time password, and not by one that was replaced meanwhile."""
    return agent.password_is_one_time and may_sign_in(agent, at=at) and signed_in_at >= agent.password_set_at


def create(  # noqa: PLR0913 - what is created, each by name
    agent_id: UUID, name: str, *, side: str, roles: Collection[str], credentials: Credentials, at: datetime
) -> AgentAccount:
    return AgentAccount(
        id=agent_id,
        name=name,
        side=side,
        roles=tuple(sorted(roles)),
        password_hash=credentials.password_hash,
        pepper_key_id=credentials.pepper_key_id,
        sealed_totp=credentials.sealed_totp,
        sealing_key_id=credentials.sealing_key_id,
        last_totp_step=0,
        password_set_at=at,
        password_is_one_time=True,
        password_expires_at=credentials.expires_at,
    )


def reset_credentials(agent: AgentAccount, credentials: Credentials, *, at: datetime) -> AgentAccount:
    """A new password, once, and a new second factor; whether the account is disabled is another question."""
    return replace(
        agent,
        password_hash=credentials.password_hash,
        pepper_key_id=credentials.pepper_key_id,
        sealed_totp=credentials.sealed_totp,
        sealing_key_id=credentials.sealing_key_id,
        password_set_at=at,
        password_is_one_time=True,
        password_expires_at=credentials.expires_at,
        is_installed=False,
    )


def choose_password(agent: AgentAccount, *, password_hash: str, pepper_key_id: str, at: datetime) -> AgentAccount:
    """Only the agent knows it."""
    return replace(
        agent,
        password_hash=password_hash,
        pepper_key_id=pepper_key_id,
        password_set_at=at,
        password_is_one_time=False,
        password_expires_at=None,
    )


def change_roles(agent: AgentAccount, roles: Collection[str], *, other_security_agents: int) -> AgentAccount:
    """`other_security_agents`: how many beside this one decide for the provider."""
    changed = replace(agent, roles=tuple(sorted(roles)), is_installed=False)
    if set(changed.roles) == set(agent.roles):
        raise RolesUnchanged
    if SECURITY not in changed.roles:
        _require_enough(agent, other_security_agents)
    return changed


def disable(agent: AgentAccount, *, other_security_agents: int) -> AgentAccount:
    if agent.state is AgentState.DISABLED:
        raise AgentDisabledAlready
    _require_enough(agent, other_security_agents)
    return replace(agent, state=AgentState.DISABLED, is_installed=False)


def enable(agent: AgentAccount) -> AgentAccount:
    if agent.state is not AgentState.DISABLED:
        raise AgentNotDisabled
    return replace(agent, state=AgentState.ACTIVE)


def _require_enough(agent: AgentAccount, other_security_agents: int) -> None:
    decides = agent.side == SIDE_OF_PROVIDER and SECURITY in agent.roles and agent.state is AgentState.ACTIVE
    if decides and other_security_agents < FEWEST_SECURITY_AGENTS:
        raise LastSecurityAgents


def new_totp_secret() -> str:
    """160 random bits in base32 (RFC 4226 §4 asks for 128 at least)."""
    return pyotp.random_base32()


def is_totp_secret(text: str) -> bool:
    """Whether it is base32 of 128 bits or more."""
    try:
        return len(pyotp.TOTP(text).byte_secret()) >= FEWEST_TOTP_BYTES
    except ValueError:
        return False


def otpauth_uri(secret: str, *, name: str, issuer: str) -> str:
    """What an authenticator application reads, as text or as a picture."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=name, issuer_name=issuer)


def find_step(secret: str, typed: str, *, last_step: int, at: datetime) -> int | None:
    """The time step that a typed code belongs to (RFC 6238 §5.2): one around now, later than the last one used."""
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    present = int(at.timestamp()) // STEP_SECONDS
    digits = "".join(typed.split())
    found = None
    for step in (present + around for around in STEPS_AROUND):
        if hmac.compare_digest(totp.generate_otp(step).encode(), digits.encode()) and step > last_step:
            found = step
    return found
