"""Codes that nobody will use go for good, so only on facts that are fresh and of which nothing is parked.

Pending codes that no event names within a day stand for nothing: their submission was never made. Codes of a
cancelled registration sleep for a configured window, then are revoked (clauses 24, 27).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.freshness import Freshness
from libs.common.holds import Side
from libs.common.ids import new_id
from libs.common.sweeping import in_rounds
from services.auth.settings import AuthSettings
from services.auth.user_code import dormancy_store, store, suspension

REASON = "registration-cancelled"


async def remove_unnamed_codes(database: Database, settings: AuthSettings, freshness: Freshness) -> None:
    await _in_rounds(database, freshness, partial(_remove_unnamed, hours=settings.pending_code_hours))


async def revoke_dormant_codes(database: Database, settings: AuthSettings, freshness: Freshness) -> None:
    await _in_rounds(database, freshness, partial(_revoke_dormant, days=settings.dormant_code_days))


async def _in_rounds(
    database: Database, freshness: Freshness, batch: Callable[[Call, Connection], Awaitable[int]]
) -> None:
    """Does nothing while facts are too old: what would save a code may not have been heard yet."""
    if freshness.too_old() is None:
        call = Call(actor="system", at=now(), correlation_id=new_id())
        await in_rounds(database, partial(batch, call), full=dormancy_store.AT_ONCE)


async def _remove_unnamed(call: Call, tx: Connection, *, hours: int) -> int:
    removed = await dormancy_store.delete_unnamed(tx, assigned_before=call.at - timedelta(hours=hours))
    for user_code_id, applicant_id in removed:
        content = {"user_code_id": str(user_code_id)}
        await record_evidence(tx, call, "remove_user_code", applicant_id=applicant_id, content=content)
    return len(removed)


async def _revoke_dormant(call: Call, tx: Connection, *, days: int) -> int:
    """A few applicants at a time, each locked: a reactivation waits for this, or this passes it by."""
    dormant = await dormancy_store.lock_dormant(tx, cancelled_before=call.at - timedelta(days=days))
    for applicant_id in dormant:
        for user_code_id in await store.list_unrevoked(tx, applicant_id):
            await suspension.revoke_code(tx, call, user_code_id, side=Side.SYSTEM, reason_code=REASON)
    return len(dormant)
