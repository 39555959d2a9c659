from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, defer, update_one
from libs.common.ids import new_id
from libs.common.sweeping import delete_some, deleting_some
from services.auth.session.rules import PostedConditions, Session, Stage
from services.auth.session.slowing import Attempts

COLUMNS = """id, secret_hash, stage, user_code_id, applicant_id, agent_id, is_recourse, amr, conditions,
    authenticated_at, last_seen_at, ended_at, started_at, address, user_agent, represented_applicant_id,
    power_of_attorney_id"""
SELECT_BY_SECRET = f"SELECT {COLUMNS} FROM sessions WHERE secret_hash = $1 AND ended_at IS NULL"
SELECT_BY_ID = f"SELECT {COLUMNS} FROM sessions WHERE id = $1"
SELECT_OPEN_OF_CODE = f"""
SELECT {COLUMNS} FROM sessions WHERE user_code_id = $1 AND ended_at IS NULL AND id <> $2 FOR UPDATE
"""
SELECT_OPEN_OF_HOLDER = f"""
SELECT {COLUMNS} FROM sessions WHERE (user_code_id = $1 OR agent_id = $1) AND ended_at IS NULL AND id <> $2
FOR UPDATE
"""
SELECT_EXPIRED = f"""
SELECT {COLUMNS} FROM sessions WHERE ended_at IS NULL AND (last_seen_at < $1 OR authenticated_at < $2)
LIMIT $3 FOR UPDATE SKIP LOCKED
"""
INSERT_SESSION = f"""
INSERT INTO sessions ({COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
UPDATE_STAGE = """
UPDATE sessions SET secret_hash = $3, stage = $4, amr = $5, authenticated_at = $6, last_seen_at = $7,
    conditions = $8, represented_applicant_id = $9, power_of_attorney_id = $10
WHERE id = $1 AND stage = $2 AND ended_at IS NULL
"""
UPDATE_SEEN = "UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1 AND ended_at IS NULL"
UPDATE_ENDED = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL"

UPSERT_STEP_UP = """
INSERT INTO step_ups (request_hash, session_id, asked_at) VALUES ($1, $2, $3)
ON CONFLICT (request_hash) DO UPDATE SET session_id = excluded.session_id, asked_at = excluded.asked_at
"""
SELECT_STEP_UP = "SELECT 1 AS found FROM step_ups WHERE request_hash = $1 AND session_id = $2"
UPDATE_STEP_UPS = "UPDATE step_ups SET session_id = $2 WHERE session_id = $1"
DELETE_OLD_STEP_UPS = deleting_some("step_ups", "asked_at < $1")

# Counts outlive a crash of the database but for the last instant, so nobody waits for the disk. Rows are taken in
# the order of their subjects, here and below, so that nobody waits for one who waits.
LOCK_ATTEMPTS = """
INSERT INTO sign_in_attempts (subject, failures, last_at, blocked_until, kept_until)
SELECT wanted.subject, 0, $2::timestamptz, $2, $2
FROM unnest($1::bytea[]) AS wanted (subject), set_config('synchronous_commit', 'off', true)
ORDER BY wanted.subject
ON CONFLICT (subject) DO UPDATE SET failures = sign_in_attempts.failures
RETURNING subject, failures, last_at, blocked_until, coalesce(kept_until, last_at) AS kept_until,
    xmax = 0 AS is_new
