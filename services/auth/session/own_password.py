"""A password as its person changes it at any time, gives it up for a passkey, or chooses one again (clause 20).

Whoever does proves it at that very moment: by the present password, or by a passkey where there is none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import SecretStr

from libs.common.contracts.auth import AuthenticationFailed, PasswordGivenUp
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.auth.parts import Parts
from services.auth.second_factor import commands as factors
from services.auth.second_factor import passkeys
from services.auth.second_factor.passkeys import Asserted
from services.auth.second_factor.rules import FactorKind, OnlyPasskey, TooManyTries
from services.auth.session import attempts, commands, one_time_code, rules
from services.auth.session.attempts import Subjects
from services.auth.session.change_password import replace_password
from services.auth.session.commands import Opened
from services.auth.session.factor_page import Entrance, record_refusal
from services.auth.session.holder import Holder
from services.auth.user_code import commands as user_codes
from services.auth.user_code.choosing import choose_password
from services.auth.user_code.password_rules import NoPassword, PasskeyNotProved, PresentPasswordWrong
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.rules import Facts, UserCode

ABOUT = "password"
Change = Callable[[Connection, UserCode], Awaitable[None]]


@dataclass(frozen=True)
class Changed:
    """The session that goes on, and its holder as they are now."""

    opened: Opened
    holder: Holder


@dataclass(frozen=True)
class Typed:
    """`present` counts for a code that has a password, `credential` for one that has none."""

    present: SecretStr
    new: SecretStr
    repeated: SecretStr
    credential: str


async def change_own_password(parts: Parts, entrance: Entrance, facts: Facts, *, typed: Typed) -> Changed:
    """Raises PresentPasswordWrong, PasskeyNotProved, TooManyTries, SessionOver, what `choose_password` raises."""
    has_password = facts.code.password_hash is not None
    if has_password:
        await _require_present(parts, entrance, facts.code, typed=typed.present)
    hashed = await choose_password(parts, facts, new=typed.new, repeated=typed.repeated)

    async def change(tx: Connection, code: UserCode) -> None:
        await replace_password(tx, parts, entrance.call, code, session=entrance.session, hashed=hashed)

    return await _take(parts, entrance, facts.code, change, credential=None if has_password else typed.credential)


async def give_password_up(parts: Parts, entrance: Entrance, facts: Facts, *, credential: str) -> Changed:
    """Raises NoPassword, PasskeyNotProved, TooManyTries, SessionOver."""
    if facts.code.password_hash is None:
        raise NoPassword

    async def change(tx: Connection, code: UserCode) -> None:
        call = entrance.call
        await user_codes.give_password_up(tx, call, code, kept=parts.settings.password_history)
        event = PasswordGivenUp(applicant_id=code.applicant_id, user_code_id=code.id)
        await publish(tx, call, event, service=commands.SERVICE, partitionkey=applicant_key(code.applicant_id))
        content = {"user_code_id": str(code.id)}
        await record_evidence(tx, call, "give_up_password", applicant_id=code.applicant_id, content=content)
        but = entrance.session.id
        await commands.end_sessions_of_code(tx, call, code.id, reason="ended-by-other", but=but)

    return await _take(parts, entrance, facts.code, change, credential=credential)


async def remove_own_factor(parts: Parts, entrance: Entrance, factor_id: UUID) -> None:
    """Other sessions of the code end: whoever opened one with what is removed is out.

    Raises UnknownSecondFactor, OnlyPasskey, SessionOver.
    """
    call, owner = entrance.call, entrance.owner
    async with parts.database.transaction() as tx:
        facts = entrance.holder.facts
        code = None if facts is None else await _lock_unchanged(tx, entrance, facts.code)
        await factors.remove_factor(tx, call, owner, factor_id)
        if code is None:
            return
        if code.password_hash is None and FactorKind.PASSKEY not in await factors.list_kinds(tx, owner):
            raise OnlyPasskey
        but = entrance.session.id
        await commands.end_sessions_of_code(tx, call, code.id, reason="ended-by-other", but=but)


async def _take(
    parts: Parts, entrance: Entrance, known: UserCode, change: Change, *, credential: str | None
) -> Changed:
    """`credential`: what a passkey says to it, where that is what proves it."""
    subjects = None if credential is None else await _count_attempt(parts, entrance)
    async with parts.database.transaction() as tx:
        code = await _lock_unchanged(tx, entrance, known)
        changed = None
        if credential is None or await _is_proved(tx, parts, entrance, credential):
            await change(tx, code)
            amr = entrance.session.amr
            if credential is not None:
                amr = rules.with_proof(amr, FactorKind.PASSKEY)
            opened = await one_time_code.strengthen(tx, entrance.call, entrance.session, amr=amr)
            changed = Changed(opened, await commands.find_holder(tx, opened.session))
    if changed is None:
        raise PasskeyNotProved
    if subjects is not None:
        await attempts.forgive(parts.database, subjects)
    return changed


async def _lock_unchanged(tx: Connection, entrance: Entrance, known: UserCode) -> UserCode:
    """The code with the password that was read, kept so until the end. Raises SessionOver."""
    facts = await user_codes.find_facts_for_update(tx, known.id)
    is_same = facts is not None and facts.code.password_set_at == known.password_set_at
    if facts is None or not is_same or not rules.may_act(entrance.session, facts):
        raise rules.SessionOver
    return facts.code


async def _require_present(parts: Parts, entrance: Entrance, code: UserCode, *, typed: SecretStr) -> None:
    """Raises HashingBusy, which counts for nothing."""
    subjects = await _count_attempt(parts, entrance)
    try:
        matches = await parts.passwords.verify(typed, user_codes.password_of(code))
    except HashingBusy:
        await attempts.take_back(parts.database, subjects)
        raise
    if not matches:
        async with parts.database.transaction() as tx:
            await _tell_failed(tx, entrance, factor="password", refusal=PresentPasswordWrong.code)
        raise PresentPasswordWrong
    await attempts.forgive(parts.database, subjects)


async def _is_proved(tx: Connection, parts: Parts, entrance: Entrance, credential: str) -> bool:
    """The challenge is used up either way, so nothing is raised that would undo it."""
    claimed = await passkeys.find_claimed(tx, credential)
    own = claimed if claimed is not None and claimed.owner == entrance.owner else None
    asked = passkeys.asked_by(entrance.secret, about=ABOUT)
    asserted = await passkeys.assert_passkey(tx, entrance.call, parts, own, given=credential, asked=asked)
    if asserted is Asserted.PROVED:
        return True
    await _tell_failed(tx, entrance, factor="passkey", refusal=PasskeyNotProved.code)
    return False


async def _tell_failed(
    tx: Connection, entrance: Entrance, *, factor: Literal["password", "passkey"], refusal: str
) -> None:
    await record_refusal(tx, entrance, refusal)
    failed = AuthenticationFailed(**factors.named(entrance.owner), factor=factor)
    key = factors.key_of(entrance.owner)
    await publish(tx, entrance.call, failed, service=commands.SERVICE, partitionkey=key)


async def _count_attempt(parts: Parts, entrance: Entrance) -> Subjects:
    """As failed, until it turns out well. Raises TooManyTries."""
    name = f"own password {entrance.owner.id}"
    subjects = attempts.subjects_of(parts.passwords, entrance.circumstances, name=name)
    heard = await attempts.count_attempt(parts.database, subjects, at=entrance.call.at)
    if heard.wait:
        await record_refusal(parts.database, entrance, TooManyTries.code)
        raise TooManyTries(retry_after=heard.wait)
    return heard.by
