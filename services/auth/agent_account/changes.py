"""What two persons do to an agent's account; each runs in the transaction of their approval."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.contracts.auth import AgentAccountDisabled, AgentAccountEnabled
from libs.common.contracts.envelope import Event, agent_key
from libs.common.database import Connection
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.proposal.command import Executed
from libs.common.standing import set_standing
from services.auth.agent_account import rules, store
from services.auth.agent_account.rules import AgentAccount, AgentState, Credentials
from services.auth.key_files import seal, unseal
from services.auth.parts import Parts
from services.auth.second_factor.commands import remove_all_factors
from services.auth.second_factor.rules import Owner
from services.auth.session.commands import SERVICE, EndReason, end_session_by_id
from services.auth.user_code.rules import new_one_time_password

ISSUER = "clicSEQUR"


@dataclass(frozen=True)
class Issued:
    """New credentials: the stored form, and in clear what each of the two persons is shown."""

    stored: Credentials
    one_time_password: SecretStr
    totp_secret: SecretStr = field(repr=False)


async def require(tx: Connection, name: str) -> AgentAccount:
    """The account, while nobody else changes any. Raises UnknownOrForeign."""
    await store.lock(tx)
    found = await store.find_by_name(tx, name)
    if found is None:
        raise UnknownOrForeign
    return found


async def require_name_free(tx: Connection, name: str) -> None:
    await store.lock(tx)
    if await store.find_by_name(tx, name) is not None:
        raise rules.AgentNameTaken


async def others_of(tx: Connection, call: Call, agent: AgentAccount) -> int:
    return await store.count_other_security_agents(tx, agent.id, at=call.at)


async def create_agent(  # noqa: PLR0913 - what is created, each by name
    parts: Parts, tx: Connection, call: Call, *, name: str, side: str, roles: list[str]
) -> Executed:
    agent_id = new_id()
    issued = await _issue(parts, call, agent_id)
    agent = rules.create(agent_id, name, side=side, roles=roles, credentials=issued.stored, at=call.at)
    await store.add(tx, agent)
    await _record(tx, call, "create_agent", agent)
    return _executed(parts, agent, issued)


async def reset_credentials(parts: Parts, tx: Connection, call: Call, agent: AgentAccount) -> Executed:
    issued = await _issue(parts, call, agent.id)
    reset = rules.reset_credentials(agent, issued.stored, at=call.at)
    await store.save(tx, reset, was=agent)
    await shut_out(tx, call, agent)
    await _record(tx, call, "reset_agent_credentials", reset)
    return _executed(parts, reset, issued)


async def change_roles(tx: Connection, call: Call, agent: AgentAccount, *, roles: list[str]) -> Executed:
    """Tokens that name the old roles die with their sessions."""
    others = await others_of(tx, call, agent)
    changed = rules.change_roles(agent, roles, other_security_agents=others)
    await store.save(tx, changed, was=agent)
    await end_sessions(tx, call, agent, reason="ended-by-other")
    await _record(tx, call, "change_agent_roles", changed, roles_were=list(agent.roles))
    return Executed()


async def disable(tx: Connection, call: Call, agent: AgentAccount) -> Executed:
    disabled = rules.disable(agent, other_security_agents=await others_of(tx, call, agent))
    event = AgentAccountDisabled(agent_id=agent.id)
    return await _switch(tx, call, disabled, was=agent, command="disable_agent", event=event)


async def enable(tx: Connection, call: Call, agent: AgentAccount) -> Executed:
    event = AgentAccountEnabled(agent_id=agent.id)
    return await _switch(tx, call, rules.enable(agent), was=agent, command="enable_agent", event=event)


async def _switch(  # noqa: PLR0913 - the two states and what is told, each by name
    tx: Connection, call: Call, agent: AgentAccount, *, was: AgentAccount, command: str, event: Event
) -> Executed:
    await store.save(tx, agent, was=was)
    state = "active" if agent.state is AgentState.ACTIVE else "disabled"
    await set_standing(tx, "agent", agent.id, source=SERVICE, state=state, changed_at=call.at)
    await end_sessions(tx, call, agent, reason="suspended")
    await publish(tx, call, event, service=SERVICE, partitionkey=agent_key(agent.id))
    await _record(tx, call, command, agent)
    return Executed()


async def shut_out(tx: Connection, call: Call, agent: AgentAccount) -> None:
    """What somebody else may have bound or opened must not outlive the credentials that are replaced."""
    await remove_all_factors(tx, call, Owner(agent.id, None))
    await end_sessions(tx, call, agent, reason="ended-by-other")


async def end_sessions(tx: Connection, call: Call, agent: AgentAccount, *, reason: EndReason) -> None:
    for session_id in await store.list_open_sessions(tx, agent.id):
        await end_session_by_id(tx, call, session_id, reason=reason)


def open_one_time_password(parts: Parts, name: str, sealed: bytes) -> SecretStr:
    return SecretStr(unseal(parts.sealing_key, sealed, about=_about_password(name)).decode())


async def _issue(parts: Parts, call: Call, agent_id: UUID) -> Issued:
    one_time, totp = SecretStr(new_one_time_password()), SecretStr(rules.new_totp_secret())
    hashed = await parts.passwords.hash(one_time, is_one_time=True)
    stored = Credentials(
        password_hash=hashed.hash,
        pepper_key_id=hashed.pepper_key_id,
        sealed_totp=seal(parts.sealing_key, totp.get_secret_value().encode(), about=f"totp {agent_id}"),
        sealing_key_id=parts.sealing_key.id,
        expires_at=call.at + timedelta(days=parts.settings.one_time_password_days),
    )
    return Issued(stored, one_time, totp)


def _executed(parts: Parts, agent: AgentAccount, issued: Issued) -> Executed:
    """One factor to each of the two: neither can sign in as the agent."""
    uri = rules.otpauth_uri(issued.totp_secret.get_secret_value(), name=agent.name, issuer=ISSUER)
    password = issued.one_time_password.get_secret_value().encode()
    return Executed(
        to_approver={"totp_uri": SecretStr(uri)},
        sealed_for_proposer=seal(parts.sealing_key, password, about=_about_password(agent.name)),
    )


def _about_password(name: str) -> str:
    return f"one-time password of {name}"


async def _record(tx: Connection, call: Call, command: str, agent: AgentAccount, **told: list[str]) -> None:
    await record_evidence(tx, call, command, applicant_id=None, content={**content_of(agent), **told})


def content_of(agent: AgentAccount) -> dict[str, Any]:
    """What evidence keeps of an account."""
    return {"agent_id": str(agent.id), "name": agent.name, "side": agent.side, "roles": list(agent.roles)}
