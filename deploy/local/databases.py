from collections.abc import Mapping
from urllib.parse import urlsplit

import asyncpg

SERVICES = ("auth", "registry", "delegation", "mailbox")

ROLE_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"
DATABASE_EXISTS = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
ROLE_RIGHTS = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
CREATE_ROLE = f"CREATE ROLE %I {ROLE_RIGHTS} PASSWORD %L"
ALTER_ROLE = f"ALTER ROLE %I {ROLE_RIGHTS} PASSWORD %L"
CREATE_DATABASE = "CREATE DATABASE %I OWNER %I"
# Half the time of writing each page to the log as well, where checkpoints cost nothing.
CLONE_DATABASE = "CREATE DATABASE %I OWNER %I TEMPLATE %I STRATEGY FILE_COPY"
CLOSE_DATABASE = "REVOKE ALL ON DATABASE %I FROM PUBLIC"
OPEN_DATABASE = "GRANT CONNECT ON DATABASE %I TO %I"
OWN_SCHEMA = "ALTER SCHEMA public OWNER TO %I"
OPEN_SCHEMA = "GRANT USAGE ON SCHEMA public TO %I"
CLOSE_SCHEMA = "REVOKE ALL ON SCHEMA public FROM PUBLIC"
CLOSE_SYSTEM = "REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC"


def owner(service: str) -> str:
    return f"{service}_owner"


def app(service: str) -> str:
    return f"{service}_app"


def roles() -> list[str]:
    return [role(service) for service in SERVICES for role in (owner, app)]


def address(superuser_url: str, *, database: str) -> str:
    return urlsplit(superuser_url)._replace(path=f"/{database}").geturl()


async def create(superuser_url: str, passwords: Mapping[str, str]) -> None:
    """Databases and roles of the four services; `passwords` has one for each of roles(). Idempotent."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(CLOSE_SYSTEM)
        for role in roles():
            exists = await connection.fetchval(ROLE_EXISTS, role)
            await _run(connection, ALTER_ROLE if exists else CREATE_ROLE, role, passwords[role])
        for service in SERVICES:
            if not await connection.fetchval(DATABASE_EXISTS, service):
                await _run(connection, CREATE_DATABASE, service, owner(service))
            await _open_to_its_service(connection, superuser_url, database=service, service=service)
    finally:
        await connection.close()


async def clone(superuser_url: str, service: str, *, template: str, name: str) -> None:
    """A copy of the database `template`; the server copies tables and their grants but not who may connect."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await _run(connection, CLONE_DATABASE, name, owner(service), template)
        await _open_to_its_service(connection, superuser_url, database=name, service=service)
    finally:
        await connection.close()


async def _open_to_its_service(
    connection: asyncpg.Connection, superuser_url: str, *, database: str, service: str
) -> None:
    await _run(connection, CLOSE_DATABASE, database)
    await _run(connection, OPEN_DATABASE, database, app(service))
    inside = await asyncpg.connect(address(superuser_url, database=database))
    try:
        await inside.execute(CLOSE_SCHEMA)
        await _run(inside, OWN_SCHEMA, owner(service))
        await _run(inside, OPEN_SCHEMA, app(service))
    finally:
        await inside.close()


async def _run(connection: asyncpg.Connection, template: str, *names: str) -> None:
    # Names and passwords are quoted by the server itself: these statements take no parameters.
    statement: str = await connection.fetchval("SELECT format($1, VARIADIC $2::text[])", template, list(names))
    await connection.execute(statement)
