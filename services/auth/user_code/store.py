from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.holds import Side
from services.auth.user_code.passwords import HashedPassword
from services.auth.user_code.rules import (
    Bar,
    CodeState,
    Facts,
    Person,
    Registration,
    RegistrationState,
    Role,
    UserCode,
)

CODE_COLUMNS = """c.id, c.applicant_id, c.assigned_by, c.code, c.language, c.state, c.assigned_at, c.activated_at,
    c.password_hash, c.pepper_key_id, c.password_set_at, c.password_is_one_time, c.first_used_at, c.revoked_at,
    c.password_may_stand_alone"""
FACTS = f"""
SELECT {CODE_COLUMNS},
       p.applicant_id AS person_applicant_id, p.role, p.named_at, p.cleared_at, p.is_held,
       r.state AS registration_state, r.activated_at AS registration_activated_at, r.changed_at, r.reactivated_at,
       ARRAY(SELECT h.side || '/' || h.reason_code FROM user_code_holds h
             WHERE h.user_code_id = c.id AND h.released_at IS NULL) AS bars,
       ARRAY(SELECT DISTINCT s.kind FROM second_factors s WHERE s.owner_id = c.id) AS factors
FROM user_codes c
LEFT JOIN persons p ON p.user_code_id = c.id
LEFT JOIN registrations r ON r.applicant_id = c.applicant_id
"""
SELECT_FACTS = f"{FACTS} WHERE c.id = $1"
SELECT_FACTS_BY_CODE = f"{FACTS} WHERE c.code = $1"
SELECT_ALL_FACTS = f"{FACTS} WHERE c.applicant_id = $1"
# Waits for whoever is changing the code at this moment, and keeps others from changing it until the end.
SELECT_UNCHANGED = """
SELECT 1 AS found FROM user_codes WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 FOR SHARE
"""
# As the foreign key of what is inserted about it does.
SELECT_KEPT = "SELECT 1 AS found FROM user_codes WHERE id = $1 FOR KEY SHARE"
SELECT_APPLICANT = "SELECT applicant_id FROM user_codes WHERE id = $1"
SELECT_PENDING_FACTS = f"{FACTS} WHERE c.applicant_id = $1 AND c.state = 'pending' FOR UPDATE OF c"
SELECT_CODE_FOR_UPDATE = f"SELECT {CODE_COLUMNS} FROM user_codes c WHERE c.id = $1 FOR UPDATE"
INSERT_CODE = """
INSERT INTO user_codes (id, applicant_id, assigned_by, code, language, state, assigned_at, password_hash,
    pepper_key_id, password_set_at, password_is_one_time)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $6, true)
ON CONFLICT (code) DO NOTHING RETURNING id
"""
UPDATE_ONE_TIME = """
UPDATE user_codes SET password_hash = $2, pepper_key_id = $3, password_set_at = $4, language = $5
WHERE id = $1 AND first_used_at IS NULL
"""
UPDATE_CHOSEN = """
UPDATE user_codes SET password_hash = $2, pepper_key_id = $3, password_set_at = $4, password_is_one_time = false,
    first_used_at = coalesce(first_used_at, $4), password_may_stand_alone = $6
WHERE id = $1 AND state = 'active' AND password_hash IS NOT DISTINCT FROM $5
"""
# A reset password is a one-time one again; that the code was used before stays known.
UPDATE_RESET = """
UPDATE user_codes SET password_hash = $2, pepper_key_id = $3, password_set_at = $4, password_is_one_time = true,
    password_may_stand_alone = true
WHERE id = $1 AND state = 'active' AND password_hash IS NOT DISTINCT FROM $5
"""
UPDATE_GIVEN_UP = """
UPDATE user_codes SET password_hash = NULL, pepper_key_id = NULL, password_set_at = $2,
    password_may_stand_alone = true
WHERE id = $1 AND state = 'active' AND password_hash = $3 AND NOT password_is_one_time
"""
UPDATE_BESIDE_FACTOR = """
UPDATE user_codes SET password_may_stand_alone = false WHERE id = $1 AND password_hash = $2
"""
SELECT_UNREVOKED = "SELECT id FROM user_codes WHERE applicant_id = $1 AND state <> 'revoked' ORDER BY id"
UPDATE_RENEWED = """
UPDATE user_codes SET password_hash = $2, pepper_key_id = $3
WHERE id = $1 AND password_hash = $4 AND password_is_one_time = $5
"""
INSERT_FORMER = """
INSERT INTO former_passwords (user_code_id, replaced_at, password_hash, pepper_key_id, was_one_time)
VALUES ($1, $2, $3, $4, $5)
"""
SELECT_FORMER = """
SELECT password_hash, pepper_key_id, was_one_time FROM former_passwords
WHERE user_code_id = $1 ORDER BY replaced_at DESC LIMIT $2
"""
DELETE_FORMER = """
DELETE FROM former_passwords WHERE user_code_id = $1 AND replaced_at <= (
    SELECT replaced_at FROM former_passwords WHERE user_code_id = $1
    ORDER BY replaced_at DESC OFFSET $2 LIMIT 1)
"""
UPDATE_TO_ACTIVE = "UPDATE user_codes SET state = 'active', activated_at = $2 WHERE id = $1 AND state = 'pending'"
UPDATE_TO_REVOKED = """
UPDATE user_codes SET state = 'revoked', revoked_at = $2 WHERE applicant_id = $1 AND state = 'pending' RETURNING id
"""
UPDATE_CODE_REVOKED = "UPDATE user_codes SET state = 'revoked', revoked_at = $3 WHERE id = $1 AND state = $2"
# Taking the row orders everything that is about one applicant's codes.
LOCK_REGISTRATION = """
INSERT INTO registrations (applicant_id, state, changed_at) VALUES ($1, 'unknown', $2)
ON CONFLICT (applicant_id) DO UPDATE SET state = registrations.state
RETURNING applicant_id, state, activated_at, changed_at, reactivated_at
"""
UPDATE_REGISTRATION = """
UPDATE registrations SET state = $2, changed_at = $3, activated_at = $4, reactivated_at = $5
WHERE applicant_id = $1
"""
UPSERT_REGISTRATION_STATE = """
INSERT INTO registrations (applicant_id, state, changed_at, reactivated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (applicant_id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at,
    reactivated_at = coalesce(excluded.reactivated_at, registrations.reactivated_at)
"""
UPSERT_NAMED = """
INSERT INTO persons (user_code_id, applicant_id, role, named_at, given_name, family_name)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (user_code_id) DO UPDATE SET role = excluded.role, named_at = excluded.named_at,
    given_name = excluded.given_name, family_name = excluded.family_name
WHERE persons.applicant_id = excluded.applicant_id
"""
SELECT_NAMES = "SELECT given_name, family_name FROM persons WHERE user_code_id = $1 AND applicant_id = $2"
UPSERT_CLEARED = """
INSERT INTO persons (user_code_id, applicant_id, cleared_at) VALUES ($1, $2, $3)
ON CONFLICT (user_code_id) DO UPDATE SET cleared_at = coalesce(persons.cleared_at, excluded.cleared_at)
WHERE persons.applicant_id = excluded.applicant_id
"""
UPSERT_HELD = """
INSERT INTO persons (user_code_id, applicant_id, is_held) VALUES ($1, $2, $3)
ON CONFLICT (user_code_id) DO UPDATE SET is_held = excluded.is_held
WHERE persons.applicant_id = excluded.applicant_id
"""
UPSERT_GONE = """
INSERT INTO persons (user_code_id, applicant_id, gone_at) VALUES ($1, $2, $3)
ON CONFLICT (user_code_id) DO UPDATE SET gone_at = coalesce(persons.gone_at, excluded.gone_at)
WHERE persons.applicant_id = excluded.applicant_id
"""
SELECT_GONE = """
SELECT EXISTS (SELECT 1 FROM persons WHERE user_code_id = $1 AND applicant_id = $2 AND gone_at IS NOT NULL)
"""


