"""What a client has under way: requests that wait, codes not yet redeemed, grants."""

from collections.abc import Collection
from datetime import datetime

from libs.common.database import Connection

CLIENT_DISABLED = "client-disabled"
DELETE_WAITING = "DELETE FROM authorization_requests WHERE client_id = $1 AND redirect_uri = ANY ($2::text[])"
DELETE_UNREDEEMED = """
DELETE FROM authorization_codes WHERE client_id = $1 AND used_at IS NULL AND redirect_uri = ANY ($2::text[])
"""
DELETE_ALL_WAITING = "DELETE FROM authorization_requests WHERE client_id = $1"
DELETE_ALL_PUSHED = "DELETE FROM pushed_requests WHERE client_id = $1"
DELETE_ALL_UNREDEEMED = "DELETE FROM authorization_codes WHERE client_id = $1 AND used_at IS NULL"
UPDATE_GRANTS_REVOKED = """
UPDATE token_grants SET revoked_at = $2, reason = $3 WHERE client_id = $1 AND revoked_at IS NULL
"""


async def forget_addresses(tx: Connection, client_id: str, *, removed: Collection[str]) -> None:
    """Nobody is sent to them any more."""
    await tx.execute(DELETE_WAITING, client_id, list(removed))
    await tx.execute(DELETE_UNREDEEMED, client_id, list(removed))


async def end_everything(tx: Connection, client_id: str, *, at: datetime) -> None:
    """A code that is being redeemed is waited for, so that its grant is among those revoked."""
    await tx.execute(DELETE_ALL_WAITING, client_id)
    await tx.execute(DELETE_ALL_PUSHED, client_id)
    await tx.execute(DELETE_ALL_UNREDEEMED, client_id)
    await tx.execute(UPDATE_GRANTS_REVOKED, client_id, at, CLIENT_DISABLED)
