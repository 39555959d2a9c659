"""The commands on agents' accounts, for two agents with the role security."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.http import RequestModel
from libs.common.proposal.command import Command, Executed, Secrets
from libs.common.proposal.rules import Subject
from services.auth.agent_account import changes, rules
from services.auth.parts import Parts
from services.auth.user_code.passwords import HashingBusy

# The provider's decide for any side, a department's for their own (Subject.side).
SECURITY_AGENTS = frozenset({"agent:security", "department_agent:security"})
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]
Role = Literal["validator", "decider", "support", "auditor", "security"]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(rules.ROLES))]


class NewAgent(RequestModel):
    name: Name
    side: Name
    roles: Roles


class NamedAgent(RequestModel):
    name: Name


class AgentWithRoles(RequestModel):
    name: Name
    roles: Roles


async def _side_of_new(_tx: Connection, content: NewAgent) -> Subject:
    return Subject(content.side)


async def _known(tx: Connection, content: NamedAgent | AgentWithRoles) -> Subject:
    agent = await changes.require(tx, content.name)
    return Subject(agent.side, concerns=(agent.actor,))


async def _check_create(tx: Connection, _call: Call, content: NewAgent) -> None:
    await changes.require_name_free(tx, content.name)


async def _create(parts: Parts, tx: Connection, call: Call, content: NewAgent) -> Executed:
    roles = sorted(set(content.roles))
    return await changes.create_agent(parts, tx, call, name=content.name, side=content.side, roles=list(roles))


async def _check_roles(tx: Connection, call: Call, content: AgentWithRoles) -> None:
    agent = await changes.require(tx, content.name)
    others = await changes.others_of(tx, call, agent)
    rules.change_roles(agent, set(content.roles), other_security_agents=others)


async def _change_roles(_parts: Parts, tx: Connection, call: Call, content: AgentWithRoles) -> Executed:
    agent = await changes.require(tx, content.name)
    return await changes.change_roles(tx, call, agent, roles=sorted(set(content.roles)))


async def _check_disable(tx: Connection, call: Call, content: NamedAgent) -> None:
    agent = await changes.require(tx, content.name)
    rules.disable(agent, other_security_agents=await changes.others_of(tx, call, agent))


async def _disable(_parts: Parts, tx: Connection, call: Call, content: NamedAgent) -> Executed:
    return await changes.disable(tx, call, await changes.require(tx, content.name))


async def _check_enable(tx: Connection, _call: Call, content: NamedAgent) -> None:
    rules.enable(await changes.require(tx, content.name))


async def _enable(_parts: Parts, tx: Connection, call: Call, content: NamedAgent) -> Executed:
    return await changes.enable(tx, call, await changes.require(tx, content.name))


async def _reset(parts: Parts, tx: Connection, call: Call, content: NamedAgent) -> Executed:
    return await changes.reset_credentials(parts, tx, call, await changes.require(tx, content.name))


def _open(parts: Parts, content: NewAgent | NamedAgent, sealed: bytes) -> Secrets:
    return {"one_time_password": changes.open_one_time_password(parts, content.name, sealed)}


CREATE: Command[Parts, NewAgent] = Command(
    "create_agent",
    NewAgent,
    proposers=SECURITY_AGENTS,
    approvers=SECURITY_AGENTS,
    subject=_side_of_new,
    check=_check_create,
    execute=_create,
    unseal=_open,
    raises=(rules.AgentNameTaken, HashingBusy),
)
CHANGE_ROLES: Command[Parts, AgentWithRoles] = Command(
    "change_agent_roles",
    AgentWithRoles,
    proposers=SECURITY_AGENTS,
    approvers=SECURITY_AGENTS,
    subject=_known,
    check=_check_roles,
    execute=_change_roles,
    raises=(rules.LastSecurityAgents, rules.RolesUnchanged),
)
DISABLE: Command[Parts, NamedAgent] = Command(
    "disable_agent",
    NamedAgent,
    proposers=SECURITY_AGENTS,
    approvers=SECURITY_AGENTS,
    subject=_known,
    check=_check_disable,
    execute=_disable,
    needs_facts=False,
    raises=(rules.AgentDisabledAlready, rules.LastSecurityAgents),
)
ENABLE: Command[Parts, NamedAgent] = Command(
    "enable_agent",
    NamedAgent,
    proposers=SECURITY_AGENTS,
    approvers=SECURITY_AGENTS,
    subject=_known,
    check=_check_enable,
    execute=_enable,
    raises=(rules.AgentNotDisabled,),
)
RESET: Command[Parts, NamedAgent] = Command(
    "reset_agent_credentials",
    NamedAgent,
    proposers=SECURITY_AGENTS,
    approvers=SECURITY_AGENTS,
    subject=_known,
    execute=_reset,
    unseal=_open,
    raises=(HashingBusy,),
)
COMMANDS = (CREATE, CHANGE_ROLES, DISABLE, ENABLE, RESET)
