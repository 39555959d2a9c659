"""The password that a person chooses (clauses 18, 20); only afterwards are tokens given."""

from dataclasses import replace

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.contracts.auth import PasswordChanged
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection
from libs.common.errors import DomainError
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.auth import records
from services.auth.parts import Parts
from services.auth.session import commands, rules, steps
from services.auth.session.holder import Holder
from services.auth.session.representation import with_choices
from services.auth.session.rules import Session, Stage
from services.auth.session.visit import Next, Outcome, Visit
from services.auth.user_code import commands as user_codes
from services.auth.user_code.choosing import choose_password
from services.auth.user_code.passwords import HashedPassword, HashingBusy
from services.auth.user_code.rules import UserCode

SESSION_GONE = "session-ended"


async def change_password(
    parts: Parts, visit: Visit, session: Session, *, new: SecretStr, repeated: SecretStr
) -> Outcome:
    """Raises HashingBusy."""
    circumstances = visit.circumstances
    facts = await user_codes.find_facts(parts.database, session.user_code_id or commands.NOBODY)
    if facts is None or not rules.may_act(session, facts):
        return await steps.refuse(
            parts, visit, Holder(facts=facts), reason=SESSION_GONE, outcome=Outcome(Next.START_AGAIN)
        )
    holder = Holder.of(facts)
    principal = steps.principal_of(holder, session, visit)
    try:
        hashed = await choose_password(parts, facts, new=new, repeated=repeated)
    except DomainError as error:
        await steps.record_alone(parts, principal, circumstances, refusal=error.code)
        if isinstance(error, HashingBusy):
            raise
        return Outcome(Next.REFUSED, Stage.CHANGE_PASSWORD, error=error)
    choosing = holder if session.is_recourse else await with_choices(parts, holder, circumstances)
    subjects = steps.subjects_of(parts, visit, name=facts.code.code)
    aging = parts.settings.password_aging

    async def step(tx: Connection) -> Outcome:
        call = records.call_of(circumstances, principal)
        await replace_password(tx, parts, call, facts.code, session=session, hashed=hashed)
        found = await commands.find_holder(tx, session)
        changed = replace(found, represented=choosing.represented)
        opened = await commands.move_session(tx, call, session, holder=changed, amr=session.amr, aging=aging)
        return await steps.pass_on(tx, parts, visit, changed, opened=opened, subjects=subjects)

    return await steps.take(parts, visit, holder, step)


async def replace_password(  # noqa: PLR0913 - what takes whose place, each by name
    tx: Connection, parts: Parts, call: Call, code: UserCode, *, session: Session, hashed: HashedPassword
) -> None:
    """Whoever is in by the former password is out, but for the session that does it."""
    was_first_use = code.first_used_at is None
    await user_codes.save_password(tx, call, code, password=hashed, kept=parts.settings.password_history)
    changed = PasswordChanged(applicant_id=code.applicant_id, user_code_id=code.id, was_first_use=was_first_use)
    key = applicant_key(code.applicant_id)
    await publish(tx, call, changed, service=commands.SERVICE, partitionkey=key)
    content = {"user_code_id": str(code.id), "was_first_use": was_first_use}
    await record_evidence(tx, call, "change_password", applicant_id=code.applicant_id, content=content)
    await commands.end_sessions_of_code(tx, call, code.id, reason="ended-by-other", but=session.id)
