"""The step in which a person allows a vendor's product what it asks, or refuses."""

from dataclasses import replace

from libs.common.database import Connection
from services.auth import records
from services.auth.parts import Parts
from services.auth.session import commands, consent, steps
from services.auth.session.commands import Opened
from services.auth.session.decline import decline
from services.auth.session.holder import Holder
from services.auth.session.rules import Session
from services.auth.session.visit import Outcome, Visit
from services.auth.user_code.rules import Facts

REFUSED = "consent-refused"


async def allow(parts: Parts, visit: Visit, session: Session, *, facts: Facts) -> Outcome:
    """Raises UnexpectedRowCount when the session ends at this moment."""
    holder = Holder.of(facts)
    answered = replace(visit, request=replace(visit.request, asks_consent=False))

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, steps.principal_of(holder, session, visit))
        await commands.touch_session(tx, call, session)
        await consent.keep(tx, call, session, request=visit.request, client=visit.client)
        outcome = await steps.pass_on(tx, parts, answered, holder, opened=Opened(session, ""))
        return replace(outcome, session_secret=None)

    return await steps.take(parts, visit, holder, step)


async def refuse(parts: Parts, visit: Visit, _session: Session, *, facts: Facts) -> Outcome:
    return await decline(parts, visit, Holder.of(facts), reason=REFUSED)
