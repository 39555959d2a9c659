"""A new one-time password for somebody who lost theirs; what they knew before is dead at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.auth import CredentialsReset
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.holds import Side
from libs.common.http import RequestModel
from libs.common.idempotency import claim, keep
from libs.common.outbox import publish
from services.auth.second_factor.commands import remove_all_factors
from services.auth.second_factor.rules import Owner
from services.auth.session.commands import end_sessions_of_code
from services.auth.settings import AuthSettings
from services.auth.user_code import hold_rules, recovery_rules, rules, store, suspension
from services.auth.user_code.assignment import AssignedCode
from services.auth.user_code.passwords import HashedPassword, Passwords
from services.auth.user_code.recovery_rules import DocumentKind, IdentityCheck
from services.auth.user_code.rules import Facts

SERVICE = "auth"
CREATED = 201


@dataclass(frozen=True)
class Reset:
    """What the caller is shown once, in the language of the person it is for."""

    answer: AssignedCode
    language: str
    expires_at: datetime


class ResetByProvider(RequestModel):
    """What two agents decide: whose password, and by what both of them knew the person. No document's number."""

    user_code_id: UUID
    checked_by: Annotated[Sequence[UUID], Field(min_length=2, max_length=2)]
    documents: Annotated[Sequence[DocumentKind], Field(min_length=1, max_length=5)]
    second_factors_lost: bool = False


async def reset_by_person_in_charge(  # noqa: PLR0913 - what is reset and by what, each by name
    database: Database,
    call: Call,
    passwords: Passwords,
    settings: AuthSettings,
    *,
    user_code_id: UUID,
    second_factors_lost: bool,
) -> Reset:
    """For a user of the same applicant. Raises HashingBusy, UnknownOrForeign, AccessSuspended and what
    recovery_rules.require_resettable raises.
    """
    one_time = SecretStr(rules.new_one_time_password())
    # Who may not, costs no hash.
    known = await store.find_facts(database, user_code_id)
    if known is None or known.role is None:
        raise UnknownOrForeign
    recovery_rules.require_resettable(known, by_provider=False)
    hashed = await passwords.hash(one_time, is_one_time=True)
    async with database.transaction() as tx:
        await claim(tx, call)
        target, others = await suspension.lock_code(tx, call, user_code_id)
        actor = suspension.actor_of(call, Side.APPLICANT, among=[target.facts, *others])
        hold_rules.require_may_act(actor, target)
        recovery_rules.require_resettable(target.facts, by_provider=False)
        reset = await _reset(
            tx,
            call,
            settings,
            target.facts,
            one_time=one_time,
            hashed=hashed,
            by="person-in-charge",
            second_factors_lost=second_factors_lost,
        )
        await keep(tx, call, status=CREATED, body=reset.answer)
    return reset


async def reset_by_provider(
    tx: Connection, call: Call, content: ResetByProvider, *, passwords: Passwords, settings: AuthSettings
) -> Reset:
    """For a person in charge, decided by two agents who both checked who that is; the second one's call.

    Raises HashingBusy, UnknownOrForeign and what the rules of recovery raise.
    """
    check = IdentityCheck(tuple(content.checked_by), content.documents)
    recovery_rules.require_identity_checked(check, approver=call.principal.agent_id if call.principal else None)
    one_time = SecretStr(rules.new_one_time_password())
    hashed = await passwords.hash(one_time, is_one_time=True)
    target, _ = await suspension.lock_code(tx, call, content.user_code_id)
    recovery_rules.require_resettable(target.facts, by_provider=True)
    seen = {
        "documents": [kind.value for kind in check.documents],
        "checked_by": [str(agent_id) for agent_id in check.checked_by],
    }
    return await _reset(
        tx,
        call,
        settings,
        target.facts,
        one_time=one_time,
        hashed=hashed,
        by="provider",
        second_factors_lost=content.second_factors_lost,
        seen=seen,
    )


async def _reset(  # noqa: PLR0913 - what a reset is made of, each by name
    tx: Connection,
    call: Call,
    settings: AuthSettings,
    facts: Facts,
    *,
    one_time: SecretStr,
    hashed: HashedPassword,
    by: Literal["person-in-charge", "provider"],
    second_factors_lost: bool,
    seen: dict[str, Any] | None = None,
) -> Reset:
    """The code's row is locked; whoever began to sign in before this moment proved a password that is dead."""
    code = facts.code
    at = now()
    await store.add_former_password(tx, code, kept=settings.password_history, at=at)
    await store.save_reset(tx, code, password=hashed, at=at)
    if second_factors_lost:
        await remove_all_factors(tx, call, Owner(code.id, code.applicant_id))
    await end_sessions_of_code(tx, call, code.id, reason="ended-by-other")
    event = CredentialsReset(applicant_id=code.applicant_id, user_code_id=code.id, by=by)
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(code.applicant_id))
    content = {"user_code_id": str(code.id), "by": by, "second_factors_lost": second_factors_lost, **(seen or {})}
    await record_evidence(tx, call, "reset_credentials", applicant_id=code.applicant_id, content=content)
    answer = AssignedCode(
        user_code=SecretStr(rules.display(code.code)),
        one_time_password=one_time,
        expires_in_days=settings.one_time_password_days,
    )
    return Reset(answer, code.language, at + timedelta(days=settings.one_time_password_days))
