from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some
from services.auth.second_factor.rules import EmailedCode, Enrolment, FactorKind, Owner, SecondFactor

FACTOR_COLUMNS = """id, owner_id, applicant_id, kind, name, sealed_secret, sealing_key_id, last_step,
    credential_id, public_key, sign_count, enrolled_at"""
SELECT_OF_OWNER = f"SELECT {FACTOR_COLUMNS} FROM second_factors WHERE owner_id = $1 ORDER BY enrolled_at, id"
SELECT_OF_OWNER_FOR_UPDATE = f"{SELECT_OF_OWNER} FOR UPDATE"
SELECT_BY_CREDENTIAL = f"SELECT {FACTOR_COLUMNS} FROM second_factors WHERE credential_id = $1"
INSERT_FACTOR = f"""
INSERT INTO second_factors ({FACTOR_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING RETURNING id
"""
UPDATE_STEP = "UPDATE second_factors SET last_step = $2 WHERE id = $1 AND last_step < $2"
SELECT_TO_KEEP = "SELECT 1 AS found FROM second_factors WHERE id = $1 FOR KEY SHARE"
UPDATE_SIGN_COUNT = "UPDATE second_factors SET sign_count = $3 WHERE id = $1 AND sign_count = $2"
DELETE_FACTOR = "DELETE FROM second_factors WHERE owner_id = $1 AND id = $2 RETURNING kind"
DELETE_OF_OWNER = "DELETE FROM second_factors WHERE owner_id = $1 RETURNING id, kind"

ENROLMENT_COLUMNS = "owner_id, factor_id, kind, name, sealed_secret, sealing_key_id, challenge, expires_at"
UPSERT_ENROLMENT = f"""
INSERT INTO factor_enrolments ({ENROLMENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (owner_id) DO UPDATE SET factor_id = excluded.factor_id, kind = excluded.kind, name = excluded.name,
    sealed_secret = excluded.sealed_secret, sealing_key_id = excluded.sealing_key_id,
    challenge = excluded.challenge, expires_at = excluded.expires_at
"""
SELECT_ENROLMENT = f"""
SELECT {ENROLMENT_COLUMNS} FROM factor_enrolments WHERE owner_id = $1 AND kind = $2 AND expires_at > $3
"""
DELETE_ENROLMENT = f"""
DELETE FROM factor_enrolments WHERE owner_id = $1 AND kind = $2 AND expires_at > $3 RETURNING {ENROLMENT_COLUMNS}
"""

INSERT_RECOVERY_CODE = "INSERT INTO recovery_codes (owner_id, code_hash, made_at) VALUES ($1, $2, $3)"
UPDATE_RECOVERY_CODE = """
UPDATE recovery_codes SET used_at = $3 WHERE owner_id = $1 AND code_hash = $2 AND used_at IS NULL
"""
DELETE_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE owner_id = $1"
SELECT_RECOVERY_LEFT = "SELECT count(*) AS left_over FROM recovery_codes WHERE owner_id = $1 AND used_at IS NULL"

UPSERT_ADDRESS = """
INSERT INTO email_addresses (user_code_id, applicant_id, address, language, told_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_code_id) DO UPDATE
SET address = excluded.address, language = excluded.language, told_at = excluded.told_at
WHERE email_addresses.applicant_id = excluded.applicant_id AND email_addresses.told_at <= excluded.told_at
"""
SELECT_ADDRESS = "SELECT address, language FROM email_addresses WHERE user_code_id = $1 AND applicant_id = $2"

EMAILED_COLUMNS = "session_id, owner_id, code_hash, sent_at, expires_at, tries, sendings"
# The row of the session's owner is locked first, so that twins see each other's sending.
SELECT_EMAILED_FOR_UPDATE = f"SELECT {EMAILED_COLUMNS} FROM emailed_codes WHERE session_id = $1 FOR UPDATE"
SELECT_EMAILED = f"SELECT {EMAILED_COLUMNS} FROM emailed_codes WHERE session_id = $1"
LOCK_SENDINGS = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 10))"
SELECT_SENT_TO_OWNER = """
SELECT coalesce(sum(sendings), 0)::int FROM emailed_codes WHERE owner_id = $1 AND sent_at > $2
"""
UPSERT_EMAILED = f"""
INSERT INTO emailed_codes ({EMAILED_COLUMNS}) VALUES ($1, $2, $3, $4, $5, 0, 1)
ON CONFLICT (session_id) DO UPDATE SET code_hash = excluded.code_hash, sent_at = excluded.sent_at,
    expires_at = excluded.expires_at, tries = 0, sendings = emailed_codes.sendings + 1
"""
UPDATE_TRIES = "UPDATE emailed_codes SET tries = tries + 1 WHERE session_id = $1"
UPDATE_SPENT = "UPDATE emailed_codes SET expires_at = $2 WHERE session_id = $1"

