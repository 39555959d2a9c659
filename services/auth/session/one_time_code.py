"""The second factor of an agent."""

from pydantic import SecretStr

from libs.common.contracts.auth import AuthenticationFailed
from libs.common.database import Connection
from services.auth import records
from services.auth.agent_account.commands import find_agent, use_one_time_code
from services.auth.parts import Parts
from services.auth.session import commands, rules, steps
from services.auth.session.holder import Holder
from services.auth.session.rules import Session
from services.auth.session.visit import Next, Outcome, Visit

WRONG_ONE_TIME_CODE = "wrong-one-time-code"


async def give_one_time_code(parts: Parts, visit: Visit, session: Session, *, typed: SecretStr) -> Outcome:
    agent = await find_agent(parts.database, session.agent_id or commands.NOBODY)
    if agent is None:
        return Outcome(Next.START_AGAIN)
    holder = Holder(agent=agent)
    principal = steps.principal_of(holder, session, visit)
    subjects = steps.subjects_of(parts, visit, name=f"totp {agent.id}")
    refusal = await steps.wait_for_attempt(parts, visit, principal, subjects=subjects)
    if refusal is not None:
        return refusal

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, principal)
        if not await use_one_time_code(
            tx, call, agent, sealing_key=parts.sealing_key, typed=typed.get_secret_value()
        ):
            await steps.record(tx, principal, visit.circumstances, refusal=WRONG_ONE_TIME_CODE)
            failed = AuthenticationFailed(agent_id=agent.id, factor="totp")
            await steps.publish_failed(tx, visit, principal, holder, failed=failed)
            return Outcome(Next.REFUSED)
        amr = (*session.amr, rules.ONE_TIME_CODE)
        opened = await commands.move_session(
            tx, call, session, holder=holder, amr=amr, aging=parts.settings.password_aging
        )
        return await steps.pass_on(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await steps.take(parts, visit, holder, step)
