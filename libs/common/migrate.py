"""Numbered SQL files, forward only, applied by the owner role under an advisory lock."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from libs.common.database import Connection

COMMON = Path(__file__).parent / "migrations"
LOCK_KEY = 7_305_111_982
MONTHS_AHEAD = 24
NO_TRANSACTION = "-- no transaction"

CREATE_SCHEMA_MIGRATIONS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    series text NOT NULL, number integer NOT NULL, name text NOT NULL, sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (series, number))
"""
SELECT_APPLIED = "SELECT series, number, sha256 FROM schema_migrations"
INSERT_APPLIED = "INSERT INTO schema_migrations (series, number, name, sha256) VALUES ($1, $2, $3, $4)"
SELECT_HEADS = "SELECT series, max(number) AS number FROM schema_migrations GROUP BY series"

SELECT_PARTITIONS = """
SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'access_records'::regclass
"""
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"


class MigrationFault(Exception):
    """The files and the database do not tell the same history, or the schema is older than the code."""


@dataclass(frozen=True)
class Migration:
    series: str
    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def list_migrations(folder: Path, *, series: str) -> list[Migration]:
    """The files NNNN_*.sql of a folder in order. Raises MigrationFault when a number is missing or twice."""
    found = [
        Migration(series, int(path.name[:4]), path.stem, path.read_text())
        for path in sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationFault(f"the numbers of the migrations in {folder.name} have a gap or a double")
    return found


def migrations_of(service_folder: Path) -> list[Migration]:
    return [
        *list_migrations(COMMON, series="common"),
        *list_migrations(service_folder / "migrations", series="service"),
    ]


async def migrate(owner_url: str, *, service_folder: Path, app_role: str) -> int:
    """Applies what is missing and prepares partitions; returns how many files were applied.

    Safe to run twice and in two places at once. Raises MigrationFault when an applied file was changed.
    """
    connection = await asyncpg.connect(owner_url, server_settings={"lock_timeout": "60s"})
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        await connection.execute(CREATE_SCHEMA_MIGRATIONS)
        await connection.execute(f'GRANT SELECT ON schema_migrations TO "{app_role}"')
        applied = {(row["series"], row["number"]): row["sha256"] for row in await connection.fetch(SELECT_APPLIED)}
        missing = list(_missing(migrations_of(service_folder), applied=applied))
        for migration in missing:
            await _apply(connection, migration, app_role=app_role)
        await _add_partitions(connection, now=datetime.now(UTC))
    finally:
        await connection.close()
    return len(missing)


def _missing(known: Iterable[Migration], *, applied: dict[tuple[str, int], str]) -> Iterable[Migration]:
    for migration in known:
        sha256 = applied.get((migration.series, migration.number))
        if sha256 is None:
            yield migration
        elif sha256 != migration.sha256:
            raise MigrationFault(f"{migration.series}/{migration.name} was changed after it was applied")


async def _apply(connection: "Connection", migration: Migration, *, app_role: str) -> None:
    text = migration.text.replace(":app", f'"{app_role}"')
    record = (migration.series, migration.number, migration.name, migration.sha256)
    if text.startswith(NO_TRANSACTION):
        await connection.execute(text)
        await connection.execute(INSERT_APPLIED, *record)
        return
    async with connection.transaction():
        await connection.execute(LOCK_TIMEOUT)
        await connection.execute("SET LOCAL statement_timeout = '10min'")
        await connection.execute(text)
        await connection.execute(INSERT_APPLIED, *record)


async def _add_partitions(connection: "Connection", *, now: datetime) -> None:
    """Monthly partitions of access_records, this month and 24 ahead; a default one takes what is beyond."""
    there = {row["name"] for row in await connection.fetch(SELECT_PARTITIONS)}
    year, month = now.year, now.month
    for _ in range(MONTHS_AHEAD + 1):
        following = (year + month // 12, month % 12 + 1)
        name = f"access_records_{year}_{month:02}"
        if name not in there:
            bounds = f"FROM ('{year}-{month:02}-01Z') TO ('{following[0]}-{following[1]:02}-01Z')"
            await _add_partition(connection, name, bounds=bounds)
        year, month = following


async def _add_partition(connection: "Connection", name: str, *, bounds: str) -> None:
    """Made apart and attached, which waits for no reader or writer of the others, nor they for it.

    Attaching gives it the indexes and constraints of the whole; nobody has rights on one partition alone.
    """
    async with connection.transaction():
        await connection.execute(LOCK_TIMEOUT)
        await connection.execute(f"CREATE TABLE {name} (LIKE access_records INCLUDING ALL)")
        await connection.execute(f"ALTER TABLE access_records ATTACH PARTITION {name} FOR VALUES {bounds}")


async def require_schema(connection: "Connection", *, service_folder: Path) -> None:
    """Raises MigrationFault when the database lacks a migration that this code was written for."""
    try:
        heads = {row["series"]: row["number"] for row in await connection.fetch(SELECT_HEADS)}
    except asyncpg.UndefinedTableError as error:
        raise MigrationFault("the database was never migrated") from error
    for migration in migrations_of(service_folder):
        if heads.get(migration.series, 0) < migration.number:
            raise MigrationFault(f"the database lacks migration {migration.series}/{migration.name}")
