"""The three steps by which a session is opened; each leaves one access record, with its result."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import SecretStr

from libs.common.access_records import Circumstances, record_call
from libs.common.call import Call
from libs.common.contracts.auth import AuthenticationFailed, PasswordChanged
from libs.common.contracts.envelope import agent_key, applicant_key
from libs.common.database import Connection
from libs.common.errors import DomainError, FactsTooOld
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from libs.common.principal import Principal
from services.auth import records
from services.auth.agent_account.commands import find_agent, find_agent_by_name, use_one_time_code
from services.auth.agent_account.commands import password_of as password_of_agent
from services.auth.agent_account.rules import AgentAccount
from services.auth.authorization.commands import grant, take_request
from services.auth.authorization.rules import AuthorizationRequest
from services.auth.client.rules import Client
from services.auth.parts import Parts
from services.auth.session import attempts, commands, rules
from services.auth.session.attempts import Subjects
from services.auth.session.commands import Opened
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage
from services.auth.user_code import commands as user_codes
from services.auth.user_code.passwords import HashedPassword, HashingBusy
from services.auth.user_code.rules import (
    Facts,
    PasswordUsedBefore,
    RegistrationState,
    Verdict,
    judge_sign_in,
    must_change_password,
    normalise_code,
    require_good_password,
)

TOO_MANY = "too-many-attempts"
WRONG_ONE_TIME_CODE = "wrong-one-time-code"
REQUEST_GONE = "request-answered-before"
SESSION_GONE = "session-ended"


class Next(StrEnum):
    """Where the person goes from here."""

    REFUSED = "refused"
    WAIT = "wait"
    LATER = "later"
    STATE = "state"
    START_AGAIN = "start-again"
    ONE_TIME_CODE = "one-time-code"
    CHANGE_PASSWORD = "change-password"  # noqa: S105 - a page
    BACK = "back"


class _Objected(Exception):
    """`standing` or a parked event speaks against the step: nothing of it is kept but its record."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Visit:
    """One posted form: for which request of which client, under which circumstances."""

    circumstances: Circumstances
    request: AuthorizationRequest
    request_secret: str = field(repr=False)
    client: Client
    session: Session | None


@dataclass(frozen=True)
class Outcome:
    """`location` leads back to the client; `session_secret` goes into the cookie."""

    next: Next
    session_secret: str | None = field(default=None, repr=False)
    location: str | None = field(default=None, repr=False)
    retry_after: int = 0
    state: RegistrationState | None = None
    error: DomainError | None = None


async def sign_in(parts: Parts, visit: Visit, *, typed_name: str, password: SecretStr) -> Outcome:
    """By user code and password, or in the portal by an agent's name and password. Raises HashingBusy."""
    facts = await user_codes.find_facts_by_code(parts.database, typed_name)
    agent = None
    if facts is None and visit.client.is_portal:
        agent = await find_agent_by_name(parts.database, typed_name)
    subjects = _subjects(parts, visit, name=normalise_code(typed_name))
    wait = await attempts.count_attempt(parts.database, subjects, at=visit.circumstances.at)
    if wait:
        return await _refuse(parts, visit, facts, reason=TOO_MANY, outcome=Outcome(Next.WAIT, retry_after=wait))
    try:
        matches = await parts.passwords.verify(password, _known_password(facts, agent))
    except HashingBusy as busy:
        await _refuse(parts, visit, facts, reason=busy.code, outcome=Outcome(Next.LATER))
        raise
    if agent is not None and matches:
        return await _admit_agent(parts, visit, agent, subjects=subjects)
    if facts is None:
        return await _refuse_unknown(parts, visit, agent)
    verdict = judge_sign_in(
        facts,
        password_matches=matches,
        recourse=visit.request.asks_recourse,
        one_time_days=parts.settings.one_time_password_days,
        at=visit.circumstances.at,
    )
    return await _follow(parts, visit, facts, verdict=verdict, subjects=subjects)


def _subjects(parts: Parts, visit: Visit, *, name: str) -> Subjects:
    return attempts.subjects_of(parts.passwords, name=name, address=visit.circumstances.address or "")


def _known_password(facts: Facts | None, agent: AgentAccount | None) -> HashedPassword | None:
    if facts is not None:
        return user_codes.password_of(facts.code)
    return password_of_agent(agent) if agent else None


async def _follow(parts: Parts, visit: Visit, facts: Facts, *, verdict: Verdict, subjects: Subjects) -> Outcome:
    if verdict in {Verdict.ADMITTED, Verdict.RECOURSE}:
        return await _admit_person(parts, visit, facts, verdict=verdict, subjects=subjects)
    outcome = Outcome(Next.REFUSED)
    if verdict in {Verdict.REGISTRATION_SUSPENDED, Verdict.REGISTRATION_CANCELLED}:
        outcome = Outcome(Next.STATE, state=facts.registration_state)
    is_failure = verdict is Verdict.WRONG_PASSWORD
    return await _refuse(parts, visit, facts, reason=verdict.value, outcome=outcome, is_failure=is_failure)


