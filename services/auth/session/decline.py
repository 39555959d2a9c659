"""The person goes back to the client without what it asked for, which the client is told (RFC 6749 §4.1.2.1)."""

from services.auth import records
from services.auth.authorization.commands import take_request
from services.auth.authorization.rules import answer_address
from services.auth.parts import Parts
from services.auth.session import commands, steps
from services.auth.session.holder import Holder
from services.auth.session.rules import Stage
from services.auth.session.visit import Next, Outcome, Visit

CANCELLED = "sign-in-cancelled"
DENIED = {"error": "access_denied", "error_description": "the person does not allow it"}


async def cancel(parts: Parts, visit: Visit) -> Outcome:
    """At any step."""
    holder = Holder() if visit.session is None else await commands.find_holder(parts.database, visit.session)
    return await decline(parts, visit, holder, reason=CANCELLED)


async def decline(parts: Parts, visit: Visit, holder: Holder, *, reason: str) -> Outcome:
    """A sign-in that was begun ends with it; a complete session stays, and what was allowed before."""
    request, session, at = visit.request, visit.session, visit.circumstances.at
    principal = records.nobody(client_id=visit.client.client_id, at=at)
    if session is not None:
        principal = steps.principal_of(holder, session, visit)
    async with parts.database.transaction() as tx:
        await steps.record(tx, principal, visit.circumstances, refusal=reason)
        if not await take_request(tx, visit.request_secret):
            return Outcome(Next.START_AGAIN)
        if session is not None and session.stage is not Stage.COMPLETE:
            call = records.call_of(visit.circumstances, principal)
            await commands.end_session(tx, call, session, reason="signed-out")
    issuer = parts.settings.issuer
    location = answer_address(request.redirect_uri, issuer=issuer, state=request.state, **DENIED)
    return Outcome(Next.BACK, location=location)
