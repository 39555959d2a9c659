"""What a client has under way: requests that wait, codes not yet redeemed, grants."""

from collections.abc import Collection

from libs.common.database import Connection

DELETE_WAITING = "DELETE FROM authorization_requests WHERE client_id = $1 AND redirect_uri = ANY ($2::text[])"
DELETE_UNREDEEMED = """
DELETE FROM authorization_codes WHERE client_id = $1 AND used_at IS NULL AND redirect_uri = ANY ($2::text[])
"""
DELETE_ALL_WAITING = "DELETE FROM authorization_requests WHERE client_id = $1"
DELETE_ALL_PUSHED = "DELETE FROM pushed_requests WHERE client_id = $1"
DELETE_ALL_UNREDEEMED = "DELETE FROM authorization_codes WHERE client_id = $1 AND used_at IS NULL"
# Every grant so far, however many they are: a department's client may have a million.
UPDATE_GRANT_EPOCH = "UPDATE clients SET grant_epoch = grant_epoch + 1 WHERE client_id = $1"


async def forget_addresses(tx: Connection, client_id: str, *, removed: Collection[str]) -> None:
    """Nobody is sent to them any more."""
    await tx.execute(DELETE_WAITING, client_id, list(removed))
    await tx.execute(DELETE_UNREDEEMED, client_id, list(removed))


async def end_everything(tx: Connection, client_id: str) -> None:
    await tx.execute(DELETE_ALL_WAITING, client_id)
    await tx.execute(DELETE_ALL_PUSHED, client_id)
    await end_given(tx, client_id)


async def end_given(tx: Connection, client_id: str) -> None:
    """A code that is being redeemed is waited for, so that its grant is of the epoch that ends."""
    await tx.execute(DELETE_ALL_UNREDEEMED, client_id)
    await tx.execute(UPDATE_GRANT_EPOCH, client_id)
