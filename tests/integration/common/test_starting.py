"""What keeps a service from starting is told in one sentence."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local import databases
from deploy.local.environment import Platform, service_environment
from deploy.local.layout import PROJECT
from services.delegation.app import SERVICE
from tests.kit import drop_database, new_database


async def start(command: str, platform: Platform, *, database: str, **settings: str) -> tuple[int | None, str]:
    """The exit code of `python -m services.delegation <command>`, and what it complained of."""
    environment = {
        **os.environ,
        **service_environment(SERVICE.name, platform, command=command, database=database),
        **settings,
    }
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.delegation", command),
        cwd=PROJECT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await program.communicate()
    return program.returncode, complaint.decode()


@pytest.fixture
async def empty(platform: Platform) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    await databases.clone(platform.postgres_url, SERVICE.name, template="template0", name=name)
    yield name
    await drop_database(name, platform)


@pytest.fixture
async def migrated(platform: Platform) -> AsyncIterator[str]:
    name = await new_database(SERVICE, platform)
    yield name
    await drop_database(name, platform)


@pytest.mark.parametrize("command", ["api", "worker"])
async def test_a_database_that_was_never_migrated_is_one_sentence(
    platform: Platform, empty: str, command: str
) -> None:
    assert await start(command, platform, database=empty) == (
        1,
        "delegation: the database was never migrated. Run `python -m services.delegation migrate` first.\n",
    )


@pytest.mark.parametrize("command", ["api", "worker"])
async def test_a_key_file_that_is_not_there_is_one_sentence(
    platform: Platform, migrated: str, tmp_path: Path, command: str
) -> None:
    absent = str(tmp_path / "absent.key")
    assert await start(command, platform, database=migrated, CLICSEQUR_PAIRWISE_KEY_FILE=absent) == (
        1,
        f"delegation: the key file {absent} cannot be read as base64\n",
    )


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_bundle_that_is_none_is_one_sentence(
    platform: Platform, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)
    assert await start("worker", platform, database="none", CLICSEQUR_KAFKA_CA_FILE=str(bundle)) == (
        1,
        f"delegation: the CA bundle {bundle} cannot be read as certificates in PEM\n",
    )


async def test_migrating_needs_no_key_file(platform: Platform, empty: str, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.key")
    code, _ = await start("migrate", platform, database=empty, CLICSEQUR_PAIRWISE_KEY_FILE=absent)
    assert code == 0


async def test_a_setting_that_is_wrong_or_missing_is_one_sentence_that_names_it(platform: Platform) -> None:
    code, complaint = await start("api", platform, database="none", CLICSEQUR_PUBLIC_PORT="x")
    assert (code, complaint.count("\n")) == (1, 1)
    assert complaint.startswith("delegation: settings are wrong: CLICSEQUR_PUBLIC_PORT: ")
