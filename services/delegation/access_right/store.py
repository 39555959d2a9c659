from collections.abc import Sequence
from uuid import UUID

from libs.common.database import Connection
from services.delegation.access_right.rules import Holder, Right

SELECT_HOLDER = """
SELECT id AS user_id, applicant_id, user_code_id FROM users WHERE applicant_id = $1 AND id = $2
"""
SELECT_RIGHTS = """
SELECT online_service, task, starts_on, ends_on FROM access_rights WHERE user_id = $1 ORDER BY online_service, task
"""
DELETE_RIGHTS = "DELETE FROM access_rights WHERE user_id = $1"
INSERT_RIGHT = """
INSERT INTO access_rights (user_id, online_service, task, starts_on, ends_on) VALUES ($1, $2, $3, $4, $5)
"""


async def find_holder(tx: Connection, applicant_id: UUID, user_id: UUID) -> Holder | None:
    row = await tx.fetchrow(SELECT_HOLDER, applicant_id, user_id)
    return None if row is None else Holder(**dict(row.items()))


async def list_of_user(tx: Connection, user_id: UUID) -> list[Right]:
    return [Right(**dict(row.items())) for row in await tx.fetch(SELECT_RIGHTS, user_id)]


async def replace(tx: Connection, user_id: UUID, rights: Sequence[Right]) -> None:
    await tx.execute(DELETE_RIGHTS, user_id)
    await tx.executemany(
        INSERT_RIGHT,
        [(user_id, right.online_service, right.task, right.starts_on, right.ends_on) for right in rights],
    )
