"""The applicant that a person acts for, chosen first or anew inside one session; each choice is recorded."""

from dataclasses import replace

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from services.auth import records
from services.auth.parts import Parts
from services.auth.session import commands, steps
from services.auth.session.commands import Opened, acting_for
from services.auth.session.holder import Holder, Represented
from services.auth.session.representation import Choices, take_choice
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code.rules import Facts

OWN = "own"
NOT_OFFERED = "applicant-not-offered"


async def choose_applicant(  # noqa: PLR0913 - what the choice is made of, each by name
    parts: Parts, visit: Visit, session: Session, *, facts: Facts, choices: Choices, chosen: str
) -> Outcome:
    """`chosen`: OWN, or the id of a power of attorney that delegation has just named."""
    holder = Holder.of(facts)
    offered: dict[str, Represented | None] = {str(one.power_of_attorney_id): one for one in choices.represented}
    offered[OWN] = None
    if chosen not in offered:
        principal = steps.principal_of(holder, session, visit)
        await steps.record_alone(parts, principal, visit.circumstances, refusal=NOT_OFFERED)
        return Outcome(Next.REFUSED)
    to = offered[chosen]

    async def step(tx: Connection) -> Outcome:
        await take_choice(tx, visit.request_secret)
        opened = await _go_on(tx, parts, visit, session, holder=holder, to=to)
        await _record(tx, records.call_of(visit.circumstances, steps.principal_of(holder, opened.session, visit)))
        outcome = await steps.pass_on(tx, parts, visit, holder, opened=opened)
        return outcome if opened.secret else replace(outcome, session_secret=None)

    return await steps.take(parts, visit, holder, step)


async def _go_on(  # noqa: PLR0913 - what the choice is made of, each by name
    tx: Connection, parts: Parts, visit: Visit, session: Session, *, holder: Holder, to: Represented | None
) -> Opened:
    """Whoever stays with the same applicant keeps the session, and the secret that the browser has."""
    acting = acting_for(session, to)
    if session.stage is Stage.COMPLETE:
        if acting == session:
            return Opened(session, "")
        call = records.call_of(visit.circumstances, steps.principal_of(holder, session, visit))
        return await commands.switch_session(tx, call, session, to=to)
    call = records.call_of(visit.circumstances, steps.principal_of(holder, acting, visit))
    return await commands.move_session(
        tx, call, session, holder=holder, amr=session.amr, aging=parts.settings.password_aging, becomes=acting
    )


async def _record(tx: Connection, call: Call) -> None:
    """Kept with the applicant that is acted for: it sees who acts, and under which power."""
    chooser = call.principal
    if chooser is None:
        return
    content = {
        "session_id": str(chooser.session_id),
        "user_code_id": str(chooser.user_code_id),
        "power_of_attorney_id": str(chooser.power_of_attorney_id) if chooser.power_of_attorney_id else None,
    }
    await record_evidence(tx, call, "choose_applicant", applicant_id=chooser.applicant_id, content=content)
