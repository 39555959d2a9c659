"""A newer version of clicSÉQUR's conditions, shown once; continued use is acceptance (clause 23)."""

from dataclasses import dataclass, replace

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from services.auth import records
from services.auth.parts import Parts
from services.auth.session import commands, rules, steps, store
from services.auth.session.commands import OWNER_OF_CONDITIONS
from services.auth.session.holder import Holder
from services.auth.session.representation import with_choices
from services.auth.session.rules import PostedConditions, Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.rules import Facts


@dataclass(frozen=True, slots=True)
class ChangedConditions:
    """What applies now, and what the person was shown last, if anything."""

    now: PostedConditions
    before: PostedConditions | None


async def find_changed(database: Database, facts: Facts, visit: Visit) -> ChangedConditions | None:
    code, at = facts.code, visit.circumstances.at
    posted = await store.find_conditions(database, OWNER_OF_CONDITIONS, user_code_id=code.id, at=at)
    if posted is None:
        return None
    before = await store.find_last_shown(database, OWNER_OF_CONDITIONS, user_code_id=code.id)
    return ChangedConditions(posted, None if posted.is_shown else before)


async def continue_under_conditions(  # noqa: PLR0913 - what is continued, each by name
    parts: Parts, visit: Visit, session: Session, *, facts: Facts, changed: ChangedConditions, shown: str
) -> Outcome:
    """`shown`: the version that the page showed; another one was posted meanwhile when it is not what applies."""
    if not rules.may_act(session, facts):
        outcome = Outcome(Next.START_AGAIN)
        return await steps.refuse(parts, visit, Holder.of(facts), reason="session-ended", outcome=outcome)
    known = Holder.of(facts)
    accepting = replace(session, conditions=changed.now.version)
    principal = steps.principal_of(known, accepting, visit)
    if shown != changed.now.version:
        await steps.record_alone(parts, principal, visit.circumstances, refusal="conditions-changed-meanwhile")
        return Outcome(Next.REFUSED, Stage.CONDITIONS)
    holder = await with_choices(parts, known, visit.circumstances)

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(visit.circumstances, principal)
        await _keep_shown(tx, call, facts, changed=changed, language=visit.request.language)
        opened = await commands.move_session(
            tx,
            call,
            session,
            holder=holder,
            amr=session.amr,
            aging=parts.settings.password_aging,
            becomes=accepting,
        )
        return await steps.pass_on(tx, parts, visit, holder, opened=opened)

    return await steps.take(parts, visit, holder, step)


async def _keep_shown(
    tx: Connection, call: Call, facts: Facts, *, changed: ChangedConditions, language: str
) -> None:
    code, version, role = facts.code, changed.now.version, str(facts.role)
    if not await store.add_duties_shown(tx, code.id, conditions=version, role=role, language=language, at=call.at):
        return
    content = {
        "conditions": version,
        "before": changed.before.version if changed.before else None,
        "role": role,
        "language": language,
    }
    await record_evidence(tx, call, "show_conditions", applicant_id=code.applicant_id, content=content)
