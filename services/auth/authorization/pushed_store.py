from dataclasses import dataclass, field
from datetime import datetime

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some
from services.auth.parameters import Parameters

INSERT_PUSHED = """
INSERT INTO pushed_requests (uri_hash, client_id, parameters, expires_at) VALUES ($1, $2, $3, $4)
"""
SELECT_PUSHED = """
SELECT parameters FROM pushed_requests WHERE uri_hash = $1 AND client_id = $2 AND expires_at > $3
"""
DELETE_OLD_PUSHED = deleting_some("pushed_requests", "expires_at <= $1", is_ever_updated=False)


@dataclass(frozen=True, slots=True)
class PushedRequest:
    uri_hash: bytes = field(repr=False)
    client_id: str
    asked: Parameters
    expires_at: datetime


async def add(database: Database, pushed: PushedRequest) -> None:
    values = {name: list(every) for name, every in pushed.asked.values.items()}
    await database.execute(INSERT_PUSHED, pushed.uri_hash, pushed.client_id, values, pushed.expires_at)


async def find(database: Database, uri_hash: bytes, *, client_id: str, at: datetime) -> Parameters | None:
    row = await database.fetchrow(SELECT_PUSHED, uri_hash, client_id, at)
    return None if row is None else Parameters(row["parameters"])


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_PUSHED, at)
