"""A passkey in the place of code and password, or as the second factor after them."""

from typing import Any

from libs.common.contracts.auth import AuthenticationFailed
from libs.common.database import Connection
from services.auth import records
from services.auth.agent_account.commands import find_agent
from services.auth.parts import Parts
from services.auth.second_factor import passkeys
from services.auth.second_factor.commands import named
from services.auth.second_factor.passkeys import Asserted
from services.auth.second_factor.rules import FactorKind, SecondFactor
from services.auth.session import commands, one_time_code, rules, steps
from services.auth.session.attempts import Subjects
from services.auth.session.holder import Holder
from services.auth.session.rules import Session
from services.auth.session.sign_in import Proof, admit_holder, follow_verdict
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import judge_sign_in

REASONS = {Asserted.WRONG: "wrong-passkey", Asserted.CLONED: "passkey-counter-went-back"}
SIGN_IN = "sign-in"


async def ask_for_passkey(parts: Parts, visit: Visit, session: Session | None) -> dict[str, Any]:
    """`session`: the one whose second factor it is to be; none before anybody signed in."""
    holder = Holder() if session is None else await commands.find_holder(parts.database, session)
    principal = records.nobody(client_id=visit.client.client_id, at=visit.circumstances.at)
    call = records.call_of(visit.circumstances, principal)
    asked = passkeys.asked_by(visit.request_secret, about=SIGN_IN if session is None else session.id)
    return await passkeys.challenge_passkey(parts, call, asked=asked, owner=holder.owner)


async def sign_in_by_passkey(parts: Parts, visit: Visit, *, given: str) -> Outcome:
    """One answer for an unknown passkey, a wrong signature and a person who may not sign in."""
    claimed = await passkeys.find_claimed(parts.database, given)
    holder = await _holder_of(parts, claimed)
    name = "passkey" if claimed is None else f"passkey {claimed.id}"
    subjects = steps.subjects_of(parts, visit, name=name)
    claiming = steps.claimed_by(visit, holder)
    waiting = await steps.wait_for_attempt(parts, visit, claiming, subjects=subjects)
    if waiting is not None:
        return waiting
    async with parts.database.transaction() as tx:
        call = records.call_of(visit.circumstances, claiming)
        asked = passkeys.asked_by(visit.request_secret, about=SIGN_IN)
        asserted = await passkeys.assert_passkey(tx, call, parts, claimed, given=given, asked=asked)
        if asserted is not Asserted.PROVED:
            await steps.record(tx, claiming, visit.circumstances, refusal=REASONS[asserted])
            await _tell_failed(tx, visit, holder)
            return Outcome(Next.REFUSED)
    return await _admit(parts, visit, holder, claimed, subjects=subjects)


async def _holder_of(parts: Parts, claimed: SecondFactor | None) -> Holder:
    if claimed is None:
        return Holder()
    if claimed.owner.applicant_id is None:
        agent = Holder(agent=await find_agent(parts.database, claimed.owner.id))
        return await commands.with_factors(parts.database, agent)
    facts = await find_facts(parts.database, claimed.owner.id)
    return Holder() if facts is None else Holder.of(facts)


async def _tell_failed(tx: Connection, visit: Visit, holder: Holder) -> None:
    if holder.owner is not None:
        principal = steps.claimed_by(visit, holder)
        failed = AuthenticationFailed(**named(holder.owner), factor="passkey")
        await steps.publish_failed(tx, visit, principal, holder, failed=failed)


async def _admit(
    parts: Parts, visit: Visit, holder: Holder, used: SecondFactor | None, *, subjects: Subjects
) -> Outcome:
    if used is None or not rules.may_stand_alone(holder):
        return await _refuse_alone(parts, visit, holder)
    proof = Proof(rules.with_proof((), FactorKind.PASSKEY), REASONS[Asserted.WRONG], passkey=used.id)
    if holder.agent is not None and visit.client.is_portal:
        return await admit_holder(parts, visit, holder, is_recourse=False, subjects=subjects, proof=proof)
    if holder.facts is None:
        return await _refuse_alone(parts, visit, holder)
    verdict = judge_sign_in(
        holder.facts,
        password_matches=True,
        recourse=visit.request.asks_recourse,
        one_time_days=parts.settings.one_time_password_days,
        at=visit.circumstances.at,
    )
    return await follow_verdict(parts, visit, holder.facts, verdict=verdict, subjects=subjects, proof=proof)


async def _refuse_alone(parts: Parts, visit: Visit, claimed: Holder) -> Outcome:
    principal = steps.claimed_by(visit, claimed)
    await steps.record_alone(parts, principal, visit.circumstances, refusal=REASONS[Asserted.WRONG])
    return Outcome(Next.REFUSED)


async def give_passkey(parts: Parts, visit: Visit, session: Session, *, given: str) -> Outcome:
    """The second step by a passkey, which must be of whoever did the first."""
    holder = await commands.find_holder(parts.database, session)
    if holder.owner is None:
        return Outcome(Next.START_AGAIN)
    principal = steps.principal_of(holder, session, visit)
    subjects = steps.subjects_of(parts, visit, name=f"passkey of {holder.owner.id}")
    waiting = await steps.wait_for_attempt(parts, visit, principal, subjects=subjects)
    if waiting is not None:
        return waiting
    claimed = await passkeys.find_claimed(parts.database, given)
    own = claimed if claimed is not None and claimed.owner == holder.owner else None
    choosing = await one_time_code.find_choosing(parts, visit, session, holder)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, principal)
        asked = passkeys.asked_by(visit.request_secret, about=session.id)
        await one_time_code.keep_code_of(tx, holder)
        asserted = await passkeys.assert_passkey(tx, call, parts, own, given=given, asked=asked)
        if asserted is not Asserted.PROVED:
            await steps.require_unanswered(tx, visit)
            return await one_time_code.refuse(tx, visit, holder, session, kind=FactorKind.PASSKEY)
        opened = await one_time_code.prove(
            tx, call, session, kind=FactorKind.PASSKEY, choosing=choosing, aging=parts.settings.password_aging
        )
        return await steps.pass_on(tx, parts, visit, holder, opened=opened, subjects=subjects)

    return await steps.take(parts, visit, holder, step)
