import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import accounts, databases, ports, postgres
from deploy.local.environment import Platform

PASSWORD = "a/pass@word"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    postgres.stop_orphan(tmp_path)
    accounts.remove(tmp_path / postgres.NAME)


async def test_a_wrong_password_is_refused(platform: Platform) -> None:
    url = platform.database_url("auth_app", database="auth")
    wrong = url.replace(url.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


@pytest.mark.parametrize("role", databases.roles())
async def test_a_role_enters_its_own_database_only(platform: Platform, role: str) -> None:
    own = role.partition("_")[0]
    connection = await asyncpg.connect(platform.database_url(role, database=own))
    await connection.close()
    for other in {*databases.SERVICES, "postgres", "template1"} - {own}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(platform.database_url(role, database=other))


async def test_the_application_role_creates_nothing(platform: Platform) -> None:
    connection = await asyncpg.connect(platform.database_url("registry_app", database="registry"))
    try:
        for statement in (
            "CREATE TABLE stray (id int)",
            "CREATE TEMP TABLE stray (id int)",
            "CREATE SCHEMA stray",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_creating_databases_again_changes_nothing(platform: Platform) -> None:
    passwords = {
        role: (platform.keys / "databases" / f"{role}.password").read_text().strip() for role in databases.roles()
    }
    before = await _databases_and_roles(platform)
    await databases.create(platform.postgres_url, passwords)
    assert await _databases_and_roles(platform) == before
    connection = await asyncpg.connect(platform.database_url("auth_owner", database="auth"))
    await connection.close()


async def _databases_and_roles(platform: Platform) -> list[tuple[object, ...]]:
    """Who owns which database, who may do what with it, and what each role may do at all."""
    connection = await asyncpg.connect(platform.postgres_url)
    try:
        owned = await connection.fetch("SELECT datname, datdba, datacl::text FROM pg_database ORDER BY datname")
        roles = await connection.fetch(
            "SELECT rolname, oid, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles ORDER BY rolname"
        )
    finally:
        await connection.close()
    return [tuple(row) for row in (*owned, *roles)]


async def test_a_clone_lets_its_own_service_in_and_no_other(platform: Platform) -> None:
    name = f"clone_{uuid4().hex}"
    await databases.clone(platform.postgres_url, "mailbox", template="mailbox", name=name)
    connection = await asyncpg.connect(platform.database_url("mailbox_app", database=name))
    await connection.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(platform.database_url("auth_app", database=name))


async def test_nothing_lists_durability_as_off(platform: Platform) -> None:
    connection = await asyncpg.connect(platform.postgres_url)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await connection.fetchval(f"SHOW {setting}") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        assert await connection.fetchval("SHOW password_encryption") == "scram-sha-256"
    finally:
        await connection.close()


async def test_committed_rows_survive_a_killed_server(state: Path) -> None:
    port = ports.free().postgres
    server = postgres.start(state, port=port, password=PASSWORD)
    connection = await asyncpg.connect(server.url)
    await connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.program.kill()
    server.program.wait()
    connection.terminate()
    again = postgres.start(state, port=port, password=PASSWORD)
    connection = await asyncpg.connect(again.url)
    assert await connection.fetchval("SELECT answer FROM kept") == 42
    await connection.close()
    postgres.stop(again)


async def test_a_server_left_by_a_killed_suite_is_ended_first(state: Path) -> None:
    port = ports.free().postgres
    left = postgres.start(state, port=port, password=PASSWORD)
    started = postgres.start(state, port=port, password=PASSWORD)
    assert left.program.wait() == 0
    assert started.program.poll() is None
    postgres.stop(started)


def test_another_account_sees_nothing_of_the_files(state: Path) -> None:
    server = postgres.start(state, port=ports.free().postgres, password=PASSWORD)
    assert stat.S_IMODE(server.directory.stat().st_mode) == 0o700
    assert replace(server, password="x").url != server.url
    postgres.stop(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps the files elsewhere")
def test_what_a_deleted_state_directory_left_is_swept(tmp_path: Path) -> None:
    left = accounts.place(tmp_path / "one")
    kept = accounts.place(tmp_path / "two")
    (tmp_path / "one").unlink()
    newest = accounts.place(tmp_path / "three")
    assert not left.exists()
    assert kept.exists()
    for name in ("two", "three"):
        accounts.remove(tmp_path / name)
    assert not newest.exists()