async def find_facts(database: Database | Connection, user_code_id: UUID) -> Facts | None:
    row = await database.fetchrow(SELECT_FACTS, user_code_id)
    return None if row is None else _facts(row)


async def find_facts_for_update(tx: Connection, user_code_id: UUID) -> Facts | None:
    """As they are once the code is locked: what a transaction waited for is seen by the next statement only."""
    await tx.execute(SELECT_CODE_FOR_UPDATE, user_code_id)
    row = await tx.fetchrow(SELECT_FACTS, user_code_id)
    return None if row is None else _facts(row)


async def find_facts_by_code(database: Database, code: str) -> Facts | None:
    row = await database.fetchrow(SELECT_FACTS_BY_CODE, code)
    return None if row is None else _facts(row)


async def keep(tx: Connection, user_code_id: UUID) -> None:
    await tx.execute(SELECT_KEPT, user_code_id)


async def has_password(tx: Connection, code: UserCode) -> bool:
    """Whether the code's password still is the one that was read."""
    return await tx.fetchval(SELECT_UNCHANGED, code.id, code.password_hash) is not None


async def list_facts(tx: Connection, applicant_id: UUID) -> list[Facts]:
    return [_facts(row) for row in await tx.fetch(SELECT_ALL_FACTS, applicant_id)]


