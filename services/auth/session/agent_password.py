"""The password that an agent chooses in place of the one-time password that one of two persons was shown."""

from pydantic import SecretStr

from libs.common.database import Connection
from libs.common.errors import DomainError
from services.auth import records
from services.auth.agent_account.commands import choose_password, find_agent, password_of
from services.auth.agent_account.rules import AgentAccount, may_choose_password
from services.auth.parts import Parts
from services.auth.session import commands, steps
from services.auth.session.change_password import SESSION_GONE
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.choosing import choose_agents_password
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.rules import normalise_code


async def find_choosing_agent(parts: Parts, visit: Visit, session: Session) -> AgentAccount | None:
    """Whose sign-in waits for this; nobody once the account was disabled or given other credentials."""
    agent = await find_agent(parts.database, session.agent_id or commands.NOBODY)
    at = visit.circumstances.at
    if agent is None or not may_choose_password(agent, signed_in_at=session.authenticated_at, at=at):
        return None
    return agent


async def change_agent_password(
    parts: Parts, visit: Visit, session: Session, *, new: SecretStr, repeated: SecretStr
) -> Outcome:
    """Raises HashingBusy."""
    agent = await find_choosing_agent(parts, visit, session)
    if agent is None:
        claimed = Holder(agent=await find_agent(parts.database, session.agent_id or commands.NOBODY))
        return await steps.refuse(parts, visit, claimed, reason=SESSION_GONE, outcome=Outcome(Next.START_AGAIN))
    holder = Holder(agent=agent)
    principal = steps.principal_of(holder, session, visit)
    try:
        hashed = await choose_agents_password(
            parts, name=agent.name, present=password_of(agent), new=new, repeated=repeated
        )
    except DomainError as error:
        await steps.record_alone(parts, principal, visit.circumstances, refusal=error.code)
        if isinstance(error, HashingBusy):
            raise
        return Outcome(Next.REFUSED, Stage.CHANGE_PASSWORD, error=error)
    subjects = steps.subjects_of(parts, visit, name=normalise_code(agent.name))

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, principal)
        await choose_password(tx, call, agent, password=hashed)
        changed = await commands.find_holder(tx, session)
        opened = await commands.move_session(
            tx, call, session, holder=changed, amr=session.amr, aging=parts.settings.password_aging
        )
        return await steps.pass_on(tx, parts, visit, changed, opened=opened, subjects=subjects)

    return await steps.take(parts, visit, holder, step)
