"""A POST that creates is done once, however often it is sent (Idempotency-Key, kept 24 hours)."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, PlainSerializer, SecretStr, SerializationInfo

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import IdempotencyKeyReused
from libs.common.sweeping import delete_some, deleting_some

KEPT = timedelta(hours=24)

# A concurrent twin waits here on the unique index until the first commits or rolls back.
INSERT_KEY = """
INSERT INTO idempotency_keys (principal, route, key, request_hash, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING key
"""
SELECT_KEY = (
    "SELECT request_hash, status, body FROM idempotency_keys WHERE principal = $1 AND route = $2 AND key = $3"
)
UPDATE_KEY = "UPDATE idempotency_keys SET status = $4, body = $5 WHERE principal = $1 AND route = $2 AND key = $3"
DELETE_OLD_KEYS = deleting_some("idempotency_keys", "created_at < $1")


class Replayed(Exception):
    """The call was done before; here is what was answered then, without its secrets."""

    def __init__(self, status: int, body: dict[str, Any] | None) -> None:
        super().__init__()
        self.status = status
        self.body = body


def _reveal(secret: SecretStr, info: SerializationInfo) -> str | None:
    return None if info.context == "stored" else secret.get_secret_value()


# A secret in an answer: shown in the answer itself, null where the answer is stored for replay.
ShownOnce = Annotated[SecretStr, PlainSerializer(_reveal, return_type=str | None, when_used="json")]


async def claim(tx: Connection, call: Call) -> None:
    """First statement of a creating command's transaction.

    Raises Replayed when the same call was done before, IdempotencyKeyReused when the body differs.
    """
    key = call.idempotency_key
    if key is None:
        return
    identity = (key.principal, key.route, key.key)
    if await tx.fetchval(INSERT_KEY, *identity, key.request_hash, call.at) is not None:
        return
    row = await tx.fetchrow(SELECT_KEY, *identity)
    if row is None or row["request_hash"] != key.request_hash:
        raise IdempotencyKeyReused
    raise Replayed(row["status"], row["body"])


async def keep(tx: Connection, call: Call, *, status: int, body: BaseModel | None) -> None:
    """Last statement of the command: what a repetition will be answered."""
    key = call.idempotency_key
    if key is None:
        return
    stored = None if body is None else body.model_dump(mode="json", context="stored")
    await tx.execute(UPDATE_KEY, key.principal, key.route, key.key, status, stored)


async def forget_old_keys(tx: Connection, *, now: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_KEYS, now - KEPT)
