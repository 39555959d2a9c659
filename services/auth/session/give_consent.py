"""The step in which a person allows a vendor's product what it asks, or refuses."""

from dataclasses import replace

from libs.common.database import Connection
from services.auth import records
from services.auth.authorization.commands import take_request
from services.auth.authorization.rules import answer_address
from services.auth.parts import Parts
from services.auth.session import commands, consent, steps
from services.auth.session.commands import Opened
from services.auth.session.holder import Holder
from services.auth.session.rules import Session
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.rules import Facts

REFUSED = "consent-refused"
DENIED = {"error": "access_denied", "error_description": "the person does not allow it"}


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


async def refuse(parts: Parts, visit: Visit, session: Session, *, facts: Facts) -> Outcome:
    """The client is told (RFC 6749 §4.1.2.1); what was allowed before stays allowed."""
    principal = steps.principal_of(Holder.of(facts), session, visit)
    request = visit.request
    async with parts.database.transaction() as tx:
        await steps.record(tx, principal, visit.circumstances, refusal=REFUSED)
        if not await take_request(tx, visit.request_secret):
            return Outcome(Next.START_AGAIN)
    issuer = parts.settings.issuer
    location = answer_address(request.redirect_uri, issuer=issuer, state=request.state, **DENIED)
    return Outcome(Next.BACK, location=location)