UPSERT_CHALLENGE = """
INSERT INTO passkey_challenges (asked_by, challenge, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (asked_by) DO UPDATE SET challenge = excluded.challenge, expires_at = excluded.expires_at
"""
DELETE_CHALLENGE = "DELETE FROM passkey_challenges WHERE asked_by = $1 AND expires_at > $2 RETURNING challenge"

DELETE_OLD_ENROLMENTS = deleting_some("factor_enrolments", "expires_at < $1")
DELETE_OLD_EMAILED = deleting_some("emailed_codes", "sent_at < $1")
DELETE_OLD_CHALLENGES = deleting_some("passkey_challenges", "expires_at < $1")


async def list_of_owner(database: Database | Connection, owner_id: UUID) -> list[SecondFactor]:
    return [_factor(row) for row in await database.fetch(SELECT_OF_OWNER, owner_id)]


async def list_of_owner_for_update(tx: Connection, owner_id: UUID) -> list[SecondFactor]:
    return [_factor(row) for row in await tx.fetch(SELECT_OF_OWNER_FOR_UPDATE, owner_id)]


async def find_by_credential(database: Database | Connection, credential_id: bytes) -> SecondFactor | None:
    row = await database.fetchrow(SELECT_BY_CREDENTIAL, credential_id)
    return None if row is None else _factor(row)


async def add(tx: Connection, factor: SecondFactor) -> bool:
    """False when the credential is somebody's, or the owner has an e-mail factor."""
    owner = factor.owner
    found = await tx.fetchval(
        INSERT_FACTOR,
        factor.id,
        owner.id,
        owner.applicant_id,
        factor.kind,
        factor.name,
        factor.sealed_secret,
        factor.sealing_key_id,
        factor.last_step,
        factor.credential_id,
        factor.public_key,
        factor.sign_count,
        factor.enrolled_at,
    )
    return found is not None


async def use_step(tx: Connection, factor_id: UUID, *, step: int) -> bool:
    """False when a code of this step, or a later one, was used before."""
    return await tx.execute(UPDATE_STEP, factor_id, step) == "UPDATE 1"


async def save_sign_count(tx: Connection, factor: SecondFactor, *, sign_count: int) -> bool:
    """False when another assertion was counted meanwhile."""
    return await tx.execute(UPDATE_SIGN_COUNT, factor.id, factor.sign_count, sign_count) == "UPDATE 1"


async def is_kept(tx: Connection, factor_id: UUID) -> bool:
    """Whether it is there, and stays to the end."""
    return await tx.fetchval(SELECT_TO_KEEP, factor_id) is not None


async def remove(tx: Connection, owner_id: UUID, factor_id: UUID) -> FactorKind | None:
    kind = await tx.fetchval(DELETE_FACTOR, owner_id, factor_id)
    return None if kind is None else FactorKind(kind)


async def remove_all(tx: Connection, owner_id: UUID) -> list[tuple[UUID, FactorKind]]:
    return [(row["id"], FactorKind(row["kind"])) for row in await tx.fetch(DELETE_OF_OWNER, owner_id)]


async def save_enrolment(tx: Connection, enrolment: Enrolment) -> None:
    await tx.execute(
        UPSERT_ENROLMENT,
        enrolment.owner_id,
        enrolment.factor_id,
        enrolment.kind,
        enrolment.name,
        enrolment.sealed_secret,
        enrolment.sealing_key_id,
        enrolment.challenge,
        enrolment.expires_at,
    )


async def find_enrolment(
    database: Database | Connection, owner_id: UUID, kind: FactorKind, *, at: datetime
) -> Enrolment | None:
    row = await database.fetchrow(SELECT_ENROLMENT, owner_id, kind, at)
    return None if row is None else _enrolment(row)


async def take_enrolment(tx: Connection, owner_id: UUID, kind: FactorKind, *, at: datetime) -> Enrolment | None:
    row = await tx.fetchrow(DELETE_ENROLMENT, owner_id, kind, at)
    return None if row is None else _enrolment(row)