async def _refuse(  # noqa: PLR0913 - what is recorded, each by name
    parts: Parts,
    visit: Visit,
    facts: Facts | None,
    *,
    reason: str,
    outcome: Outcome,
    is_failure: bool = False,
) -> Outcome:
    circumstances = visit.circumstances
    principal = records.somebody_claiming(facts, client_id=visit.client.client_id, at=circumstances.at)
    async with parts.database.transaction() as tx:
        await _record(tx, principal, circumstances, refusal=reason)
        if is_failure and facts is not None:
            failed = AuthenticationFailed(
                applicant_id=facts.code.applicant_id, user_code_id=facts.code.id, factor="password"
            )
            key = applicant_key(facts.code.applicant_id)
            call = records.call_of(circumstances, principal)
            await publish(tx, call, failed, service=commands.SERVICE, partitionkey=key)
    return outcome


async def _refuse_unknown(parts: Parts, visit: Visit, agent: AgentAccount | None) -> Outcome:
    reason = Verdict.UNKNOWN_CODE if agent is None else Verdict.WRONG_PASSWORD
    principal = records.nobody(client_id=visit.client.client_id, at=visit.circumstances.at)
    async with parts.database.transaction() as tx:
        await _record(tx, principal, visit.circumstances, refusal=reason.value)
        if agent is not None:
            await _publish_failed_agent(tx, visit, principal, agent, factor="password")
    return Outcome(Next.REFUSED)


async def _publish_failed_agent(
    tx: Connection, visit: Visit, principal: Principal, agent: AgentAccount, *, factor: str
) -> None:
    failed = AuthenticationFailed(agent_id=agent.id, factor="totp" if factor == "totp" else "password")
    call = records.call_of(visit.circumstances, principal)
    await publish(tx, call, failed, service=commands.SERVICE, partitionkey=agent_key(agent.id))


async def _record(
    tx: Connection, principal: Principal, circumstances: Circumstances, *, refusal: str | None = None
) -> str | None:
    return await record_call(
        tx, principal, circumstances=circumstances, applicant_id=None, refusal=refusal, recourse_route=True
    )


