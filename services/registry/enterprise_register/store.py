from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.database import Connection
from services.registry.enterprise_register.rules import Enterprise

LOAD_SECONDS = 3600.0
LOCK_LOAD = "SELECT pg_advisory_xact_lock(hashtextextended('enterprise register load', 0))"
TRUNCATE_STAGED = "TRUNCATE staged_enterprises, staged_enterprise_names"
STAGED_ENTERPRISE = ("neq", "is_bankrupt", "registered_on", "status", "status_on", "legal_form")
STAGED_NAME = ("neq", "name")
INSERT_LOAD = """
INSERT INTO enterprise_register_loads (id, loaded_at, enterprises, names, malformed, changed)
SELECT $1, $2, $3, $4, $5, count(*) FROM enterprises JOIN staged_enterprises AS staged USING (neq)
WHERE (enterprises.is_bankrupt, enterprises.status) IS DISTINCT FROM (staged.is_bankrupt, staged.status)
"""
INSERT_CHANGES = """
INSERT INTO enterprise_changes (load_id, neq, was_bankrupt, is_bankrupt, status_before, status_after)
SELECT DISTINCT ON (neq) $1::uuid, neq, enterprises.is_bankrupt, staged.is_bankrupt, enterprises.status,
    staged.status
FROM enterprises JOIN staged_enterprises AS staged USING (neq)
WHERE (enterprises.is_bankrupt, enterprises.status) IS DISTINCT FROM (staged.is_bankrupt, staged.status)
ORDER BY neq
"""
# A load that brings nothing new touches no row.
MERGE_ENTERPRISES = """
INSERT INTO enterprises (neq, is_bankrupt, registered_on, status, status_on, legal_form, load_id)
SELECT DISTINCT ON (neq) neq, is_bankrupt, registered_on, status, status_on, legal_form, $1::uuid
FROM staged_enterprises ORDER BY neq
ON CONFLICT (neq) DO UPDATE
SET is_bankrupt = excluded.is_bankrupt, registered_on = excluded.registered_on, status = excluded.status,
    status_on = excluded.status_on, legal_form = excluded.legal_form, load_id = excluded.load_id
WHERE (enterprises.is_bankrupt, enterprises.registered_on, enterprises.status, enterprises.status_on,
       enterprises.legal_form)
      IS DISTINCT FROM
      (excluded.is_bankrupt, excluded.registered_on, excluded.status, excluded.status_on, excluded.legal_form)
"""
DELETE_FORMER_NAMES = """
DELETE FROM enterprise_names AS known
WHERE neq IN (SELECT neq FROM staged_enterprises) AND NOT EXISTS (
    SELECT 1 FROM staged_enterprise_names AS staged WHERE staged.neq = known.neq AND staged.name = known.name)
"""
INSERT_NAMES = """
INSERT INTO enterprise_names (neq, name) SELECT neq, name FROM staged_enterprise_names ON CONFLICT DO NOTHING
"""
SELECT_LOAD = "SELECT enterprises, names, malformed, changed FROM enterprise_register_loads WHERE id = $1"
SELECT_ENTERPRISE = """
SELECT neq, is_bankrupt, registered_on, status, status_on, legal_form,
    ARRAY(SELECT name FROM enterprise_names WHERE enterprise_names.neq = enterprises.neq) AS names
FROM enterprises WHERE neq = $1
"""


@dataclass(frozen=True, slots=True)
class Load:
    enterprises: int
    names: int
    malformed: int
    changed: int


async def find(connection: Connection, neq: str) -> Enterprise | None:
    row = await connection.fetchrow(SELECT_ENTERPRISE, neq)
    return None if row is None else Enterprise(**dict(row))


async def begin_load(tx: Connection) -> None:
    """One load at a time: the next waits for the transaction's end."""
    await tx.execute(LOCK_LOAD, timeout=LOAD_SECONDS)
    await tx.execute(TRUNCATE_STAGED)


async def stage_enterprises(tx: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    await tx.copy_records_to_table(
        "staged_enterprises", columns=STAGED_ENTERPRISE, records=rows, timeout=LOAD_SECONDS
    )


async def stage_names(tx: Connection, rows: Iterable[tuple[object, ...]]) -> None:
    await tx.copy_records_to_table(
        "staged_enterprise_names", columns=STAGED_NAME, records=rows, timeout=LOAD_SECONDS
    )


async def merge(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, load_id: UUID, *, loaded_at: datetime, enterprises: int, names: int, malformed: int
) -> Load:
    """What was staged, merged into what is known, with what changed kept beside it."""
    await tx.execute(INSERT_LOAD, load_id, loaded_at, enterprises, names, malformed, timeout=LOAD_SECONDS)
    for statement in (INSERT_CHANGES, MERGE_ENTERPRISES):
        await tx.execute(statement, load_id, timeout=LOAD_SECONDS)
    for statement in (DELETE_FORMER_NAMES, INSERT_NAMES):
        await tx.execute(statement, timeout=LOAD_SECONDS)
    row = await tx.fetchrow(SELECT_LOAD, load_id)
    if row is None:
        raise LookupError(load_id)
    return Load(**dict(row))
