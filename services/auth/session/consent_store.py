from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database

MOST = 500
COLUMNS = "user_code_id, applicant_id, product, vendor, scope, language, given_at"
# Whoever gives a code by it holds it: withdrawing waits for that code, and ends it.
SELECT_FOR_SHARE = f"""
SELECT {COLUMNS} FROM software_consents WHERE user_code_id = $1 AND applicant_id = $2 AND product = $3 FOR SHARE
"""
SELECT_OF_PERSON = f"""
SELECT {COLUMNS}, name_fr, name_en
FROM software_consents LEFT JOIN LATERAL (
    SELECT name_fr, name_en FROM clients WHERE software = product ORDER BY client_id LIMIT 1) AS known
    ON true
WHERE user_code_id = $1 ORDER BY product, applicant_id LIMIT {MOST}
"""
# What was allowed to the same vendor before stays allowed.
UPSERT_CONSENT = f"""
INSERT INTO software_consents AS kept ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (user_code_id, applicant_id, product) DO UPDATE SET
    scope = CASE WHEN kept.vendor IS NOT DISTINCT FROM excluded.vendor
        THEN ARRAY(SELECT DISTINCT one FROM unnest(kept.scope || excluded.scope) AS one ORDER BY one)
        ELSE excluded.scope END,
    vendor = excluded.vendor, language = excluded.language, given_at = excluded.given_at
"""
DELETE_CONSENTS = f"DELETE FROM software_consents WHERE user_code_id = $1 AND product = $2 RETURNING {COLUMNS}"
# Before the grants: a code that is being redeemed is waited for, and its grant is then there to be revoked.
DELETE_CODES = """
DELETE FROM authorization_codes c USING sessions s, clients k
WHERE s.id = c.session_id AND s.user_code_id = $1 AND k.client_id = c.client_id AND k.software = $2
  AND c.used_at IS NULL
"""
UPDATE_GRANTS_REVOKED = """
UPDATE token_grants g SET revoked_at = $3, reason = $4 FROM sessions s, clients k
WHERE s.id = g.session_id AND s.user_code_id = $1 AND k.client_id = g.client_id AND k.software = $2
  AND g.revoked_at IS NULL
RETURNING g.id
"""


@dataclass(frozen=True, slots=True)
class Consent:
    """`vendor`: whom the page named, if anybody."""

    user_code_id: UUID
    applicant_id: UUID
    product: str
    vendor: str | None
    scope: tuple[str, ...]
    language: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class ListedConsent:
    """With the name of the product as registered; without one that is not registered any more."""

    consent: Consent
    name_fr: str | None
    name_en: str | None


async def find_for_share(
    database: Database | Connection, *, user_code_id: UUID, applicant_id: UUID, product: str
) -> Consent | None:
    row = await database.fetchrow(SELECT_FOR_SHARE, user_code_id, applicant_id, product)
    return None if row is None else _consent(row)


async def list_of_person(database: Database, user_code_id: UUID) -> list[ListedConsent]:
    rows = await database.fetch(SELECT_OF_PERSON, user_code_id)
    return [ListedConsent(_consent(row), row["name_fr"], row["name_en"]) for row in rows]


async def save(tx: Connection, given: Consent) -> None:
    await tx.execute(
        UPSERT_CONSENT,
        given.user_code_id,
        given.applicant_id,
        given.product,
        given.vendor,
        given.scope,
        given.language,
        given.given_at,
    )


async def delete(tx: Connection, user_code_id: UUID, *, product: str) -> list[Consent]:
    return [_consent(row) for row in await tx.fetch(DELETE_CONSENTS, user_code_id, product)]


async def end_what_it_gave(
    tx: Connection, user_code_id: UUID, *, product: str, reason: str, at: datetime
) -> Sequence[UUID]:
    """The grants that this ends; codes that were not redeemed go."""
    await tx.execute(DELETE_CODES, user_code_id, product)
    return [row["id"] for row in await tx.fetch(UPDATE_GRANTS_REVOKED, user_code_id, product, at, reason)]


def _consent(row: asyncpg.Record) -> Consent:
    return Consent(
        user_code_id=row["user_code_id"],
        applicant_id=row["applicant_id"],
        product=row["product"],
        vendor=row["vendor"],
        scope=tuple(row["scope"]),
        language=row["language"],
        given_at=row["given_at"],
    )