async def _admit_person(
    parts: Parts, visit: Visit, facts: Facts, *, verdict: Verdict, subjects: Subjects
) -> Outcome:
    stage = Stage.CHANGE_PASSWORD if must_change_password(facts) else Stage.COMPLETE
    holder = Holder(facts=facts)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, _claiming(holder, visit))
        opened = await commands.open_session(
            tx, call, holder, stage=stage, is_recourse=verdict is Verdict.RECOURSE, replaces=visit.session
        )
        return await _finish(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await _in_one_transaction(parts, visit, holder, step)


async def _admit_agent(parts: Parts, visit: Visit, agent: AgentAccount, *, subjects: Subjects) -> Outcome:
    holder = Holder(agent=agent)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, _claiming(holder, visit))
        opened = await commands.open_session(
            tx, call, holder, stage=Stage.ONE_TIME_CODE, is_recourse=False, replaces=visit.session
        )
        return await _finish(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await _in_one_transaction(parts, visit, holder, step)


async def _in_one_transaction(
    parts: Parts, visit: Visit, holder: Holder, step: Callable[[Connection], Awaitable[Outcome]]
) -> Outcome:
    try:
        async with parts.database.transaction() as tx:
            return await step(tx)
    except _Objected as objected:
        outcome = Outcome(Next.LATER if objected.reason == FactsTooOld.code else Next.REFUSED)
        return await _refuse(parts, visit, holder.facts, reason=objected.reason, outcome=outcome)


def _claiming(holder: Holder, visit: Visit) -> Principal:
    """Who opens a session, before the session is there to be named."""
    principal = records.somebody_claiming(
        holder.facts, client_id=visit.client.client_id, at=visit.circumstances.at
    )
    return records.acting(principal, holder.facts.code.actor if holder.facts else _actor(holder))


def _actor(holder: Holder) -> str:
    return holder.agent.actor if holder.agent else records.ANONYMOUS


def principal_of(holder: Holder, session: Session, visit: Visit) -> Principal:
    issued_at = records.earliest_token(visit.circumstances.at)
    return records.holder(holder, session, client_id=visit.client.client_id, issued_at=issued_at)


async def _finish(  # noqa: PLR0913 - the last step has all that the others found
    tx: Connection,
    parts: Parts,
    visit: Visit,
    holder: Holder,
    *,
    opened: Opened,
    subjects: Subjects,
) -> Outcome:
    """Records the step; when nothing is left to be done, answers the client's request with a code."""
    principal = principal_of(holder, opened.session, visit)
    reason = await _record(tx, principal, visit.circumstances)
    if reason is not None:
        raise _Objected(reason)
    await attempts.forgive(tx, subjects)
    if opened.session.stage is not Stage.COMPLETE:
        return Outcome(Next(opened.session.stage.value), session_secret=opened.secret)
    if not await take_request(tx, visit.request_secret):
        return Outcome(Next.START_AGAIN, session_secret=opened.secret)
    location = await grant(
        tx,
        visit.request,
        session_id=opened.session.id,
        is_recourse=opened.session.is_recourse,
        issuer=parts.settings.issuer,
        at=visit.circumstances.at,
    )
    return Outcome(Next.BACK, session_secret=opened.secret, location=location)


async def give_one_time_code(parts: Parts, visit: Visit, session: Session, *, typed: SecretStr) -> Outcome:
    """The second factor of an agent."""
    circumstances = visit.circumstances
    agent = await find_agent(parts.database, session.agent_id or commands.NOBODY)
    if agent is None:
        return Outcome(Next.START_AGAIN)
    holder = Holder(agent=agent)
    principal = principal_of(holder, session, visit)
    subjects = _subjects(parts, visit, name=f"totp {agent.id}")
    wait = await attempts.count_attempt(parts.database, subjects, at=circumstances.at)
    if wait:
        await _record_alone(parts, principal, circumstances, refusal=TOO_MANY)
        return Outcome(Next.WAIT, retry_after=wait)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(circumstances, principal)
        if not await use_one_time_code(
            tx, call, agent, sealing_key=parts.sealing_key, typed=typed.get_secret_value()
        ):
            await _record(tx, principal, circumstances, refusal=WRONG_ONE_TIME_CODE)
            await _publish_failed_agent(tx, visit, principal, agent, factor="totp")
            return Outcome(Next.REFUSED)
        amr = (rules.PASSWORD, rules.ONE_TIME_CODE)
        opened = await commands.complete_session(tx, call, session, amr=amr)
        return await _finish(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await _in_one_transaction(parts, visit, holder, step)


async def _record_alone(parts: Parts, principal: Principal, circumstances: Circumstances, *, refusal: str) -> None:
    async with parts.database.transaction() as tx:
        await _record(tx, principal, circumstances, refusal=refusal)


async def change_password(
    parts: Parts, visit: Visit, session: Session, *, new: SecretStr, repeated: SecretStr
) -> Outcome:
    """The password a person chooses (clauses 18, 20); only afterwards are tokens given. Raises HashingBusy."""
    circumstances = visit.circumstances
    facts = await user_codes.find_facts(parts.database, session.user_code_id or commands.NOBODY)
    if facts is None or not rules.may_act(session, facts):
        return await _refuse(parts, visit, facts, reason=SESSION_GONE, outcome=Outcome(Next.START_AGAIN))
    holder = Holder(facts=facts)
    principal = principal_of(holder, session, visit)
    try:
        await _require_good_password(parts, facts, new=new, repeated=repeated)
    except DomainError as error:
        await _record_alone(parts, principal, circumstances, refusal=error.code)
        if isinstance(error, HashingBusy):
            raise
        return Outcome(Next.CHANGE_PASSWORD, error=error)
    hashed = await parts.passwords.hash(new)
    subjects = _subjects(parts, visit, name=facts.code.code)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(circumstances, principal)
        await _change(tx, call, facts, hashed=hashed)
        await commands.end_sessions_of_code(tx, call, facts.code.id, reason="ended-by-other", but=session.id)
        opened = await commands.complete_session(tx, call, session, amr=session.amr)
        return await _finish(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await _in_one_transaction(parts, visit, holder, step)


async def _require_good_password(parts: Parts, facts: Facts, *, new: SecretStr, repeated: SecretStr) -> None:
    require_good_password(
        new.get_secret_value(),
        repeated=repeated.get_secret_value(),
        code=facts.code.code,
        common=parts.common_passwords,
    )
    if await parts.passwords.verify(new, user_codes.password_of(facts.code)):
        raise PasswordUsedBefore


async def _change(tx: Connection, call: Call, facts: Facts, *, hashed: HashedPassword) -> None:
    code = facts.code
    was_first_use = code.first_used_at is None
    await user_codes.save_password(tx, call, code, password=hashed)
    changed = PasswordChanged(applicant_id=code.applicant_id, user_code_id=code.id, was_first_use=was_first_use)
    key = applicant_key(code.applicant_id)
    await publish(tx, call, changed, service=commands.SERVICE, partitionkey=key)
    content = {"user_code_id": str(code.id), "was_first_use": was_first_use}
    await record_evidence(tx, call, "change_password", applicant_id=code.applicant_id, content=content)