async def find_applicant_of(database: Database | Connection, user_code_id: UUID) -> UUID | None:
    row = await database.fetchrow(SELECT_APPLICANT, user_code_id)
    return None if row is None else row["applicant_id"]


async def list_pending_facts(tx: Connection, applicant_id: UUID) -> Sequence[Facts]:
    return [_facts(row) for row in await tx.fetch(SELECT_PENDING_FACTS, applicant_id)]


async def find_for_update(tx: Connection, user_code_id: UUID) -> UserCode | None:
    row = await tx.fetchrow(SELECT_CODE_FOR_UPDATE, user_code_id)
    return None if row is None else _code(row)


async def add(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection,
    user_code_id: UUID,
    *,
    applicant_id: UUID,
    assigned_by: str,
    code: str,
    language: str,
    password: HashedPassword,
    at: datetime,
) -> bool:
    """False when this human code is taken."""
    values = (user_code_id, applicant_id, assigned_by, code, language, at, password.hash, password.pepper_key_id)
    return await tx.fetchval(INSERT_CODE, *values) is not None


async def save_one_time_password(
    tx: Connection, user_code_id: UUID, *, password: HashedPassword, language: str, at: datetime
) -> None:
    await update_one(tx, UPDATE_ONE_TIME, user_code_id, password.hash, password.pepper_key_id, at, language)


async def save_password(tx: Connection, code: UserCode, *, password: HashedPassword, at: datetime) -> None:
    chosen = (password.hash, password.pepper_key_id, at, code.password_hash, password.may_stand_alone)
    await update_one(tx, UPDATE_CHOSEN, code.id, *chosen)


async def save_reset(tx: Connection, code: UserCode, *, password: HashedPassword, at: datetime) -> None:
    await update_one(tx, UPDATE_RESET, code.id, password.hash, password.pepper_key_id, at, code.password_hash)


async def save_given_up(tx: Connection, code: UserCode, *, at: datetime) -> None:
    await update_one(tx, UPDATE_GIVEN_UP, code.id, at, code.password_hash)


async def save_beside_factor(database: Database, code: UserCode) -> None:
    """Changed meanwhile, the password stays as it was noted."""
    await database.execute(UPDATE_BESIDE_FACTOR, code.id, code.password_hash)


async def list_unrevoked(tx: Connection, applicant_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SELECT_UNREVOKED, applicant_id)]


async def save_renewed(tx: Connection, code: UserCode, *, password: HashedPassword) -> None:
    """The same password under another hash; changed meanwhile, it stays as it is."""
    await tx.execute(
        UPDATE_RENEWED,
        code.id,
        password.hash,
        password.pepper_key_id,
        code.password_hash,
        code.password_is_one_time,
    )


async def add_former_password(tx: Connection, code: UserCode, *, kept: int, at: datetime) -> None:
    """The present one, if any, before another takes its place; of the former ones the `kept` latest stay."""
    if code.password_hash is None:
        return
    await tx.execute(INSERT_FORMER, code.id, at, code.password_hash, code.pepper_key_id, code.password_is_one_time)
    await tx.execute(DELETE_FORMER, code.id, kept)


async def list_former_passwords(
    database: Database | Connection, user_code_id: UUID, *, most: int
) -> list[HashedPassword]:
    rows = await database.fetch(SELECT_FORMER, user_code_id, most)
    return [HashedPassword(row["password_hash"], row["pepper_key_id"], row["was_one_time"]) for row in rows]


async def save_active(tx: Connection, user_code_id: UUID, *, at: datetime) -> None:
    await update_one(tx, UPDATE_TO_ACTIVE, user_code_id, at)


async def revoke_pending(tx: Connection, applicant_id: UUID, *, at: datetime) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(UPDATE_TO_REVOKED, applicant_id, at)]


