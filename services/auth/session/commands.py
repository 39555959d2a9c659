import secrets
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from libs.common.access_records import Circumstances
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.auth import SessionEnded, SessionStarted
from libs.common.contracts.envelope import agent_key, applicant_key
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.standing import set_standing
from libs.common.sweeping import in_rounds
from services.auth.agent_account.commands import find_agent
from services.auth.second_factor.commands import list_kinds
from services.auth.second_factor.rules import FactorKind
from services.auth.session import rules, store
from services.auth.session.holder import Holder, Represented
from services.auth.session.logout_delivery_store import add_of_session as add_logout_deliveries
from services.auth.session.rules import Lifetime, PostedConditions, Session, Stage
from services.auth.settings import AuthSettings
from services.auth.user_code.commands import find_facts, keep_code
from services.auth.user_code.password_rules import Aging

SERVICE = "auth"
SECRET_BYTES = 32
OWNER_OF_CONDITIONS = "clicsequr"
NOBODY = UUID(int=0)
EXPIRED_AT_ONCE = 200
EndReason = Literal["signed-out", "suspended", "expired", "ended-by-other"]


@dataclass(frozen=True)
class Opened:
    """A session with the secret that the browser keeps, known nowhere else."""

    session: Session
    secret: str = field(repr=False)


def lifetime_of(settings: AuthSettings) -> Lifetime:
    return Lifetime(
        timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_longest_hours)
    )


async def open_session(  # noqa: PLR0913 - what the session is made of, each by name
    tx: Connection,
    call: Call,
    holder: Holder,
    *,
    circumstances: Circumstances,
    is_recourse: bool,
    replaces: Session | None,
    aging: Aging,
    amr: tuple[str, ...] = (rules.PASSWORD,),
) -> Opened:
    """A new session with a new secret, whatever the browser brought; what it brought is ended."""
    if replaces is not None:
        await end_session(tx, call, replaces, reason="signed-out")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    conditions = None if is_recourse else await _conditions_of(tx, call, holder)
    is_due = conditions is not None and not conditions.is_shown
    stage = rules.stage_of(holder, amr=amr, aging=aging, at=call.at, conditions_due=is_due)
    session = Session(
        id=new_id(),
        secret_hash=rules.hash_secret(secret),
        stage=stage,
        user_code_id=holder.facts.code.id if holder.facts else None,
        applicant_id=holder.applicant_id,
        agent_id=holder.agent.id if holder.agent else None,
        is_recourse=is_recourse,
        amr=amr,
        conditions=conditions.version if conditions else None,
        authenticated_at=call.at,
        last_seen_at=call.at,
        started_at=call.at,
        address=circumstances.address,
        user_agent=circumstances.user_agent,
    )
    await store.add(tx, session)
    if stage is Stage.COMPLETE:
        await _start(tx, call, session)
    return Opened(session, secret)


async def move_session(  # noqa: PLR0913 - what the step has found, each by name
    tx: Connection,
    call: Call,
    session: Session,
    *,
    holder: Holder,
    amr: tuple[str, ...],
    aging: Aging,
    becomes: Session | None = None,
) -> Opened:
    """A step is done: the session goes to its next stage under a new secret, and is good once none is left.

    `becomes`: the session with what the step chose. A choice proves nobody: when they were authenticated stays.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    conditions = None if session.is_recourse else await _conditions_of(tx, call, holder)
    is_due = conditions is not None and not conditions.is_shown
    moved = replace(
        becomes or replace(session, authenticated_at=call.at),
        secret_hash=rules.hash_secret(secret),
        stage=rules.stage_of(holder, amr=amr, aging=aging, at=call.at, conditions_due=is_due),
        amr=amr,
        last_seen_at=call.at,
    )
    await store.save_stage(tx, moved, was=session.stage)
    if moved.stage is Stage.COMPLETE:
        await _start(tx, call, moved)
    return Opened(moved, secret)


async def _conditions_of(tx: Connection, call: Call, holder: Holder) -> PostedConditions | None:
    if holder.facts is None:
        return None
    code = holder.facts.code
    return await store.find_conditions(tx, OWNER_OF_CONDITIONS, user_code_id=code.id, at=call.at)


async def switch_session(tx: Connection, call: Call, session: Session, *, to: Represented | None) -> Opened:
    """The same person goes on for another applicant, in a session of its own: tokens of the former one are dead.

    When they were authenticated stays, and with it how long the session may last.
    """
    return await _go_on_as(tx, call, session, becomes=acting_for(session, to))


async def strengthen_session(tx: Connection, call: Call, session: Session, *, amr: tuple[str, ...]) -> Opened:
    """A complete session that proves more now is another one, under another secret."""
    return await _go_on_as(tx, call, session, becomes=replace(session, amr=amr, authenticated_at=call.at))


async def _go_on_as(tx: Connection, call: Call, session: Session, *, becomes: Session) -> Opened:
    """Raises SessionOver when somebody ended it meanwhile: nobody goes on from there."""
    # Whoever suspends or resets the code locks it before its sessions.
    if session.user_code_id is not None:
        await keep_code(tx, session.user_code_id)
    if not await end_session(tx, call, session, reason="signed-out"):
        raise rules.SessionOver
    secret = secrets.token_urlsafe(SECRET_BYTES)
    other = replace(
        becomes, id=new_id(), secret_hash=rules.hash_secret(secret), started_at=call.at, last_seen_at=call.at
    )
    await store.add(tx, other)
    await _start(tx, call, other)
    return Opened(other, secret)


def acting_for(session: Session, to: Represented | None) -> Session:
    """None: the code's own applicant."""
    return replace(
        session,
        represented_applicant_id=to.applicant_id if to else None,
        power_of_attorney_id=to.power_of_attorney_id if to else None,
    )


