"""The SQL that stands in constants is what the migrated schema understands, and the schema is written down."""

import importlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local import accounts, databases
from deploy.local.environment import Platform
from libs.common.service import Service
from tests.generated import services
from tests.kit import drop_database, new_database

PROJECT = Path(__file__).parents[2]
STATEMENT = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b")
SERVICES = services()


def constants(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.py")):
        module = importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str) and STATEMENT.match(value):
                yield f"{module.__name__}.{name}", value


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_every_statement_can_be_prepared_by_the_application_role(
    service: Service, platform: Platform
) -> None:
    name = await new_database(service, platform)
    connection = await asyncpg.connect(platform.database_url(databases.app(service.name), database=name))
    faults = {}
    try:
        for place, text in [*constants(service.folder), *constants(PROJECT / "libs")]:
            try:
                await connection.prepare(text)
            except asyncpg.PostgresError as error:
                faults[place] = str(error)
    finally:
        await connection.close()
        await drop_database(name, platform)
    assert faults == {}


def dump(platform: Platform, database: str) -> str:
    """The schema alone, without what differs from day to day and from one build of pg_dump to another."""
    parts = urlsplit(platform.postgres_url)
    address = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@"), path=f"/{database}").geturl()
    shown = subprocess.run(  # noqa: S603 - our own program
        [
            *(str(accounts.binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-comments"),
            *("--exclude-table=access_records_2*", "--restrict-key=x", address),
        ],
        env={**os.environ, "PGPASSWORD": parts.password or ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = [
        line
        for line in shown.splitlines()
        if line and not line.startswith(("--", "SET ", "SELECT pg_catalog", "\\"))
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_the_written_schema_is_the_sum_of_the_migrations(service: Service, platform: Platform) -> None:
    name = await new_database(service, platform)
    try:
        found = dump(platform, name)
    finally:
        await drop_database(name, platform)
    written = service.folder / "schema.sql"
    if os.environ.get("CLICSEQUR_WRITE_SCHEMA"):
        written.write_text(found)
    assert written.read_text() == found, "set CLICSEQUR_WRITE_SCHEMA=1 and run this test to write it anew"
