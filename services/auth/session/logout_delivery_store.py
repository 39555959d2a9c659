from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some

INSERT_DELIVERIES = """
INSERT INTO logout_deliveries (session_id, client_id, ended_at, next_attempt_at)
SELECT DISTINCT session_id, client_id, $2::timestamptz, $2::timestamptz
FROM token_grants JOIN clients USING (client_id)
WHERE session_id = $1 AND backchannel_logout_uri IS NOT NULL
ON CONFLICT DO NOTHING
"""
SELECT_CLIENTS_WITH_DUE = """
SELECT client_id FROM clients
WHERE backchannel_logout_uri IS NOT NULL AND EXISTS (
    SELECT 1 FROM logout_deliveries AS delivery
    WHERE delivery.client_id = clients.client_id AND delivered_at IS NULL AND given_up_at IS NULL
      AND next_attempt_at <= $1)
"""
# Some of one client's. Until $3 nobody else takes them.
UPDATE_CLAIMED = """
UPDATE logout_deliveries AS delivery SET attempts = delivery.attempts + 1, next_attempt_at = $3
FROM clients CROSS JOIN LATERAL (
    SELECT session_id, client_id FROM logout_deliveries
    WHERE client_id = clients.client_id AND delivered_at IS NULL AND given_up_at IS NULL AND next_attempt_at <= $2
    ORDER BY next_attempt_at LIMIT $4 FOR UPDATE SKIP LOCKED) AS due
WHERE clients.client_id = $1 AND clients.backchannel_logout_uri IS NOT NULL
  AND delivery.session_id = due.session_id AND delivery.client_id = due.client_id
RETURNING delivery.session_id, delivery.client_id, delivery.attempts, clients.backchannel_logout_uri
"""
# The number of the attempt tells whether somebody else has taken it since.
UPDATE_DELIVERED = """
UPDATE logout_deliveries SET delivered_at = $4
WHERE session_id = $1 AND client_id = $2 AND attempts = $3 AND delivered_at IS NULL AND given_up_at IS NULL
"""
UPDATE_GIVEN_UP = """
UPDATE logout_deliveries SET given_up_at = $4
WHERE session_id = $1 AND client_id = $2 AND attempts = $3 AND delivered_at IS NULL AND given_up_at IS NULL
"""
UPDATE_NEXT_ATTEMPT = """
UPDATE logout_deliveries SET next_attempt_at = $4
WHERE session_id = $1 AND client_id = $2 AND attempts = $3 AND delivered_at IS NULL AND given_up_at IS NULL
"""
DELETE_OLD = deleting_some("logout_deliveries", "ended_at < $1")


@dataclass(frozen=True, slots=True)
class Delivery:
    session_id: UUID
    client_id: str
    attempts: int
    address: str


async def add_of_session(tx: Connection, session_id: UUID, *, at: datetime) -> None:
    """One for each client that was granted something in the session and wants to be told."""
    await tx.execute(INSERT_DELIVERIES, session_id, at)


async def list_clients_with_due(database: Database, *, at: datetime) -> list[str]:
    return [row["client_id"] for row in await database.fetch(SELECT_CLIENTS_WITH_DUE, at)]


async def claim_due(
    database: Database, client_id: str, *, at: datetime, until: datetime, most: int
) -> list[Delivery]:
    rows = await database.fetch(UPDATE_CLAIMED, client_id, at, until, most)
    return [
        Delivery(row["session_id"], row["client_id"], row["attempts"], row["backchannel_logout_uri"])
        for row in rows
    ]


async def save_delivered(database: Database, delivery: Delivery, *, at: datetime) -> None:
    await database.execute(UPDATE_DELIVERED, delivery.session_id, delivery.client_id, delivery.attempts, at)


async def save_given_up(database: Database, delivery: Delivery, *, at: datetime) -> None:
    await database.execute(UPDATE_GIVEN_UP, delivery.session_id, delivery.client_id, delivery.attempts, at)


async def save_next_attempt(database: Database, delivery: Delivery, *, at: datetime) -> None:
    await database.execute(UPDATE_NEXT_ATTEMPT, delivery.session_id, delivery.client_id, delivery.attempts, at)


async def forget_old(tx: Connection, *, ended_before: datetime) -> int:
    return await delete_some(tx, DELETE_OLD, ended_before)
