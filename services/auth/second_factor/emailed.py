"""One-time codes by e-mail: eight digits, ten minutes, three tries, kept as a keyed digest."""

import hmac
from datetime import datetime
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import DomainError
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from services.auth.parts import Parts
from services.auth.second_factor import commands, rules, store
from services.auth.second_factor.mail import send_code
from services.auth.second_factor.rules import Enrolment, FactorKind, Owner, SecondFactor
from services.auth.user_code.passwords import Passwords


async def note_address(  # noqa: PLR0913 - what the event tells, each by name
    tx: Connection, user_code_id: UUID, *, applicant_id: UUID, address: str, language: str, at: datetime
) -> None:
    await store.save_address(
        tx, user_code_id, applicant_id=applicant_id, address=address, language=language, at=at
    )


async def find_address(database: Database | Connection, owner: Owner) -> str | None:
    found = await store.find_address(database, owner)
    return None if found is None else found[0]


async def send_emailed_code(parts: Parts, call: Call, owner: Owner, *, session_id: UUID) -> None:
    """Raises NoEmailAddress, TooManyMails, MailNotSent; a code whose mail was not sent is good for nothing."""
    code = rules.new_emailed_code()
    async with parts.database.transaction() as tx:
        address, language = await _require_address(tx, parts, owner)
        await _require_may_send(tx, call, owner, session_id=session_id)
        await store.save_emailed(
            tx,
            session_id,
            owner_id=owner.id,
            code_hash=_hash(parts.passwords, session_id, typed=code),
            at=call.at,
            expires_at=call.at + rules.EMAILED_LIFE,
        )
        content = {"session_id": str(session_id)}
        await record_evidence(tx, call, "send_emailed_code", applicant_id=owner.applicant_id, content=content)
    try:
        await send_code(parts, address=address, language=language, code=code)
    except DomainError:
        async with parts.database.transaction() as tx:
            await store.spend_emailed(tx, session_id, at=call.at)
        raise


async def _require_address(tx: Connection, parts: Parts, owner: Owner) -> tuple[str, str]:
    found = await store.find_address(tx, owner)
    if found is None or parts.settings.smtp_host is None:
        raise rules.NoEmailAddress
    return found


async def _require_may_send(tx: Connection, call: Call, owner: Owner, *, session_id: UUID) -> None:
    await store.lock_sendings(tx, owner.id)
    sent = await store.count_sent(tx, owner.id, since=call.at - rules.SENDINGS_COUNTED)
    last = await store.find_emailed_for_update(tx, session_id)
    rules.require_may_send(last, sent_to_owner=sent, at=call.at)


async def use_emailed_code(
    tx: Connection, call: Call, session_id: UUID, *, typed: str, passwords: Passwords
) -> bool:
    """Whether it is the code last sent for this session; a wrong one counts, a right one is spent."""
    sent = await store.find_emailed_for_update(tx, session_id)
    if sent is None or not rules.is_usable(sent, at=call.at):
        return False
    if not hmac.compare_digest(_hash(passwords, session_id, typed=typed), sent.code_hash):
        await store.count_try(tx, session_id)
        return False
    # The instant it was sent is past for sure.
    await store.spend_emailed(tx, session_id, at=sent.sent_at)
    return True


async def is_code_waiting(database: Database, session_id: UUID, *, at: datetime) -> bool:
    """Whether one was sent for this session that may still be given back."""
    sent = await store.find_emailed(database, session_id)
    return sent is not None and rules.is_usable(sent, at=at)


async def begin_email(parts: Parts, call: Call, owner: Owner, *, name: str, session_id: UUID) -> None:
    """Sends a code to the address; the factor is bound once it is given back."""
    begun = Enrolment(
        owner_id=owner.id,
        factor_id=new_id(),
        kind=FactorKind.EMAIL,
        name=name,
        expires_at=call.at + rules.ENROLMENT_LIFE,
    )
    async with parts.database.transaction() as tx:
        if FactorKind.EMAIL in await commands.list_kinds(tx, owner):
            raise rules.SecondFactorAlreadyBound
        await commands.begin(tx, owner, begun)
    await send_emailed_code(parts, call, owner, session_id=session_id)


async def confirm_email(  # noqa: PLR0913 - whose, where and what, each by name
    tx: Connection, call: Call, owner: Owner, *, typed: str, session_id: UUID, passwords: Passwords
) -> SecondFactor | None:
    """None when the code is not right, which counts as a try. Raises EnrolmentNotBegun."""
    begun = await store.find_enrolment(tx, owner.id, FactorKind.EMAIL, at=call.at)
    if begun is None:
        raise rules.EnrolmentNotBegun
    if not await use_emailed_code(tx, call, session_id, typed=typed, passwords=passwords):
        return None
    begun = await commands.take_enrolment(tx, call, owner, FactorKind.EMAIL)
    factor = SecondFactor(
        id=begun.factor_id, owner=owner, kind=FactorKind.EMAIL, name=begun.name, enrolled_at=call.at
    )
    await commands.bind(tx, call, factor)
    return factor


def _hash(passwords: Passwords, session_id: UUID, *, typed: str) -> bytes:
    return passwords.digest(f"emailed code {session_id} {''.join(typed.split())}")
