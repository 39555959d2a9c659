"""Codes of a cancelled registration sleep for a configured window, then are revoked (clauses 24, 27)."""

from datetime import timedelta

from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Database
from libs.common.holds import Side
from libs.common.ids import new_id
from services.auth.settings import AuthSettings
from services.auth.user_code import store, suspension

REASON = "registration-cancelled"


async def revoke_dormant_codes(database: Database, settings: AuthSettings) -> None:
    """A few applicants at a time, each locked: a reactivation waits for this, or this passes it by."""
    call = Call(actor="system", at=now(), correlation_id=new_id())
    cutoff = call.at - timedelta(days=settings.dormant_code_days)
    async with database.transaction() as tx:
        for applicant_id in await store.lock_dormant(tx, cancelled_before=cutoff):
            for user_code_id in await store.list_unrevoked(tx, applicant_id):
                await suspension.revoke_code(tx, call, user_code_id, side=Side.SYSTEM, reason_code=REASON)
