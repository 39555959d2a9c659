from collections.abc import Sequence

from libs.common.call import Call
from libs.common.contracts.registry import DepartmentRegistered, OnlineServicePublished
from libs.common.database import Connection
from libs.common.errors import OnlineServiceOfAnotherDepartment
from services.delegation.catalogue import store


async def note_department(tx: Connection, _call: Call, event: DepartmentRegistered) -> None:
    await store.save_department(tx, event)


async def note_online_service(tx: Connection, _call: Call, event: OnlineServicePublished) -> None:
    """Replaces what was published under the code. Raises OnlineServiceOfAnotherDepartment."""
    if not await store.save_online_service(tx, event):
        raise OnlineServiceOfAnotherDepartment(online_service=event.code, department=event.department)


async def known_tasks(tx: Connection, online_services: Sequence[str]) -> frozenset[tuple[str, str]]:
    """(service, task) pairs that these services offer now."""
    return await store.list_tasks(tx, online_services)
