"""Suspends, reactivates and revokes a user code, in the caller's transaction; others' nouns call these too."""

import secrets
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.holds import Hold, Side
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from services.auth.session.commands import EndReason, end_sessions_of_code
from services.auth.user_code import hold_rules, holds_store, store
from services.auth.user_code.hold_rules import Actor, HeldCode, Standing
from services.auth.user_code.rules import Facts
from services.auth.user_code.telling import tell_standing

SALT_BYTES = 32
OK, CREATED = 200, 201


class HoldOnCode(BaseModel):
    """A hold, and the state it leaves the code in."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    state: Standing


class RevokedCode(BaseModel):
    model_config = ConfigDict(frozen=True)

    state: Standing


async def place_hold(  # noqa: PLR0913 - what one hold says, each by name
    tx: Connection,
    call: Call,
    user_code_id: UUID,
    *,
    side: Side,
    reason_code: str,
    grounds: str,
    is_last_confirmed: bool = False,
    is_entitled: bool = False,
) -> HoldOnCode:
    """Suspends at once: sessions are ended, tokens refused. A pending one is once it is active.

    `is_last_confirmed`: also the last active person in charge. `is_entitled`: the calling noun has already decided
    that whoever calls may, and tells the persons in charge by its own event.

    Raises UnknownOrForeign, AccessSuspended and what hold_rules.place raises.
    """
    before, others = await lock_code(tx, call, user_code_id)
    actor = _actor(call, side, before=before, others=others, is_entitled=is_entitled)
    hold = Hold(new_id(), side, reason_code, grounds, placed_by=actor.name, placed_at=call.at)
    after = hold_rules.place(before, hold, others=others, is_last_confirmed=is_last_confirmed)
    salt = secrets.token_bytes(SALT_BYTES)
    await holds_store.add_hold(tx, user_code_id, hold, salt=salt)
    await _tell_change(tx, call, before, after=after, told_otherwise=is_entitled)
    content = {
        **_content(after, hold),
        "reason_hmac_sha256": hold_rules.seal(reason_code, salt=salt),
        "grounds_hmac_sha256": hold_rules.seal(grounds, salt=salt),
    }
    await record_evidence(tx, call, "suspend_user_code", applicant_id=after.applicant_id, content=content)
    return HoldOnCode(hold_id=hold.id, state=after.standing)


async def release_hold(  # noqa: PLR0913 - what one release says, each by name
    tx: Connection, call: Call, user_code_id: UUID, *, hold_id: UUID, side: Side, is_entitled: bool = False
) -> HoldOnCode:
    """Access returns when the last hold falls. `is_entitled`: as of `place_hold`.

    Raises UnknownOrForeign, AccessSuspended and what hold_rules.release raises.
    """
    before, others = await lock_code(tx, call, user_code_id)
    actor = _actor(call, side, before=before, others=others, is_entitled=is_entitled)
    after, released = hold_rules.release(before, hold_id, actor=actor, at=call.at)
    await holds_store.save_released(tx, released)
    await _tell_change(tx, call, before, after=after, told_otherwise=is_entitled and side is not Side.SYSTEM)
    content = _content(after, released)
    await record_evidence(tx, call, "reactivate_user_code", applicant_id=after.applicant_id, content=content)
    return HoldOnCode(hold_id=hold_id, state=after.standing)


async def revoke_code(  # noqa: PLR0913 - what one revocation says, each by name
    tx: Connection, call: Call, user_code_id: UUID, *, side: Side, reason_code: str, by_two: bool = False
) -> RevokedCode:
    """For ever. `by_two`: two persons decided, who alone may revoke the last active person in charge's.

    Raises UnknownOrForeign, AccessSuspended and what hold_rules.revoke raises.
    """
    before, others = await lock_code(tx, call, user_code_id)
    actor = _actor(call, side, before=before, others=others, is_entitled=False)
    after = hold_rules.revoke(before, actor=actor, others=others, by_two=by_two, at=call.at)
    await _revoke(tx, call, before, after=after, side=side, reason_code=reason_code)
    return RevokedCode(state=after.standing)


async def revoke_codes_of(tx: Connection, call: Call, applicant_id: UUID, *, side: Side, reason_code: str) -> int:
    """Every code of an applicant that is not revoked yet, by two persons; answers how many there were.

    Raises TooManyCodes, NoCodesToRevoke.
    """
    await store.lock_registration(tx, applicant_id, at=call.at)
    ids = await store.list_unrevoked(tx, applicant_id)
    hold_rules.require_revocable_at_once(len(ids))
    for user_code_id in ids:
        facts = await store.find_facts_for_update(tx, user_code_id)
        if facts is None:
            raise UnknownOrForeign
        await revoke_locked(tx, call, facts, side=side, reason_code=reason_code)
    return len(ids)


async def revoke_locked(tx: Connection, call: Call, facts: Facts, *, side: Side, reason_code: str) -> None:
    """Whoever is in charge besides: others have decided that. Raises UserCodeRevokedAlready."""
    before = HeldCode(facts, await holds_store.list_holds(tx, facts.code.id))
    actor = Actor(call.actor, side)
    after = hold_rules.revoke(before, actor=actor, others=(), by_two=True, at=call.at)
    await _revoke(tx, call, before, after=after, side=side, reason_code=reason_code)


async def _revoke(  # noqa: PLR0913 - what one revocation says, each by name
    tx: Connection, call: Call, before: HeldCode, *, after: HeldCode, side: Side, reason_code: str
) -> None:
    await store.save_revoked(tx, after.id, was=before.facts.code.state, at=call.at)
    await _tell_change(tx, call, before, after=after)
    content = {"user_code_id": str(after.id), "side": side.value, "reason_code": reason_code}
    await record_evidence(tx, call, "revoke_user_code", applicant_id=after.applicant_id, content=content)


async def suspend_user_code(  # noqa: PLR0913 - one order's facts, each by name
    database: Database,
    call: Call,
    user_code_id: UUID,
    *,
    side: Side,
    reason_code: str,
    grounds: str,
    is_last_confirmed: bool,
) -> HoldOnCode:
    """Raises what place_hold raises."""
    async with database.transaction() as tx:
        await claim(tx, call)
        result = await place_hold(
            tx,
            call,
            user_code_id,
            side=side,
            reason_code=reason_code,
            grounds=grounds,
            is_last_confirmed=is_last_confirmed,
        )
        await keep(tx, call, status=CREATED, body=result)
    return result


async def reactivate_user_code(
    database: Database, call: Call, user_code_id: UUID, *, hold_id: UUID, side: Side
) -> HoldOnCode:
    """Raises what release_hold raises."""
    async with database.transaction() as tx:
        return await release_hold(tx, call, user_code_id, hold_id=hold_id, side=side)


async def revoke_user_code(
    database: Database, call: Call, user_code_id: UUID, *, side: Side, reason_code: str
) -> RevokedCode:
    """Raises what revoke_code raises."""
    async with database.transaction() as tx:
        await claim(tx, call)
        result = await revoke_code(tx, call, user_code_id, side=side, reason_code=reason_code)
        await keep(tx, call, status=OK, body=result)
    return result


async def find_applicant_of(database: Database, user_code_id: UUID) -> UUID | None:
    return await store.find_applicant_of(database, user_code_id)


async def find_held_code(database: Database, user_code_id: UUID) -> HeldCode:
    """Raises UnknownOrForeign."""
    facts = await store.find_facts(database, user_code_id)
    if facts is None:
        raise UnknownOrForeign
    return HeldCode(facts, await holds_store.list_holds(database, user_code_id))


async def read_grounds(database: Database, call: Call, user_code_id: UUID, *, hold_id: UUID) -> Hold:
    """Each reading leaves its own evidence. Raises UnknownOrForeign, UnknownHold."""
    async with database.transaction() as tx:
        facts = await store.find_facts(tx, user_code_id)
        if facts is None:
            raise UnknownOrForeign
        hold = await holds_store.get_hold(tx, user_code_id, hold_id)
        content = {"user_code_id": str(user_code_id), "hold_id": str(hold_id)}
        await record_evidence(tx, call, "read_grounds", applicant_id=facts.code.applicant_id, content=content)
        return hold


async def lock_code(tx: Connection, call: Call, user_code_id: UUID) -> tuple[HeldCode, list[Facts]]:
    """Everything about the applicant's codes waits here, then whoever opens a session by this code.

    Raises UnknownOrForeign.
    """
    applicant_id = await store.find_applicant_of(tx, user_code_id)
    if applicant_id is None:
        raise UnknownOrForeign
    await store.lock_registration(tx, applicant_id, at=call.at)
    facts = await store.find_facts_for_update(tx, user_code_id)
    if facts is None:
        raise UnknownOrForeign
    others = [other for other in await store.list_facts(tx, applicant_id) if other.code.id != user_code_id]
    return HeldCode(facts, await holds_store.list_holds(tx, user_code_id)), others


def actor_of(call: Call, side: Side, *, among: list[Facts]) -> Actor:
    """A person in charge as they are now, whatever their token says; `among` are the applicant's codes."""
    own_id = call.principal.user_code_id if call.principal else None
    return Actor(call.actor, side, next((facts for facts in among if facts.code.id == own_id), None))


def _actor(call: Call, side: Side, *, before: HeldCode, others: list[Facts], is_entitled: bool) -> Actor:
    """Raises what require_may_act raises."""
    if is_entitled:
        return Actor(call.actor, side)
    actor = actor_of(call, side, among=[before.facts, *others])
    hold_rules.require_may_act(actor, before)
    return actor


async def _tell_change(
    tx: Connection, call: Call, before: HeldCode, *, after: HeldCode, told_otherwise: bool = False
) -> None:
    """A second hold, or the release of one of two, is no news."""
    if before.standing is after.standing:
        return
    if after.standing is not Standing.ACTIVE:
        reason: EndReason = "ended-by-other" if after.standing is Standing.REVOKED else "suspended"
        await end_sessions_of_code(tx, call, after.id, reason=reason)
    await tell_standing(tx, call, after, told_otherwise=told_otherwise)


def _content(code: HeldCode, hold: Hold) -> dict[str, str]:
    return {
        "user_code_id": str(code.id),
        "hold_id": str(hold.id),
        "side": hold.side.value,
        "state": code.standing.value,
    }