async def replace_recovery_codes(tx: Connection, owner_id: UUID, hashes: Sequence[bytes], *, at: datetime) -> None:
    await tx.execute(DELETE_RECOVERY_CODES, owner_id)
    await tx.executemany(INSERT_RECOVERY_CODE, [(owner_id, code_hash, at) for code_hash in hashes])


async def remove_recovery_codes(tx: Connection, owner_id: UUID) -> None:
    await tx.execute(DELETE_RECOVERY_CODES, owner_id)


async def use_recovery_code(tx: Connection, owner_id: UUID, code_hash: bytes, *, at: datetime) -> bool:
    """False when there is none, or it was used before."""
    return await tx.execute(UPDATE_RECOVERY_CODE, owner_id, code_hash, at) == "UPDATE 1"


async def count_recovery_codes(database: Database | Connection, owner_id: UUID) -> int:
    row = await database.fetchrow(SELECT_RECOVERY_LEFT, owner_id)
    return 0 if row is None else int(row["left_over"])


async def save_address(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, user_code_id: UUID, *, applicant_id: UUID, address: str, language: str, at: datetime
) -> None:
    await tx.execute(UPSERT_ADDRESS, user_code_id, applicant_id, address, language, at)


async def find_address(database: Database | Connection, owner: Owner) -> tuple[str, str] | None:
    """Address and language."""
    row = await database.fetchrow(SELECT_ADDRESS, owner.user_code_id, owner.applicant_id)
    return None if row is None else (row["address"], row["language"])


async def lock_sendings(tx: Connection, owner_id: UUID) -> None:
    await tx.execute(LOCK_SENDINGS, str(owner_id))


async def count_sent(tx: Connection, owner_id: UUID, *, since: datetime) -> int:
    return int(await tx.fetchval(SELECT_SENT_TO_OWNER, owner_id, since))


async def find_emailed(database: Database, session_id: UUID) -> EmailedCode | None:
    row = await database.fetchrow(SELECT_EMAILED, session_id)
    return None if row is None else EmailedCode(**dict(row.items()))


async def find_emailed_for_update(tx: Connection, session_id: UUID) -> EmailedCode | None:
    row = await tx.fetchrow(SELECT_EMAILED_FOR_UPDATE, session_id)
    return None if row is None else EmailedCode(**dict(row.items()))


async def save_emailed(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, session_id: UUID, *, owner_id: UUID, code_hash: bytes, at: datetime, expires_at: datetime
) -> None:
    await tx.execute(UPSERT_EMAILED, session_id, owner_id, code_hash, at, expires_at)


async def count_try(tx: Connection, session_id: UUID) -> None:
    await tx.execute(UPDATE_TRIES, session_id)


async def spend_emailed(tx: Connection, session_id: UUID, *, at: datetime) -> None:
    await tx.execute(UPDATE_SPENT, session_id, at)


async def save_challenge(tx: Connection, asked_by: bytes, *, challenge: bytes, expires_at: datetime) -> None:
    await tx.execute(UPSERT_CHALLENGE, asked_by, challenge, expires_at)


async def take_challenge(tx: Connection, asked_by: bytes, *, at: datetime) -> bytes | None:
    """A challenge serves once."""
    found: bytes | None = await tx.fetchval(DELETE_CHALLENGE, asked_by, at)
    return found


async def forget_old(tx: Connection, *, at: datetime, mails_before: datetime) -> int:
    """The most that went of one kind."""
    return max(
        await delete_some(tx, DELETE_OLD_ENROLMENTS, at),
        await delete_some(tx, DELETE_OLD_CHALLENGES, at),
        await delete_some(tx, DELETE_OLD_EMAILED, mails_before),
    )


def _factor(row: asyncpg.Record) -> SecondFactor:
    return SecondFactor(
        id=row["id"],
        owner=Owner(row["owner_id"], row["applicant_id"]),
        kind=FactorKind(row["kind"]),
        name=row["name"],
        enrolled_at=row["enrolled_at"],
        sealed_secret=row["sealed_secret"],
        sealing_key_id=row["sealing_key_id"],
        last_step=row["last_step"],
        credential_id=row["credential_id"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
    )


def _enrolment(row: asyncpg.Record) -> Enrolment:
    return Enrolment(**{**dict(row.items()), "kind": FactorKind(row["kind"])})
