from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from libs.common.database import Connection, Database
from services.delegation.user.rules import User

COLUMNS = """id, applicant_id, user_code_id, given_name, family_name, language, email, added_at, codes_pending"""
INSERT_USER = f"INSERT INTO users ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
SELECT_USER = f"SELECT {COLUMNS} FROM users WHERE applicant_id = $1 AND id = $2"
SELECT_USERS = f"SELECT {COLUMNS} FROM users WHERE applicant_id = $1 ORDER BY added_at, id"
COUNT_USERS = "SELECT count(*) FROM users WHERE applicant_id = $1"
UPDATE_CODES_ASSIGNED = "UPDATE users SET codes_pending = false WHERE id = $1"
SELECT_RIGHTS_OF_USERS = """
SELECT user_id, online_service, task, starts_on, ends_on
FROM access_rights JOIN users ON users.id = user_id WHERE applicant_id = $1
ORDER BY user_id, online_service, task
"""
SELECT_RECIPIENTS_OF_USERS = """
SELECT user_id, recipient FROM disclosure_authorizations JOIN users ON users.id = user_id
WHERE applicant_id = $1 ORDER BY user_id, recipient
"""


@dataclass(frozen=True, slots=True)
class ListedRight:
    online_service: str
    task: str
    starts_on: date | None
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ListedUser:
    user: User
    rights: list[ListedRight]
    disclosure_to: list[str]


async def count(tx: Connection, applicant_id: UUID) -> int:
    found: int = await tx.fetchval(COUNT_USERS, applicant_id)
    return found


async def add(tx: Connection, user: User) -> None:
    await tx.execute(
        INSERT_USER,
        user.id,
        user.applicant_id,
        user.user_code_id,
        user.given_name,
        user.family_name,
        user.language,
        user.email,
        user.added_at,
        user.codes_pending,
    )


async def find(tx: Connection, applicant_id: UUID, user_id: UUID) -> User | None:
    row = await tx.fetchrow(SELECT_USER, applicant_id, user_id)
    return None if row is None else User(**dict(row.items()))


async def save_assigned(tx: Connection, user_id: UUID) -> None:
    await tx.execute(UPDATE_CODES_ASSIGNED, user_id)


async def list_of_applicant(database: Database, applicant_id: UUID) -> list[ListedUser]:
    rights: dict[UUID, list[ListedRight]] = defaultdict(list)
    recipients: dict[UUID, list[str]] = defaultdict(list)
    async with database.connection() as connection:
        for row in await connection.fetch(SELECT_RIGHTS_OF_USERS, applicant_id):
            found = dict(row.items())
            rights[found.pop("user_id")].append(ListedRight(**found))
        for row in await connection.fetch(SELECT_RECIPIENTS_OF_USERS, applicant_id):
            recipients[row["user_id"]].append(row["recipient"])
        users = [User(**dict(row.items())) for row in await connection.fetch(SELECT_USERS, applicant_id)]
    return [ListedUser(user, rights[user.id], recipients[user.id]) for user in users]
