"""Powers of attorney as rows: nothing gives one yet."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.clock import civil_date, now
from libs.common.ids import new_id
from tests.kit import Running

INSERT = """
INSERT INTO powers_of_attorney (id, granting_applicant_id, granting_name, granting_number,
    representing_applicant_id, representing_user_code_id, is_unrestricted, starts_on, ends_on, accepted_at,
    revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, true, $7, $8, $9, $10)
"""


async def add_power(  # noqa: PLR0913 - one row's facts, each by name
    service: Running,
    *,
    granting: UUID,
    applicant: UUID | None = None,
    user_code: UUID | None = None,
    name: str = "Boulangerie du Coin inc.",
    starts_on: date | None = None,
    ends_on: date | None = None,
    accepted_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> UUID:
    power_id = new_id()
    today = civil_date(now())
    values: tuple[Any, ...] = (
        *(power_id, granting, name, "1234567890", applicant, user_code),
        *(starts_on or today - timedelta(days=1), ends_on, accepted_at or now(), revoked_at),
    )
    await as_owner(service, INSERT, *values)
    return power_id


async def as_owner(service: Running, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(service.owner_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