"""
# A row that was made only to be locked goes again: who is not heard leaves nothing behind.
UPDATE_ATTEMPTS = """
WITH dropped AS (DELETE FROM sign_in_attempts WHERE subject = ANY ($6::bytea[]))
UPDATE sign_in_attempts AS kept
SET failures = new.failures, last_at = new.last_at, blocked_until = new.blocked_until, kept_until = new.kept_until
FROM unnest($1::bytea[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
    AS new (subject, failures, last_at, blocked_until, kept_until)
WHERE kept.subject = new.subject
"""
# That it turned out well stays to be seen (slowing.py).
UPDATE_FORGIVEN = """
WITH locked AS (
    SELECT subject FROM sign_in_attempts WHERE subject = ANY ($1::bytea[]) ORDER BY subject FOR UPDATE)
UPDATE sign_in_attempts AS kept
SET failures = greatest(kept.failures - forgiven.failures, 0),
    blocked_until = least(kept.blocked_until, kept.last_at - interval '1 s')
FROM locked JOIN unnest($1::bytea[], $2::integer[]) AS forgiven (subject, failures) USING (subject),
    set_config('synchronous_commit', 'off', true)
WHERE kept.subject = locked.subject
"""
DELETE_OLD_ATTEMPTS = deleting_some(
    "sign_in_attempts", "kept_until < $1 OR (kept_until IS NULL AND last_at < $2 AND blocked_until < $2)"
)

SELECT_EVENT = "SELECT 1 FROM outbox WHERE id = $1"
UPSERT_CONDITIONS = """
INSERT INTO posted_conditions (owner, version, posted_at, url_fr, url_en) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (owner, version) DO UPDATE
SET posted_at = excluded.posted_at, url_fr = excluded.url_fr, url_en = excluded.url_en
"""
SELECT_CONDITIONS = """
SELECT version, posted_at, url_fr, url_en, EXISTS (
    SELECT 1 FROM duties_shown WHERE user_code_id = $3 AND conditions = version) AS is_shown
FROM posted_conditions WHERE owner = $1 AND posted_at <= $2 ORDER BY posted_at DESC, version DESC LIMIT 1
"""
SELECT_LAST_SHOWN = """
SELECT version, posted_at, url_fr, url_en, true AS is_shown
FROM duties_shown JOIN posted_conditions ON version = conditions
WHERE owner = $1 AND user_code_id = $2 ORDER BY shown_at DESC LIMIT 1
"""
INSERT_DUTIES_SHOWN = """
INSERT INTO duties_shown (user_code_id, conditions, role, language, shown_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING user_code_id
"""

INSERT_CHOICE = "INSERT INTO applicant_choices (request_hash, session_id, expires_at) VALUES ($1, $2, $3)"
SELECT_CHOICE = "SELECT session_id FROM applicant_choices WHERE request_hash = $1"
DELETE_CHOICE = "DELETE FROM applicant_choices WHERE request_hash = $1"
# Nobody may update them.
REPLACE_CHOICES = """
WITH waiting AS (
    DELETE FROM applicant_choices c USING step_ups s
    WHERE s.session_id = $1 AND c.request_hash = s.request_hash AND c.session_id = s.session_id
    RETURNING c.request_hash, c.expires_at)
INSERT INTO applicant_choices (request_hash, session_id, expires_at)
SELECT request_hash, $2, expires_at FROM waiting
"""
DELETE_OLD_CHOICES = deleting_some("applicant_choices", "expires_at < $1", is_ever_updated=False)


async def find_by_secret(database: Database, secret_hash: bytes) -> Session | None:
    row = await database.fetchrow(SELECT_BY_SECRET, secret_hash)
    return None if row is None else _session(row)


async def find(database: Database | Connection, session_id: UUID) -> Session | None:
    row = await database.fetchrow(SELECT_BY_ID, session_id)
    return None if row is None else _session(row)


async def list_open_of_code(tx: Connection, user_code_id: UUID, *, but: UUID) -> list[Session]:
    return [_session(row) for row in await tx.fetch(SELECT_OPEN_OF_CODE, user_code_id, but)]


async def list_open_of_holder(tx: Connection, holder_id: UUID, *, but: UUID) -> list[Session]:
    return [_session(row) for row in await tx.fetch(SELECT_OPEN_OF_HOLDER, holder_id, but)]


async def list_expired(
    tx: Connection, *, seen_before: datetime, opened_before: datetime, limit: int
) -> list[Session]:
    return [_session(row) for row in await tx.fetch(SELECT_EXPIRED, seen_before, opened_before, limit)]


async def add(tx: Connection, session: Session) -> None:
    await tx.execute(
        INSERT_SESSION,
        session.id,
        session.secret_hash,
        session.stage,
        session.user_code_id,
        session.applicant_id,
        session.agent_id,
        session.is_recourse,
        session.amr,
        session.conditions,
        session.authenticated_at,
        session.last_seen_at,
        session.ended_at,
        session.started_at,
        session.address,
        session.user_agent,
        session.represented_applicant_id,
        session.power_of_attorney_id,
    )


async def save_stage(tx: Connection, session: Session, *, was: Stage) -> None:
    await update_one(
        tx,
        UPDATE_STAGE,
        session.id,
        was,
        session.secret_hash,
        session.stage,
        session.amr,
        session.authenticated_at,
        session.last_seen_at,
        session.conditions,
        session.represented_applicant_id,
        session.power_of_attorney_id,
    )


async def save_seen(tx: Connection, session_id: UUID, *, at: datetime) -> None:
    await update_one(tx, UPDATE_SEEN, session_id, at)


async def save_ended(tx: Connection, session_id: UUID, *, reason: str, at: datetime) -> bool:
    """False when it had ended before."""
    return await tx.execute(UPDATE_ENDED, session_id, at, reason) == "UPDATE 1"


async def save_step_up(tx: Connection, request_hash: bytes, *, session_id: UUID, at: datetime) -> None:
    await tx.execute(UPSERT_STEP_UP, request_hash, session_id, at)


async def is_step_up(database: Database, request_hash: bytes, *, session_id: UUID) -> bool:
    return await database.fetchrow(SELECT_STEP_UP, request_hash, session_id) is not None


async def carry_step_ups(tx: Connection, session_id: UUID, *, to: UUID) -> None:
    await tx.execute(UPDATE_STEP_UPS, session_id, to)


async def forget_old_step_ups(tx: Connection, *, before: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_STEP_UPS, before)


async def lock_attempts(
    tx: Connection, subjects: Sequence[bytes], *, at: datetime
) -> tuple[dict[bytes, Attempts], set[bytes]]:
    """The counts of `subjects`, sorted, and which of them there were not before."""
    rows = await tx.fetch(LOCK_ATTEMPTS, subjects, at)
    known = {
        row["subject"]: Attempts(row["failures"], row["last_at"], row["blocked_until"], row["kept_until"])
        for row in rows
    }
    return known, {row["subject"] for row in rows if row["is_new"]}


async def save_attempts(tx: Connection, changed: Mapping[bytes, Attempts], *, dropped: AbstractSet[bytes]) -> None:
    counts = changed.values()
    await tx.execute(
        UPDATE_ATTEMPTS,
        list(changed),
        [one.failures for one in counts],
        [one.last_at for one in counts],
        [one.blocked_until for one in counts],
        [one.kept_until for one in counts],
        list(dropped),
    )


async def forgive_attempts(connection: Connection, failures: Mapping[bytes, int]) -> None:
    """`failures`: how many of each subject."""
    await connection.execute(UPDATE_FORGIVEN, list(failures), list(failures.values()))


async def forget_old_attempts(tx: Connection, *, at: datetime, untold_before: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_ATTEMPTS, at, untold_before)


def pretend_event(tx: Connection) -> None:
    """A round trip where a like refusal publishes an event: one answer takes one time."""
    defer(tx, SELECT_EVENT, new_id())


async def save_conditions(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, *, owner: str, version: str, posted_at: datetime, url_fr: str, url_en: str
) -> None:
    await tx.execute(UPSERT_CONDITIONS, owner, version, posted_at, url_fr, url_en)


async def find_conditions(
    database: Database | Connection, owner: str, *, user_code_id: UUID, at: datetime
) -> PostedConditions | None:
    """What applies now, and whether this person was shown it."""
    row = await database.fetchrow(SELECT_CONDITIONS, owner, at, user_code_id)
    return None if row is None else _conditions(row)


async def find_last_shown(
    database: Database | Connection, owner: str, *, user_code_id: UUID
) -> PostedConditions | None:
    row = await database.fetchrow(SELECT_LAST_SHOWN, owner, user_code_id)
    return None if row is None else _conditions(row)


async def add_duties_shown(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, user_code_id: UUID, *, conditions: str, role: str, language: str, at: datetime
) -> bool:
    """False when it was shown with this version before."""
    return await tx.fetchval(INSERT_DUTIES_SHOWN, user_code_id, conditions, role, language, at) is not None


async def add_choice(database: Database, request_hash: bytes, *, session_id: UUID, expires_at: datetime) -> None:
    await database.execute(INSERT_CHOICE, request_hash, session_id, expires_at)


async def find_choice(database: Database | Connection, request_hash: bytes) -> UUID | None:
    row = await database.fetchrow(SELECT_CHOICE, request_hash)
    return None if row is None else row["session_id"]


async def remove_choice(tx: Connection, request_hash: bytes) -> None:
    await tx.execute(DELETE_CHOICE, request_hash)


async def carry_choices(tx: Connection, session_id: UUID, *, to: UUID) -> None:
    """Those that wait behind a step-up of this session."""
    await tx.execute(REPLACE_CHOICES, session_id, to)


async def forget_old_choices(tx: Connection, *, before: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_CHOICES, before)


def _conditions(row: asyncpg.Record) -> PostedConditions:
    addresses = {"fr": row["url_fr"], "en": row["url_en"]}
    return PostedConditions(row["version"], row["posted_at"], addresses, row["is_shown"])


def session_of(row: Mapping[str, Any]) -> Session:
    """A session whose columns were read with something else."""
    return _session(row)


def _session(row: asyncpg.Record | Mapping[str, Any]) -> Session:
    return Session(
        id=row["id"],
        secret_hash=row["secret_hash"],
        stage=Stage(row["stage"]),
        user_code_id=row["user_code_id"],
        applicant_id=row["applicant_id"],
        agent_id=row["agent_id"],
        is_recourse=row["is_recourse"],
        amr=tuple(row["amr"]),
        conditions=row["conditions"],
        authenticated_at=row["authenticated_at"],
        last_seen_at=row["last_seen_at"],
        ended_at=row["ended_at"],
        started_at=row["started_at"],
        address=row["address"],
        user_agent=row["user_agent"],
        represented_applicant_id=row["represented_applicant_id"],
        power_of_attorney_id=row["power_of_attorney_id"],
    )
