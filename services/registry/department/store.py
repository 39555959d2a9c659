from collections.abc import Sequence

import asyncpg

from libs.common.contracts.registry import PublishedTask, Translated
from libs.common.database import Connection, Database
from services.registry.department.rules import Department, EnrolmentKind, OnlineService

# Both answer a row only when something is new, so that an unchanged entry leaves no event and no evidence.
UPSERT_DEPARTMENT = """
INSERT INTO departments (code, name_fr, name_en, notice_identifiers) VALUES ($1, $2, $3, $4)
ON CONFLICT (code) DO UPDATE
SET name_fr = excluded.name_fr, name_en = excluded.name_en, notice_identifiers = excluded.notice_identifiers
WHERE (departments.name_fr, departments.name_en, departments.notice_identifiers)
    IS DISTINCT FROM (excluded.name_fr, excluded.name_en, excluded.notice_identifiers)
RETURNING code
"""
UPSERT_ONLINE_SERVICE = """
INSERT INTO online_services (code, department, name_fr, name_en, enrolment, tasks) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (code) DO UPDATE
SET name_fr = excluded.name_fr, name_en = excluded.name_en, enrolment = excluded.enrolment, tasks = excluded.tasks
WHERE online_services.department = excluded.department
  AND (online_services.name_fr, online_services.name_en, online_services.enrolment, online_services.tasks)
    IS DISTINCT FROM (excluded.name_fr, excluded.name_en, excluded.enrolment, excluded.tasks)
RETURNING code
"""
SELECT_DEPARTMENTS = "SELECT code, name_fr, name_en, notice_identifiers FROM departments ORDER BY code"
COLUMNS = "code, department, name_fr, name_en, enrolment, tasks"
SELECT_ONLINE_SERVICES = f"SELECT {COLUMNS} FROM online_services ORDER BY department, code"
SELECT_ONLINE_SERVICE = f"SELECT {COLUMNS} FROM online_services WHERE code = $1"
SELECT_WITH_REGISTRATION = f"""
SELECT {COLUMNS} FROM online_services WHERE enrolment = 'with-registration' ORDER BY code
"""


async def save_department(tx: Connection, department: Department) -> bool:
    """Whether anything of it was new."""
    name = department.name
    identifiers = list(department.notice_identifiers)
    saved = await tx.fetchval(UPSERT_DEPARTMENT, department.code, name.fr, name.en, identifiers)
    return saved is not None


async def save_online_service(tx: Connection, service: OnlineService) -> bool:
    """Whether anything of it was new; a service of another department is left as it is."""
    saved = await tx.fetchval(
        UPSERT_ONLINE_SERVICE,
        service.code,
        service.department,
        service.name.fr,
        service.name.en,
        service.enrolment.value,
        [task.model_dump() for task in service.tasks],
    )
    return saved is not None


async def list_departments(database: Database) -> list[Department]:
    return [
        Department(row["code"], Translated(fr=row["name_fr"], en=row["name_en"]), tuple(row["notice_identifiers"]))
        for row in await database.fetch(SELECT_DEPARTMENTS)
    ]


async def list_online_services(database: Database) -> list[OnlineService]:
    return _services(await database.fetch(SELECT_ONLINE_SERVICES))


async def find_online_service(tx: Connection, code: str) -> OnlineService | None:
    return next(iter(_services(await tx.fetch(SELECT_ONLINE_SERVICE, code))), None)


async def list_with_registration(tx: Connection) -> list[OnlineService]:
    return _services(await tx.fetch(SELECT_WITH_REGISTRATION))


def _services(rows: Sequence[asyncpg.Record]) -> list[OnlineService]:
    return [
        OnlineService(
            code=row["code"],
            department=row["department"],
            name=Translated(fr=row["name_fr"], en=row["name_en"]),
            enrolment=EnrolmentKind(row["enrolment"]),
            tasks=tuple(map(PublishedTask.model_validate, row["tasks"])),
        )
        for row in rows
    ]