async def save_revoked(tx: Connection, user_code_id: UUID, *, was: CodeState, at: datetime) -> None:
    await update_one(tx, UPDATE_CODE_REVOKED, user_code_id, was, at)


async def lock_registration(tx: Connection, applicant_id: UUID, *, at: datetime) -> Registration:
    row = await tx.fetchrow(LOCK_REGISTRATION, applicant_id, at)
    assert row is not None  # noqa: S101 - the statement always returns its row
    return Registration(
        row["applicant_id"],
        RegistrationState(row["state"]),
        row["activated_at"],
        row["changed_at"],
        row["reactivated_at"],
    )


async def save_registration(tx: Connection, registration: Registration) -> None:
    await update_one(
        tx,
        UPDATE_REGISTRATION,
        registration.applicant_id,
        registration.state,
        registration.changed_at,
        registration.activated_at,
        registration.reactivated_at,
    )


async def save_registration_state(
    tx: Connection,
    applicant_id: UUID,
    *,
    state: RegistrationState,
    changed_at: datetime,
    reactivated_at: datetime | None,
) -> None:
    """`reactivated_at`: None keeps what is known."""
    await tx.execute(UPSERT_REGISTRATION_STATE, applicant_id, state, changed_at, reactivated_at)


async def save_named(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection, user_code_id: UUID, *, applicant_id: UUID, role: Role, names: tuple[str, str], at: datetime
) -> None:
    await tx.execute(UPSERT_NAMED, user_code_id, applicant_id, role, at, *names)


async def list_names(database: Database, code: UserCode) -> tuple[str, ...]:
    """Given and family name; none of whoever was named before names were kept."""
    row = await database.fetchrow(SELECT_NAMES, code.id, code.applicant_id)
    return () if row is None else tuple(name for name in (row["given_name"], row["family_name"]) if name)


async def save_cleared(tx: Connection, user_code_id: UUID, *, applicant_id: UUID, at: datetime) -> None:
    await tx.execute(UPSERT_CLEARED, user_code_id, applicant_id, at)


async def save_held(tx: Connection, user_code_id: UUID, *, applicant_id: UUID, is_held: bool) -> None:
    await tx.execute(UPSERT_HELD, user_code_id, applicant_id, is_held)


async def save_gone(tx: Connection, user_code_id: UUID, *, applicant_id: UUID, at: datetime) -> None:
    await tx.execute(UPSERT_GONE, user_code_id, applicant_id, at)


async def is_gone(tx: Connection, user_code_id: UUID, *, applicant_id: UUID) -> bool:
    return bool(await tx.fetchval(SELECT_GONE, user_code_id, applicant_id))


def facts_of(row: asyncpg.Record) -> Facts:
    """Facts that were read with something else."""
    return _facts(row)


def _code(row: asyncpg.Record) -> UserCode:
    return UserCode(
        id=row["id"],
        applicant_id=row["applicant_id"],
        assigned_by=row["assigned_by"],
        code=row["code"],
        language=row["language"],
        state=CodeState(row["state"]),
        assigned_at=row["assigned_at"],
        activated_at=row["activated_at"],
        password_hash=row["password_hash"],
        pepper_key_id=row["pepper_key_id"],
        password_set_at=row["password_set_at"],
        password_is_one_time=row["password_is_one_time"],
        first_used_at=row["first_used_at"],
        revoked_at=row["revoked_at"],
        password_may_stand_alone=row["password_may_stand_alone"],
    )


def _facts(row: asyncpg.Record) -> Facts:
    code = _code(row)
    person = registration = None
    # A person told for another applicant than the code's is nobody here.
    if row["person_applicant_id"] == code.applicant_id:
        role = None if row["role"] is None else Role(row["role"])
        person = Person(code.id, code.applicant_id, role, row["named_at"], row["cleared_at"], row["is_held"])
    if row["registration_state"] is not None:
        registration = Registration(
            code.applicant_id,
            RegistrationState(row["registration_state"]),
            row["registration_activated_at"],
            row["changed_at"],
            row["reactivated_at"],
        )
    return Facts(code, person, registration, tuple(map(_bar, row["bars"])), frozenset(row["factors"]))


def _bar(named: str) -> Bar:
    side, _, reason_code = named.partition("/")
    return Bar(Side(side), reason_code)
