"""A request that asks for more than a complete session proves (RFC 9470): what is missing, and going on."""

from datetime import datetime, timedelta

from libs.common.database import Connection
from services.auth.parts import Parts
from services.auth.session import commands, rules, store
from services.auth.session.forms import NotToBeAnswered
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Visit

# A request lives a quarter of an hour.
FORGOTTEN = timedelta(hours=1)


async def note_step_up(tx: Connection, request_secret: str, session: Session, *, at: datetime) -> None:
    """From here on this session answers this request by a factor alone; no older session does."""
    await store.save_step_up(tx, rules.hash_secret(request_secret), session_id=session.id, at=at)


async def carry_step_ups(tx: Connection, session: Session, *, to: Session) -> None:
    """With the choices that wait until the session has been stepped up."""
    await store.carry_choices(tx, session.id, to=to.id)
    await store.carry_step_ups(tx, session.id, to=to.id)


async def forget_old_step_ups(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old_step_ups(tx, before=at - FORGOTTEN)


async def require_factor_due(parts: Parts, visit: Visit) -> tuple[Session, Holder]:
    """The session that a second factor is asked of now. Raises NotToBeAnswered when none is."""
    session = visit.session
    if session is None:
        raise NotToBeAnswered("start-again")
    holder = await commands.find_holder(parts.database, session)
    if session.stage is Stage.ONE_TIME_CODE:
        return session, holder
    required = visit.request.required_acr
    stage = rules.step_up_stage(session, required_acr=required, factors=holder.factors)
    if stage is not Stage.ONE_TIME_CODE or not await is_noted(parts, visit, session):
        raise NotToBeAnswered("start-again")
    return session, holder


async def is_noted(parts: Parts, visit: Visit, session: Session) -> bool:
    if session.stage is not Stage.COMPLETE:
        return False
    return await store.is_step_up(parts.database, rules.hash_secret(visit.request_secret), session_id=session.id)