async def _start(tx: Connection, call: Call, session: Session) -> None:
    started = SessionStarted(
        session_id=session.id,
        acr=session.acr,
        applicant_id=session.applicant_id,
        user_code_id=session.user_code_id,
        agent_id=session.agent_id,
        represented_applicant_id=session.represented_applicant_id,
        power_of_attorney_id=session.power_of_attorney_id,
    )
    # Nothing is refused or sent because of it, and sign-ins are many: they may leave together.
    await publish(tx, call, started, service=SERVICE, partitionkey=_key(session), is_urgent=False)
    content = {
        "session_id": str(session.id),
        "acr": session.acr,
        "recourse": session.is_recourse,
        **_represented_in(session),
    }
    await record_evidence(tx, call, "start_session", applicant_id=session.applicant_id, content=content)


def _represented_in(session: Session) -> dict[str, str]:
    """For whom it is and under which power, which the session before it did not have."""
    if session.represented_applicant_id is None:
        return {}
    return {
        "represented_applicant_id": str(session.represented_applicant_id),
        "power_of_attorney_id": str(session.power_of_attorney_id),
    }


async def end_session(tx: Connection, call: Call, session: Session, *, reason: EndReason) -> bool:
    """Every service refuses its tokens; one that never was complete gave none. False when it had ended before."""
    if not await store.save_ended(tx, session.id, reason=reason, at=call.at):
        return False
    await add_logout_deliveries(tx, session.id, at=call.at)
    if session.stage is not Stage.COMPLETE:
        return True
    await set_standing(tx, "session", session.id, source=SERVICE, state="ended", changed_at=call.at)
    event = SessionEnded(
        session_id=session.id,
        reason=reason,
        applicant_id=session.applicant_id,
        user_code_id=session.user_code_id,
        agent_id=session.agent_id,
    )
    await publish(tx, call, event, service=SERVICE, partitionkey=_key(session))
    content = {"session_id": str(session.id), "reason": reason}
    await record_evidence(tx, call, "end_session", applicant_id=session.applicant_id, content=content)
    return True


def _key(session: Session) -> str:
    if session.applicant_id is not None:
        return applicant_key(session.applicant_id)
    return agent_key(session.agent_id or NOBODY)


async def end_sessions_of_code(
    tx: Connection, call: Call, user_code_id: UUID, *, reason: EndReason, but: UUID = NOBODY
) -> None:
    for session in await store.list_open_of_code(tx, user_code_id, but=but):
        await end_session(tx, call, session, reason=reason)


async def end_session_by_id(tx: Connection, call: Call, session_id: UUID, *, reason: EndReason) -> None:
    session = await store.find(tx, session_id)
    if session is not None:
        await end_session(tx, call, session, reason=reason)


async def end_expired_sessions(database: Database, settings: AuthSettings) -> None:
    call = Call(actor="system", at=now(), correlation_id=new_id())
    lifetime = lifetime_of(settings)

    async def end_some(tx: Connection) -> int:
        expired = await store.list_expired(
            tx,
            seen_before=call.at - lifetime.idle,
            opened_before=call.at - lifetime.longest,
            limit=EXPIRED_AT_ONCE,
        )
        for session in expired:
            await end_session(tx, call, session, reason="expired")
        return len(expired)

    await in_rounds(database, end_some, full=EXPIRED_AT_ONCE)


async def find_session(database: Database, secret: str | None, settings: AuthSettings) -> Session | None:
    """The living session that a browser's secret opens, complete or not."""
    if not secret:
        return None
    session = await store.find_by_secret(database, rules.hash_secret(secret))
    if session is None or not rules.is_alive(session, lifetime=lifetime_of(settings), at=now()):
        return None
    return session


async def find_holder(database: Database | Connection, session: Session) -> Holder:
    if session.user_code_id is not None:
        facts = await find_facts(database, session.user_code_id)
        return Holder() if facts is None else Holder.of(facts)
    return await with_factors(database, Holder(agent=await find_agent(database, session.agent_id or NOBODY)))


async def with_factors(database: Database | Connection, holder: Holder) -> Holder:
    """An agent has the application that was installed for it, whatever else."""
    kinds = await list_kinds(database, holder.owner)
    return replace(holder, factors=kinds | {FactorKind.TOTP} if holder.agent else kinds)


async def renew_secret(tx: Connection, call: Call, session: Session) -> Opened:
    """The browser that a complete session is of never got its secret, or is given another one.

    Raises UnexpectedRowCount when it has ended meanwhile.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    renewed = replace(session, secret_hash=rules.hash_secret(secret), last_seen_at=call.at)
    await store.save_stage(tx, renewed, was=Stage.COMPLETE)
    return Opened(renewed, secret)


async def touch_session(tx: Connection, call: Call, session: Session) -> None:
    """Raises UnexpectedRowCount when it has ended meanwhile."""
    await store.save_seen(tx, session.id, at=call.at)
