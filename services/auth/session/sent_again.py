"""A form that is sent again once its request was answered: it ends where it did the first time."""

from dataclasses import replace
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import StateChanged
from services.auth import records
from services.auth.authorization import commands as authorization
from services.auth.authorization.rules import PostedForm, is_repeated
from services.auth.parts import Parts
from services.auth.session import commands, rules, steps, store
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.session.steps import ANSWERED, Objected
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.commands import keep_code


async def repeat(parts: Parts, visit: Visit, form: PostedForm) -> Outcome | None:
    """The way back to the client with another code, in the session that the first sending led to.

    None when it may not be given, which is recorded; then nothing that is sent for this request is any more.
    """
    try:
        async with parts.database.transaction() as tx:
            return await _repeat(tx, parts, visit, form)
    except Objected as objected:
        reason = objected.reason
    except StateChanged as changed:
        reason = changed.code
    async with parts.database.transaction() as tx:
        # Whoever may try one form after another finds out what the right one says.
        await authorization.forget_form(tx, visit.request_secret)
        nobody = records.nobody(client_id=visit.client.client_id, at=visit.circumstances.at)
        await steps.record(tx, nobody, visit.circumstances, refusal=reason)
    return None


async def is_signed_in(parts: Parts, visit: Visit) -> bool:
    """Whether this browser has the session that the request was answered in."""
    session = visit.session
    if session is None or session.stage is not Stage.COMPLETE:
        return False
    async with parts.database.transaction() as tx:
        answered = await authorization.lock_answered(tx, visit.request_secret, at=visit.circumstances.at)
        if answered is None or answered.session_id != session.id:
            return False
        return await _is_still_good(tx, visit, session, await commands.find_holder(tx, session))


async def _repeat(tx: Connection, parts: Parts, visit: Visit, form: PostedForm) -> Outcome:
    """Locks the code, the session and the consent in the order in which redeeming and the steps do.

    Raises Objected, and StateChanged when the session ends at this moment.
    """
    at = visit.circumstances.at
    answered = await authorization.lock_answered(tx, visit.request_secret, at=at)
    session = None if answered is None else await _keep_session(tx, parts, visit, answered.session_id)
    if answered is None or session is None:
        raise _objected(ANSWERED)
    if not is_repeated(answered, form, session_hash=session.secret_hash):
        raise _objected(ANSWERED)
    holder = await commands.with_factors(tx, await commands.find_holder(tx, session))
    location = await authorization.grant_again(
        tx, parts, visit.request, session, secret=visit.request_secret, former=answered.code_hash, at=at
    )
    if location is None:
        raise _objected(ANSWERED)
    principal = steps.principal_of(holder, session, visit)
    secret = await _hand_over(tx, records.call_of(visit.circumstances, principal), session, form)
    if not await _is_still_good(tx, visit, session, holder):
        raise _objected(ANSWERED)
    refusal = await steps.record(tx, principal, visit.circumstances)
    if refusal is not None:
        raise _objected(refusal)
    return replace(steps.way_back(parts, visit, holder, location=location), session_secret=secret)


def _objected(reason: str) -> Objected:
    return Objected(reason, Outcome(Next.START_AGAIN))


async def _keep_session(tx: Connection, parts: Parts, visit: Visit, session_id: UUID) -> Session | None:
    """The living session. Whoever suspends or resets its code locks that first, and so is it here."""
    session = await store.find(tx, session_id)
    if session is None or session.stage is not Stage.COMPLETE:
        return None
    if session.user_code_id is not None:
        await keep_code(tx, session.user_code_id)
    lifetime = commands.lifetime_of(parts.settings)
    return session if rules.is_alive(session, lifetime=lifetime, at=visit.circumstances.at) else None


async def _is_still_good(tx: Connection, visit: Visit, session: Session, holder: Holder) -> bool:
    """Whether the session may answer the request now, with nothing left to be done."""
    if not authorization.may_answer(visit.request, visit.client, session, holder):
        return False
    if rules.is_second_factor_due(holder, amr=session.amr):
        return False
    # What a product asked was allowed by the form that was answered; whether it still is, is looked up.
    allowed = replace(visit, request=replace(visit.request, asks_consent=False))
    return await steps.due_stage(tx, session, allowed, holder) is Stage.COMPLETE


async def _hand_over(tx: Connection, call: Call, session: Session, form: PostedForm) -> str | None:
    """The secret of the session, for a browser that does not have it: the first answer did not come there."""
    if form.session_brought == session.secret_hash:
        await commands.touch_session(tx, call, session)
        return None
    return (await commands.renew_secret(tx, call, session)).secret
