from collections.abc import Sequence

from libs.common.contracts.registry import DepartmentRegistered, OnlineServicePublished
from libs.common.database import Connection

UPSERT_DEPARTMENT = """
INSERT INTO departments (code, name_fr, name_en) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET name_fr = excluded.name_fr, name_en = excluded.name_en
"""
UPSERT_ONLINE_SERVICE = """
INSERT INTO online_services (code, department, name_fr, name_en) VALUES ($1, $2, $3, $4)
ON CONFLICT (code) DO UPDATE SET name_fr = excluded.name_fr, name_en = excluded.name_en
WHERE online_services.department = excluded.department
RETURNING code
"""
DELETE_OTHER_TASKS = "DELETE FROM tasks WHERE online_service = $1 AND code <> ALL ($2::text[])"
UPSERT_TASK = """
INSERT INTO tasks (online_service, code, name_fr, name_en) VALUES ($1, $2, $3, $4)
ON CONFLICT (online_service, code) DO UPDATE SET name_fr = excluded.name_fr, name_en = excluded.name_en
"""
SELECT_TASKS = """
SELECT online_service, code FROM tasks WHERE online_service = ANY ($1::text[])
"""


async def save_department(tx: Connection, event: DepartmentRegistered) -> None:
    await tx.execute(UPSERT_DEPARTMENT, event.code, event.name.fr, event.name.en)


async def save_online_service(tx: Connection, event: OnlineServicePublished) -> bool:
    """False when the code belongs to another department's service."""
    names = (event.name.fr, event.name.en)
    if await tx.fetchval(UPSERT_ONLINE_SERVICE, event.code, event.department, *names) is None:
        return False
    await tx.execute(DELETE_OTHER_TASKS, event.code, [task.code for task in event.tasks])
    await tx.executemany(
        UPSERT_TASK, [(event.code, task.code, task.name.fr, task.name.en) for task in event.tasks]
    )
    return True


async def list_tasks(tx: Connection, online_services: Sequence[str]) -> frozenset[tuple[str, str]]:
    rows = await tx.fetch(SELECT_TASKS, list(online_services))
    return frozenset((row["online_service"], row["code"]) for row in rows)
