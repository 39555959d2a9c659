from datetime import datetime, timedelta

from libs.common.database import Connection
from services.auth.session import old_sessions_store as store

# Nothing was granted in them.
NEVER_COMPLETED_KEPT = timedelta(days=1)


async def forget_old(tx: Connection, *, at: datetime, kept: timedelta) -> int:
    """`kept`: how long an ended session is remembered. The most that went of one kind."""
    return max(
        await store.forget_ended(tx, before=at - kept),
        await store.forget_never_completed(tx, before=at - NEVER_COMPLETED_KEPT),
    )
