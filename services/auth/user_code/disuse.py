"""Warns of codes that nobody uses, holds them, and gives them back on their person's word (clause 24)."""

from uuid import UUID

from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.auth import UserCodeDisused
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.holds import Side
from libs.common.ids import new_id
from libs.common.outbox import publish
from services.auth.settings import AuthSettings
from services.auth.user_code import disuse_rules, disuse_store, store, suspension
from services.auth.user_code.disuse_rules import Ages
from services.auth.user_code.rules import DISUSE
from services.auth.user_code.suspension import HoldOnCode

SERVICE = "auth"


async def watch_disuse(database: Database, settings: AuthSettings) -> None:
    """Each code in a transaction of its own, its registration locked before it, as everything about codes does."""
    call = Call(actor="system", at=now(), correlation_id=new_id())
    async with database.transaction() as tx:
        due = await disuse_store.list_due(tx, at=call.at)
    for user_code_id in due:
        async with database.transaction() as tx:
            await _watch(tx, call, user_code_id, ages=settings.disuse_ages)


async def release_disuse(database: Database, call: Call) -> HoldOnCode:
    """The person confirmed the file. Raises UnknownOrForeign, NotHeldForDisuse."""
    user_code_id = call.principal.user_code_id if call.principal else None
    if user_code_id is None:
        raise UnknownOrForeign
    async with database.transaction() as tx:
        held, _ = await suspension.lock_code(tx, call, user_code_id)
        hold = disuse_rules.require_disuse_hold(held.holds)
        return await suspension.release_hold(
            tx, call, user_code_id, hold_id=hold.id, side=Side.SYSTEM, is_entitled=True
        )


async def _watch(tx: Connection, call: Call, user_code_id: UUID, *, ages: Ages) -> None:
    applicant_id = await store.find_applicant_of(tx, user_code_id)
    if applicant_id is None:
        return
    await store.lock_registration(tx, applicant_id, at=call.at)
    await store.find_for_update(tx, user_code_id)
    watched = await disuse_store.find_watched(tx, user_code_id)
    if watched is None:
        return
    step = disuse_rules.judge(watched, ages, at=call.at)
    await disuse_store.save_watched(tx, user_code_id, due_at=step.due_at, warnings=step.warnings)
    if step.held_at is not None:
        event = UserCodeDisused(applicant_id=applicant_id, user_code_id=user_code_id, held_at=step.held_at)
        await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))
    if step.is_held:
        await suspension.place_hold(
            tx,
            call,
            user_code_id,
            side=Side.SYSTEM,
            reason_code=DISUSE,
            grounds="not used since its warnings",
            is_last_confirmed=True,
        )
