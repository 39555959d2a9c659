from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.errors import UnknownOrForeign
from libs.common.holds import Hold, Side, UnknownHold
from services.registry.applicant.rules import Applicant, CancelledBy, Decision, ReactivationRequest

INSERT_APPLICANT = """
INSERT INTO applicants (id, kind, name, identifiers, representative, activated_at, state_since)
VALUES ($1, $2, $3, $4, $5, $6, $6)
"""
# All else is read only once the lock is had: what its last owner committed is then seen.
LOCK_APPLICANT = "SELECT FROM applicants WHERE id = $1 FOR UPDATE"
UPDATE_STATE = """
UPDATE applicants SET state_since = $2, cancelled_at = $3, cancelled_by = $4
WHERE id = $1 AND state_since = $5 AND cancelled_at IS NOT DISTINCT FROM $6
"""
# One statement, so one snapshot: state, holds and request are of the same moment.
SELECT_WHOLE = """
SELECT id, kind, name, state_since, cancelled_at, cancelled_by,
       ARRAY(SELECT ROW(id, side, reason_code, grounds, placed_by, placed_at, released_by, released_at)
             FROM registration_holds WHERE applicant_id = $1 ORDER BY placed_at, id) AS holds,
       (SELECT ROW(id, requested_by, requested_at)
        FROM reactivation_requests WHERE applicant_id = $1 AND decided_at IS NULL) AS request
FROM applicants WHERE id = $1
"""
SELECT_GROUNDS = """
SELECT reason_code, grounds, placed_by, placed_at, release_grounds FROM registration_holds
WHERE applicant_id = $1 AND id = $2
"""
INSERT_HOLD = """
INSERT INTO registration_holds (id, applicant_id, side, reason_code, grounds, salt, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
SELECT_SALT = "SELECT salt FROM registration_holds WHERE id = $1"
UPDATE_RELEASED = """
UPDATE registration_holds SET released_by = $2, released_at = $3, release_grounds = $4
WHERE id = $1 AND released_at IS NULL
"""
INSERT_REQUEST = """
INSERT INTO reactivation_requests (id, applicant_id, requested_by, requested_at) VALUES ($1, $2, $3, $4)
"""
UPDATE_DECIDED = """
UPDATE reactivation_requests SET decision = $2, decided_by = $3, decided_at = $4, grounds = $5, salt = $6
WHERE id = $1 AND decided_at IS NULL
"""


async def add(tx: Connection, applicant: Applicant, *, identifiers: dict[str, str], representative: str) -> None:
    await tx.execute(
        INSERT_APPLICANT,
        applicant.id,
        applicant.kind,
        applicant.name,
        identifiers,
        representative,
        applicant.state_since,
    )


async def get(database: Database | Connection, applicant_id: UUID) -> Applicant:
    """Raises UnknownOrForeign."""
    row = await database.fetchrow(SELECT_WHOLE, applicant_id)
    if row is None:
        raise UnknownOrForeign
    return _applicant(row)


async def lock(tx: Connection, applicant_id: UUID) -> Applicant:
    """Raises UnknownOrForeign."""
    await tx.execute(LOCK_APPLICANT, applicant_id)
    return await get(tx, applicant_id)


async def save_state(tx: Connection, before: Applicant, after: Applicant) -> None:
    await update_one(
        tx,
        UPDATE_STATE,
        after.id,
        after.state_since,
        after.cancelled_at,
        after.cancelled_by,
        before.state_since,
        before.cancelled_at,
    )


async def add_hold(tx: Connection, applicant_id: UUID, hold: Hold, *, salt: bytes) -> None:
    await tx.execute(
        INSERT_HOLD,
        hold.id,
        applicant_id,
        hold.side,
        hold.reason_code,
        hold.grounds,
        salt,
        hold.placed_by,
        hold.placed_at,
    )


async def save_release(tx: Connection, hold: Hold, *, grounds: str | None) -> None:
    await update_one(tx, UPDATE_RELEASED, hold.id, hold.released_by, hold.released_at, grounds)


async def get_salt(tx: Connection, hold_id: UUID) -> bytes:
    salt: bytes = await tx.fetchval(SELECT_SALT, hold_id)
    return salt


async def get_grounds(tx: Connection, applicant_id: UUID, hold_id: UUID) -> asyncpg.Record:
    """Raises UnknownHold."""
    row = await tx.fetchrow(SELECT_GROUNDS, applicant_id, hold_id)
    if row is None:
        raise UnknownHold
    return row


async def add_request(tx: Connection, applicant_id: UUID, request: ReactivationRequest) -> None:
    await tx.execute(INSERT_REQUEST, request.id, applicant_id, request.requested_by, request.requested_at)


async def save_decision(  # noqa: PLR0913 - the columns of one row
    tx: Connection, request_id: UUID, *, decision: Decision, by: str, at: datetime, grounds: str, salt: bytes
) -> None:
    await update_one(tx, UPDATE_DECIDED, request_id, decision, by, at, grounds, salt)


def _applicant(row: asyncpg.Record) -> Applicant:
    cancelled_by = row["cancelled_by"]
    return Applicant(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        state_since=row["state_since"],
        cancelled_at=row["cancelled_at"],
        cancelled_by=CancelledBy(cancelled_by) if cancelled_by else None,
        holds=tuple(_hold(*hold) for hold in row["holds"]),
        open_request=ReactivationRequest(*row["request"]) if row["request"] else None,
    )


def _hold(hold_id: UUID, side: str, *rest: Any) -> Hold:
    return Hold(hold_id, Side(side), *rest)
