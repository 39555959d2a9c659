from uuid import UUID

from libs.common.database import Connection
from services.registry.representative.rules import Capacity, Representative

SELECT_REPRESENTATIVE = """
SELECT given_name, family_name, capacity, email, telephone FROM authorized_representatives
WHERE registration_id = $1
"""
UPSERT_REPRESENTATIVE = """
INSERT INTO authorized_representatives (registration_id, given_name, family_name, capacity, email, telephone)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (registration_id) DO UPDATE
SET given_name = excluded.given_name, family_name = excluded.family_name, capacity = excluded.capacity,
    email = excluded.email, telephone = excluded.telephone
"""


async def find(connection: Connection, registration_id: UUID) -> Representative | None:
    row = await connection.fetchrow(SELECT_REPRESENTATIVE, registration_id)
    return None if row is None else Representative(**{**dict(row), "capacity": Capacity(row["capacity"])})


async def save(tx: Connection, registration_id: UUID, representative: Representative) -> None:
    await tx.execute(
        UPSERT_REPRESENTATIVE,
        registration_id,
        representative.given_name,
        representative.family_name,
        representative.capacity,
        representative.email,
        representative.telephone,
    )
