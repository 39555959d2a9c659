"""The second factor as a step: of an agent, and of a person who has bound one."""

from dataclasses import replace

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.contracts.auth import AuthenticationFailed, SecondFactorGuessed
from libs.common.database import Connection
from libs.common.outbox import publish
from services.auth import records
from services.auth.parts import Parts
from services.auth.second_factor.commands import key_of, named
from services.auth.second_factor.emailed import send_emailed_code
from services.auth.second_factor.proof import prove_by_code
from services.auth.second_factor.rules import GUESSABLE, FactorKind, NoEmailAddress, Owner, kind_of_typed
from services.auth.session import attempts, commands, rules, slowing, step_up, steps
from services.auth.session.attempts import Subjects
from services.auth.session.commands import Opened
from services.auth.session.holder import Holder
from services.auth.session.representation import with_choices
from services.auth.session.rules import Session, Stage
from services.auth.session.slowing import Attempts
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.commands import keep_code
from services.auth.user_code.password_rules import Aging

WRONG_ONE_TIME_CODE = "wrong-one-time-code"


async def give_one_time_code(parts: Parts, visit: Visit, session: Session, *, typed: SecretStr) -> Outcome:
    holder = await commands.find_holder(parts.database, session)
    owner = holder.owner
    if owner is None:
        return Outcome(Next.START_AGAIN)
    principal = steps.principal_of(holder, session, visit)
    kind = kind_of_typed(typed.get_secret_value())
    heard = await attempts.count_attempt(
        parts.database, _subjects(parts, visit, holder, owner, kind=kind), at=visit.circumstances.at
    )
    if heard.wait:
        return await steps.make_wait(parts, visit, principal, heard=heard)
    choosing, aging = await find_choosing(parts, visit, session, holder), parts.settings.password_aging

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, principal)
        await keep_code_of(tx, holder)
        is_proved = await prove_by_code(
            tx,
            call,
            parts,
            owner,
            agent=holder.agent,
            session_id=session.id,
            kind=kind,
            typed=typed.get_secret_value(),
        )
        if not is_proved:
            await steps.require_unanswered(tx, visit)
            refused = await refuse(tx, visit, holder, session, kind=kind)
            return await _slow(tx, call, owner, session, of_owner=heard.of_owner) or refused
        opened = await prove(tx, call, session, kind=kind, choosing=choosing, aging=aging)
        return await steps.pass_on(tx, parts, visit, holder, opened=opened, subjects=heard.by)

    return await steps.take(parts, visit, holder, step)


def _subjects(parts: Parts, visit: Visit, holder: Holder, owner: Owner, *, kind: FactorKind) -> Subjects:
    """What cannot be found by trying is counted apart, so that who tries the others does not delay it."""
    binding = steps.binding_of(holder)
    if kind not in GUESSABLE or binding is None:
        return steps.subjects_of(parts, visit, name=f"{kind} of {owner.id}")
    subjects = steps.subjects_of(parts, visit, name=f"second factor {owner.id}")
    return attempts.with_owner(parts.passwords, subjects, binding)


async def _slow(
    tx: Connection, call: Call, owner: Owner, session: Session, *, of_owner: Attempts | None
) -> Outcome | None:
    """After so many wrong codes in a row the next one takes the password again, and a wait."""
    if of_owner is None or not slowing.is_slowed(of_owner):
        return None
    if slowing.begins_to_slow(of_owner):
        guessed = SecondFactorGuessed(**named(owner))
        await publish(tx, call, guessed, service=commands.SERVICE, partitionkey=key_of(owner))
    if session.stage is Stage.COMPLETE:
        return None
    await commands.end_session(tx, call, session, reason="ended-by-other")
    return Outcome(Next.ENDED, retry_after=slowing.wait_seconds(of_owner, at=call.at))


async def keep_code_of(tx: Connection, holder: Holder) -> None:
    """Whoever resets a code locks it before its sessions and factors; so does whoever uses one."""
    if holder.facts is not None:
        await keep_code(tx, holder.facts.code.id)


async def prove(  # noqa: PLR0913 - what was proved and what comes next, each by name
    tx: Connection, call: Call, session: Session, *, kind: FactorKind, choosing: Holder, aging: Aging
) -> Opened:
    if session.stage is Stage.COMPLETE:
        return await strengthen(tx, call, session, amr=rules.with_proof(session.amr, kind))
    holder = replace(await commands.find_holder(tx, session), represented=choosing.represented)
    amr = rules.with_proof(session.amr, kind)
    return await commands.move_session(tx, call, session, holder=holder, amr=amr, aging=aging)


async def strengthen(tx: Connection, call: Call, session: Session, *, amr: tuple[str, ...]) -> Opened:
    """A complete session that proved something anew is another one, and answers what the former was to answer."""
    opened = await commands.strengthen_session(tx, call, session, amr=amr)
    await step_up.carry_step_ups(tx, session, to=opened.session)
    return opened


async def find_choosing(parts: Parts, visit: Visit, session: Session, holder: Holder) -> Holder:
    """With whom they may act for, where this may be the last step; asked before anything is locked."""
    if session.stage is Stage.COMPLETE or session.is_recourse:
        return holder
    return await with_choices(parts, holder, visit.circumstances)


async def refuse(tx: Connection, visit: Visit, holder: Holder, session: Session, *, kind: FactorKind) -> Outcome:
    """One answer, whatever was typed; others are told which factor failed."""
    principal = steps.principal_of(holder, session, visit)
    await steps.record(tx, principal, visit.circumstances, refusal=WRONG_ONE_TIME_CODE)
    if holder.owner is not None:
        failed = AuthenticationFailed(**named(holder.owner), factor=kind.value)
        await steps.publish_failed(tx, visit, principal, holder, failed=failed)
    return Outcome(Next.REFUSED)


async def ask_emailed_code(parts: Parts, visit: Visit, session: Session) -> None:
    """Raises NoEmailAddress, TooManyMails, MailNotSent."""
    holder = await commands.find_holder(parts.database, session)
    principal = steps.principal_of(holder, session, visit)
    call = records.call_of(visit.circumstances, principal)
    if holder.owner is None or FactorKind.EMAIL not in holder.factors:
        await steps.record_alone(parts, principal, visit.circumstances, refusal=NoEmailAddress.code)
        raise NoEmailAddress
    async with parts.database.transaction() as tx:
        await steps.record(tx, principal, visit.circumstances)
    await send_emailed_code(parts, call, holder.owner, session_id=session.id)
