"""What every step of a sign-in has in common: one transaction, one access record with its result, one way on."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from libs.common.access_records import Circumstances, record_call
from libs.common.contracts.auth import AuthenticationFailed
from libs.common.contracts.envelope import agent_key, applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import FactsTooOld, StateChanged
from libs.common.outbox import publish
from libs.common.principal import Principal
from services.auth import records
from services.auth.authorization.commands import find_answered_and_client, grant, may_answer
from services.auth.parts import Parts
from services.auth.session import attempts, commands, consent, devices, rules, step_up, store
from services.auth.session.attempts import Heard, Subjects
from services.auth.session.commands import Opened
from services.auth.session.devices import Binding
from services.auth.session.forms import AnsweredBefore
from services.auth.session.holder import Holder
from services.auth.session.representation import is_choice_offered
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.session.watching import watch_sign_in

TOO_MANY = "too-many-attempts"
OF_ANOTHER, ANSWERED = "session-of-another-request", "request-answered-before"
Step = Callable[[Connection], Awaitable[Outcome]]


class Objected(Exception):
    """Something speaks against the step, as `standing` does: nothing of it is kept but its record."""

    def __init__(self, reason: str, outcome: Outcome) -> None:
        super().__init__(reason)
        self.reason = reason
        self.outcome = outcome


async def take(parts: Parts, visit: Visit, holder: Holder, step: Step) -> Outcome:
    """The step in its transaction; it must end in `pass_on` or record its own refusal.

    Raises StateChanged, and AnsweredBefore when another form of this browser was faster.
    """
    try:
        async with parts.database.transaction() as tx:
            outcome = await step(tx)
    except Objected as objected:
        await _forgive(parts, objected.outcome)
        return await refuse(parts, visit, holder, reason=objected.reason, outcome=objected.outcome)
    except StateChanged as changed:
        await refuse(parts, visit, holder, reason=changed.code, outcome=Outcome(Next.START_AGAIN))
        raise
    await _forgive(parts, outcome)
    return outcome


async def _forgive(parts: Parts, outcome: Outcome) -> None:
    if outcome.forgiven is not None:
        await attempts.forgive(parts.database, outcome.forgiven)


async def _is_answered(database: Database | Connection, visit: Visit) -> bool:
    """Since the form was read."""
    secret, at = visit.request_secret, visit.circumstances.at
    return await find_answered_and_client(database, secret, at=at) is not None


async def require_unanswered(tx: Connection, visit: Visit) -> None:
    """What is wrong now may have been right when the form came first. Raises Objected."""
    if await _is_answered(tx, visit):
        raise Objected(ANSWERED, Outcome(Next.START_AGAIN))


async def pass_on(  # noqa: PLR0913 - the last step has all that the others found
    tx: Connection,
    parts: Parts,
    visit: Visit,
    holder: Holder,
    *,
    opened: Opened,
    subjects: Subjects | None = None,
) -> Outcome:
    """Records the step as done; when nothing is left to be done, answers the client's request with a code.

    Raises Objected when the session may not answer it, which somebody must sign in for anew.
    """
    session = opened.session
    reason = await record(tx, principal_of(holder, session, visit), visit.circumstances)
    if reason is not None:
        raise Objected(reason, Outcome(Next.LATER if reason == FactsTooOld.code else Next.REFUSED))
    if not may_answer(visit.request, visit.client, session, holder):
        raise Objected(OF_ANOTHER, Outcome(Next.SIGN_IN, forgiven=subjects))
    # A session that is complete is good for other requests, whatever this one still lacks.
    if session.stage is Stage.COMPLETE and holder.facts is not None:
        await watch_sign_in(
            tx,
            records.call_of(visit.circumstances, principal_of(holder, session, visit)),
            parts.passwords,
            code=holder.facts.code,
            session=session,
            circumstances=visit.circumstances,
        )
    due = await due_stage(tx, session, visit, holder)
    if due is not Stage.COMPLETE:
        if session.stage is Stage.COMPLETE:
            await step_up.note_step_up(tx, visit.request_secret, session, at=visit.circumstances.at)
        return Outcome(Next.STEP, due, session_secret=opened.secret, forgiven=subjects)
    location = await grant(
        tx,
        parts,
        visit.request,
        visit.client,
        session,
        holder=holder,
        secret=visit.request_secret,
        form=visit.form,
        at=visit.circumstances.at,
    )
    if location is None:
        raise Objected(ANSWERED, Outcome(Next.START_AGAIN, forgiven=subjects))
    return replace(
        way_back(parts, visit, holder, location=location), session_secret=opened.secret, forgiven=subjects
    )


def way_back(parts: Parts, visit: Visit, holder: Holder, *, location: str) -> Outcome:
    """With a code, to the client."""
    return Outcome(Next.BACK, location=location, devices=_known_by(parts, visit, holder), may_come_again=True)


def _known_by(parts: Parts, visit: Visit, holder: Holder) -> str | None:
    """The browser's cookie, from now on also for this code."""
    binding = binding_of(holder)
    if binding is None:
        return None
    return devices.renew(visit.devices, binding, tag=parts.passwords.device_tag, at=visit.circumstances.at)


