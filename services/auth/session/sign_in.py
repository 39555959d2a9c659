"""The first step: a user code and its password, or in the portal an agent's name and password."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from libs.common.contracts.auth import AuthenticationFailed
from libs.common.database import Connection
from services.auth import records
from services.auth.agent_account.commands import find_agent_by_name, has_credentials
from services.auth.agent_account.commands import password_of as password_of_agent
from services.auth.agent_account.rules import AgentAccount
from services.auth.parts import Parts
from services.auth.second_factor.commands import is_still_bound
from services.auth.session import attempts, commands, rules, steps, store
from services.auth.session.attempts import Subjects
from services.auth.session.holder import Holder
from services.auth.session.representation import with_choices
from services.auth.session.rules import Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code import commands as user_codes
from services.auth.user_code.choosing import note_if_too_short, renew_password
from services.auth.user_code.passwords import HashedPassword, HashingBusy
from services.auth.user_code.rules import Facts, Verdict, judge_sign_in, normalise_code

ADMITTING = frozenset({Verdict.ADMITTED, Verdict.RECOURSE})


@dataclass(frozen=True, slots=True)
class Proof:
    """By what somebody is admitted; `refusal` is recorded when it was taken from them meanwhile."""

    amr: tuple[str, ...]
    refusal: str
    passkey: UUID | None = None


BY_PASSWORD = Proof((rules.PASSWORD,), Verdict.WRONG_PASSWORD.value)


async def sign_in(parts: Parts, visit: Visit, *, typed_name: str, password: SecretStr) -> Outcome:
    """Raises HashingBusy."""
    facts = await user_codes.find_facts_by_code(parts.database, typed_name)
    # In the portal both are looked up, whichever there is: what is not there takes no longer.
    named = await find_agent_by_name(parts.database, typed_name) if visit.client.is_portal else None
    agent = named if facts is None else None
    claimed = Holder(facts=facts, agent=agent)
    subjects = steps.subjects_of_known(parts, visit, claimed, name=normalise_code(typed_name))
    heard = await attempts.count_attempt(parts.database, subjects, at=visit.circumstances.at)
    subjects = heard.by
    if heard.wait:
        outcome = Outcome(Next.WAIT, retry_after=heard.wait)
        return await steps.refuse(parts, visit, claimed, reason=steps.TOO_MANY, outcome=outcome)
    try:
        matches = await parts.passwords.verify(password, _known_password(facts, agent))
    except HashingBusy as busy:
        await attempts.take_back(parts.database, subjects)
        await steps.refuse(parts, visit, claimed, reason=busy.code, outcome=Outcome(Next.LATER))
        raise
    if agent is not None and matches:
        holder = await commands.with_factors(parts.database, Holder(agent=agent))
        return await admit_holder(parts, visit, holder, is_recourse=False, subjects=subjects)
    if facts is None:
        return await _refuse_unknown(parts, visit, claimed)
    verdict = judge_sign_in(
        facts,
        password_matches=matches,
        recourse=visit.request.asks_recourse,
        one_time_days=parts.settings.one_time_password_days,
        at=visit.circumstances.at,
    )
    if verdict in ADMITTING:
        facts = await note_if_too_short(parts.database, facts, typed=password)
    outcome = await follow_verdict(parts, visit, facts, verdict=verdict, subjects=subjects)
    if outcome.session_secret is not None:
        await renew_password(parts.database, parts.passwords, facts, typed=password)
    return outcome


def _known_password(facts: Facts | None, agent: AgentAccount | None) -> HashedPassword | None:
    if facts is not None:
        return user_codes.password_of(facts.code)
    return password_of_agent(agent) if agent else None


async def follow_verdict(  # noqa: PLR0913 - what was found, each by name
    parts: Parts,
    visit: Visit,
    facts: Facts,
    *,
    verdict: Verdict,
    subjects: Subjects,
    proof: Proof = BY_PASSWORD,
) -> Outcome:
    if verdict in ADMITTING:
        is_recourse = verdict is Verdict.RECOURSE
        holder = Holder.of(facts)
        return await admit_holder(parts, visit, holder, is_recourse=is_recourse, subjects=subjects, proof=proof)
    outcome = Outcome(Next.REFUSED)
    if verdict in {Verdict.REGISTRATION_SUSPENDED, Verdict.REGISTRATION_CANCELLED}:
        outcome = Outcome(Next.STATE, state=facts.registration_state)
    is_failure = verdict is Verdict.WRONG_PASSWORD
    return await steps.refuse(
        parts, visit, Holder.of(facts), reason=verdict.value, outcome=outcome, is_failure=is_failure
    )


async def _refuse_unknown(parts: Parts, visit: Visit, claimed: Holder) -> Outcome:
    agent = claimed.agent
    reason = Verdict.UNKNOWN_CODE if agent is None else Verdict.WRONG_PASSWORD
    principal = steps.claimed_by(visit, claimed)
    async with parts.database.transaction() as tx:
        await steps.record(tx, principal, visit.circumstances, refusal=reason.value)
        if agent is not None:
            failed = AuthenticationFailed(agent_id=agent.id, factor="password")
            await steps.publish_failed(tx, visit, principal, claimed, failed=failed)
        else:
            store.pretend_event(tx)
    return Outcome(Next.REFUSED)


async def admit_holder(  # noqa: PLR0913 - on what the session rests, each by name
    parts: Parts,
    visit: Visit,
    holder: Holder,
    *,
    is_recourse: bool,
    subjects: Subjects,
    proof: Proof = BY_PASSWORD,
) -> Outcome:
    aging = parts.settings.password_aging
    # What is still to be done first may take a while: then whom they may act for is asked after it.
    stage = rules.stage_of(holder, amr=proof.amr, aging=aging, at=visit.circumstances.at)
    if stage is Stage.COMPLETE and not is_recourse:
        holder = await with_choices(parts, holder, visit.circumstances)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, steps.claiming(holder, visit))
        if not await _is_still_theirs(tx, holder, proof):
            raise steps.Objected(proof.refusal, Outcome(Next.REFUSED))
        # What was bound while the password was looked at is asked for.
        present = await commands.with_factors(tx, holder)
        opened = await commands.open_session(
            tx,
            call,
            present,
            circumstances=visit.circumstances,
            is_recourse=is_recourse,
            replaces=visit.session,
            aging=aging,
            amr=proof.amr,
        )
        return await steps.pass_on(tx, parts, visit, present, opened=opened, subjects=subjects)

    return await steps.take(parts, visit, holder, step)


async def _is_still_theirs(tx: Connection, holder: Holder, proof: Proof) -> bool:
    """A reset or removal of this very moment goes first; codes and agents are locked before their sessions."""
    if holder.facts is not None and not await user_codes.has_password(tx, holder.facts.code):
        return False
    if holder.agent is not None and not await has_credentials(tx, holder.agent):
        return False
    return proof.passkey is None or await is_still_bound(tx, proof.passkey)
