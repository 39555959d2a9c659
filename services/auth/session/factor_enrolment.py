"""Binding a second factor proves it too: the session that did it is another one from then on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from libs.common.call import Call
from libs.common.database import Connection
from services.auth.parts import Parts
from services.auth.second_factor import commands as factors
from services.auth.second_factor import emailed, passkeys, recovery, rules
from services.auth.second_factor.rules import FactorKind, Owner, SecondFactor
from services.auth.session import attempts, one_time_code, step_up, steps
from services.auth.session import rules as session_rules
from services.auth.session.commands import Opened
from services.auth.session.factor_page import Entrance
from services.auth.session.visit import Next, Outcome, Visit

Binding = Callable[[Connection, Call, Owner], Awaitable[SecondFactor | None]]


@dataclass(frozen=True)
class Bound:
    """`recovery_codes`: shown once, when the first factor that they stand in for was bound."""

    opened: Opened
    recovery_codes: list[str] = field(default_factory=list, repr=False)


async def confirm_totp(parts: Parts, entrance: Entrance, *, typed: str) -> Bound:
    """Raises what confirming raises, and TooManyTries."""

    async def bind(tx: Connection, call: Call, owner: Owner) -> SecondFactor:
        return await factors.confirm_totp(tx, call, owner, typed=typed, sealing_key=parts.sealing_key)

    return await _bind(parts, entrance, bind, kind=FactorKind.TOTP)


async def confirm_passkey(parts: Parts, entrance: Entrance, *, given: str) -> Bound:
    async def bind(tx: Connection, call: Call, owner: Owner) -> SecondFactor | None:
        party = passkeys.relying_party(parts.settings.issuer)
        return await passkeys.confirm_passkey(tx, call, owner, given=given, party=party)

    return await _bind(parts, entrance, bind, kind=FactorKind.PASSKEY)


async def confirm_email(parts: Parts, entrance: Entrance, *, typed: str) -> Bound:
    async def bind(tx: Connection, call: Call, owner: Owner) -> SecondFactor | None:
        return await emailed.confirm_email(
            tx, call, owner, typed=typed, session_id=entrance.session.id, passwords=parts.passwords
        )

    return await _bind(parts, entrance, bind, kind=FactorKind.EMAIL)


async def _bind(parts: Parts, entrance: Entrance, bind: Binding, *, kind: FactorKind) -> Bound:
    call, owner = entrance.call, entrance.owner
    subjects = attempts.subjects_of(parts.passwords, entrance.circumstances, name=f"enrolment {owner.id}")
    heard = await attempts.count_attempt(parts.database, subjects, at=call.at)
    if heard.wait:
        raise rules.TooManyTries(retry_after=heard.wait)
    async with parts.database.transaction() as tx:
        is_bound = await bind(tx, call, owner) is not None
        gone_on = await _go_on(tx, parts, entrance, kind=kind) if is_bound else None
    if gone_on is None:
        raise rules.SecondFactorNotProved
    await attempts.forgive(parts.database, heard.by)
    return gone_on


async def _go_on(tx: Connection, parts: Parts, entrance: Entrance, *, kind: FactorKind) -> Bound:
    amr = session_rules.with_proof(entrance.session.amr, kind)
    opened = await one_time_code.strengthen(tx, entrance.call, entrance.session, amr=amr)
    is_first = kind in rules.STRONG and not rules.STRONG & entrance.holder.factors
    if not is_first:
        return Bound(opened)
    made = await recovery.make_recovery_codes(tx, entrance.call, entrance.owner, passwords=parts.passwords)
    return Bound(opened, made)


async def make_recovery_codes(parts: Parts, entrance: Entrance) -> list[str]:
    """Raises NothingToRecover."""
    if not rules.STRONG & entrance.holder.factors:
        raise rules.NothingToRecover
    async with parts.database.transaction() as tx:
        return await recovery.make_recovery_codes(tx, entrance.call, entrance.owner, passwords=parts.passwords)


async def go_back_to_client(parts: Parts, visit: Visit, entrance: Entrance) -> Outcome:
    """Answers the request that asked for the factor, once the session proves as much."""
    if not await step_up.is_noted(parts, visit, entrance.session):
        return Outcome(Next.START_AGAIN)
    opened = Opened(entrance.session, entrance.secret)

    async def step(tx: Connection) -> Outcome:
        return await steps.pass_on(tx, parts, visit, entrance.holder, opened=opened)

    return await steps.take(parts, visit, entrance.holder, step)