def binding_of(holder: Holder) -> Binding | None:
    """What a browser's knowing of a code or an agent rests on: it ends with every change of the password."""
    if holder.facts is not None:
        code = holder.facts.code
        return Binding(code.actor, code.password_set_at.isoformat())
    return Binding(holder.agent.actor, holder.agent.password_hash) if holder.agent else None


async def due_stage(tx: Connection, session: Session, visit: Visit, holder: Holder) -> Stage:
    """The session's own next step, then what the request asks for beyond it."""
    required = visit.request.required_acr
    if session.stage is not Stage.COMPLETE:
        return session.stage
    if required is not None:
        known = await commands.with_factors(tx, holder)
        lacking = rules.step_up_stage(session, required_acr=required, factors=known.factors)
        if lacking is not None:
            return lacking
    if await _is_choice_due(tx, session, visit):
        return Stage.APPLICANT
    return await consent.due_stage(tx, session, request=visit.request, client=visit.client)


async def _is_choice_due(tx: Connection, session: Session, visit: Visit) -> bool:
    """Only a session that was complete when the request came was offered one, and what it has become since."""
    if visit.session is None or visit.session.stage is not Stage.COMPLETE:
        return False
    return await is_choice_offered(tx, visit.request_secret, session_id=session.id)


async def wait_for_attempt(
    parts: Parts, visit: Visit, principal: Principal, *, subjects: Subjects
) -> Outcome | None:
    """Counts an attempt as failed until it turns out well; the refusal when it is not heard now."""
    heard = await attempts.count_attempt(parts.database, subjects, at=visit.circumstances.at)
    return await make_wait(parts, visit, principal, heard=heard) if heard.wait else None


async def make_wait(parts: Parts, visit: Visit, principal: Principal, *, heard: Heard) -> Outcome:
    await record_alone(parts, principal, visit.circumstances, refusal=TOO_MANY)
    return Outcome(Next.WAIT, retry_after=heard.wait)


async def refuse(  # noqa: PLR0913 - what is recorded, each by name
    parts: Parts,
    visit: Visit,
    claimed: Holder,
    *,
    reason: str,
    outcome: Outcome,
    is_failure: bool = False,
) -> Outcome:
    """`is_failure`: a factor of a known code was wrong, which others are told.

    Raises AnsweredBefore instead of starting again when another form of this browser was faster.
    """
    if outcome.next is Next.START_AGAIN and await _is_answered(parts.database, visit):
        raise AnsweredBefore(visit)
    circumstances, facts = visit.circumstances, claimed.facts
    principal = claimed_by(visit, claimed)
    async with parts.database.transaction() as tx:
        await record(tx, principal, circumstances, refusal=reason)
        if is_failure and facts is not None:
            failed = AuthenticationFailed(
                applicant_id=facts.code.applicant_id, user_code_id=facts.code.id, factor="password"
            )
            key = applicant_key(facts.code.applicant_id)
            call = records.call_of(circumstances, principal)
            await publish(tx, call, failed, service=commands.SERVICE, partitionkey=key)
        else:
            store.pretend_event(tx)
    return outcome


async def publish_failed(
    tx: Connection, visit: Visit, principal: Principal, holder: Holder, *, failed: AuthenticationFailed
) -> None:
    key = agent_key(holder.agent.id) if holder.agent else applicant_key(holder.applicant_id or commands.NOBODY)
    call = records.call_of(visit.circumstances, principal)
    await publish(tx, call, failed, service=commands.SERVICE, partitionkey=key)


async def record(
    tx: Connection, principal: Principal, circumstances: Circumstances, *, refusal: str | None = None
) -> str | None:
    return await record_call(
        tx, principal, circumstances=circumstances, applicant_id=None, refusal=refusal, recourse_route=True
    )


async def record_alone(parts: Parts, principal: Principal, circumstances: Circumstances, *, refusal: str) -> None:
    async with parts.database.transaction() as tx:
        await record(tx, principal, circumstances, refusal=refusal)


def claiming(holder: Holder, visit: Visit) -> Principal:
    """Who opens a session, before the session is there to be named."""
    return records.acting(claimed_by(visit, holder), holder.actor or records.ANONYMOUS)


def claimed_by(visit: Visit, claimed: Holder) -> Principal:
    """Somebody who has not shown that they are whom they name."""
    return records.somebody_claiming(claimed, client_id=visit.client.client_id, at=visit.circumstances.at)


def principal_of(holder: Holder, session: Session, visit: Visit) -> Principal:
    issued_at = records.earliest_token(visit.circumstances.at)
    return records.holder(holder, session, client_id=visit.client.client_id, issued_at=issued_at)


def subjects_of(parts: Parts, visit: Visit, *, name: str) -> Subjects:
    """Of a step that a known browser does not shorten."""
    return attempts.subjects_of(parts.passwords, visit.circumstances, name=name)


def subjects_of_known(parts: Parts, visit: Visit, holder: Holder, *, name: str) -> Subjects:
    """By the browser, where it signed in with this code before; else as a stranger."""
    found = visit.circumstances
    binding = binding_of(holder)
    device = devices.find(visit.devices, binding, tag=parts.passwords.device_tag, at=found.at)
    return attempts.subjects_of(parts.passwords, found, name=name, device=device)
