from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.ids import new_id
from libs.common.sweeping import delete_some, deleting_some
from services.registry.registration.file import (
    Acceptance,
    Address,
    Applicant,
    ApplicantKind,
    Doubt,
    FileState,
    FormRequirement,
    Path,
    Person,
    Proof,
    RegistrationFile,
    SettledBy,
)

COLUMNS = """id, applicant_id, applicant_kind, state, opened_at, expires_at, name, neq, business_number,
    identification_number, street, city, province, postal_code, country, identity_proof, conditions_version,
    conditions_language, conditions_accepted_at, path, doubts, identity_settled_by, registration_form_required,
    registration_form_received, designation_forms_required, submitted_at, closed_at, codes_pending"""
SELECT_FILE = f"SELECT {COLUMNS} FROM registrations WHERE id = $1"
SELECT_FILE_FOR_UPDATE = f"SELECT {COLUMNS} FROM registrations WHERE id = $1 FOR UPDATE"
SELECT_FILE_OF_APPLICANT = f"SELECT {COLUMNS} FROM registrations WHERE applicant_id = $1"
SELECT_FILE_OF_APPLICANT_FOR_UPDATE = f"SELECT {COLUMNS} FROM registrations WHERE applicant_id = $1 FOR UPDATE"
INSERT_FILE = """
INSERT INTO registrations (id, applicant_id, applicant_kind, state, opened_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""
UPDATE_FILE = """
UPDATE registrations SET state = $3, name = $4, neq = $5, business_number = $6, identification_number = $7,
    street = $8, city = $9, province = $10, postal_code = $11, country = $12, identity_proof = $13,
    conditions_version = $14, conditions_language = $15, conditions_accepted_at = $16, path = $17, doubts = $18,
    identity_settled_by = $19, registration_form_required = $20, registration_form_received = $21,
    designation_forms_required = $22, submitted_at = $23, closed_at = $24, codes_pending = $25
WHERE id = $1 AND state = $2
"""
UPDATE_DRAFTS_EXPIRED = "UPDATE registrations SET state = 'expired' WHERE state = 'draft' AND expires_at <= $1"
UPDATE_CODES_ASSIGNED = "UPDATE registrations SET codes_pending = false WHERE id = $1 AND state <> 'draft'"
SELECT_PERSONS = """
SELECT id, user_code_id, given_name, family_name, email, language, awaits_form FROM registration_persons
WHERE registration_id = $1 ORDER BY named_at, id
"""
INSERT_PERSON = """
INSERT INTO registration_persons (
    id, registration_id, user_code_id, given_name, family_name, email, language, same_person, named_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
DELETE_PERSON = "DELETE FROM registration_persons WHERE id = $1 AND registration_id = $2"
UPDATE_PERSON_AWAITS_FORM = "UPDATE registration_persons SET awaits_form = $2 WHERE id = $1 AND awaits_form <> $2"
SELECT_REQUIREMENT = (
    "SELECT registration_form, designation_form FROM registration_form_requirements WHERE applicant_kind = $1"
)
# Taken in the order of the numbers, before looking for another file, by everyone who submits.
LOCK_IDENTIFIER = "SELECT pg_advisory_xact_lock(hashtextextended('registration identifier ' || $1, 0))"
SELECT_IS_CONTESTED = """
SELECT EXISTS (
    SELECT 1 FROM registrations WHERE id <> $1 AND state IN ('submitted', 'active')
       AND (neq = $2 OR business_number = $3 OR identification_number = $4))
"""
INSERT_CHANGE = """
INSERT INTO registration_changes (id, registration_id, at, reported_by, subject, value_before, value_after)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
SELECT_CHANGES = """
SELECT at, reported_by, subject, value_before, value_after FROM registration_changes
WHERE registration_id = $1 ORDER BY at, id
"""
INSERT_DECISION = """
INSERT INTO registration_decisions (registration_id, decision, grounds, decided_by, decided_at, salt)
VALUES ($1, $2, $3, $4, $5, $6)
"""
SELECT_DECISIONS = """
SELECT decision, grounds, decided_by, decided_at FROM registration_decisions
WHERE registration_id = $1 ORDER BY decided_at
"""
INSERT_SESSION = """
INSERT INTO registration_sessions (token_hash, registration_id, opened_at, expires_at) VALUES ($1, $2, $3, $4)
"""
SELECT_SESSION = """
SELECT session.registration_id, session.opened_at, registrations.applicant_id
FROM registration_sessions AS session JOIN registrations ON registrations.id = session.registration_id
WHERE session.token_hash = $1 AND session.expires_at > $2
"""
DELETE_ENDED_SESSIONS = deleting_some("registration_sessions", "expires_at <= $1", is_ever_updated=False)


@dataclass(frozen=True, slots=True)
class Session:
    registration_id: UUID
    applicant_id: UUID
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    reported_by: str
    subject: str
    value_before: dict[str, Any] | None
    value_after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Decision:
    decision: str
    grounds: str
    decided_by: str
    decided_at: datetime


async def find(connection: Connection, registration_id: UUID) -> RegistrationFile | None:
    return await _file(connection, await connection.fetchrow(SELECT_FILE, registration_id))


async def find_for_update(tx: Connection, registration_id: UUID) -> RegistrationFile | None:
    return await _file(tx, await tx.fetchrow(SELECT_FILE_FOR_UPDATE, registration_id))


async def find_of_applicant(connection: Connection, applicant_id: UUID) -> RegistrationFile | None:
    return await _file(connection, await connection.fetchrow(SELECT_FILE_OF_APPLICANT, applicant_id))


async def find_of_applicant_for_update(tx: Connection, applicant_id: UUID) -> RegistrationFile | None:
    return await _file(tx, await tx.fetchrow(SELECT_FILE_OF_APPLICANT_FOR_UPDATE, applicant_id))


async def add(tx: Connection, file: RegistrationFile) -> None:
    await tx.execute(
        INSERT_FILE, file.id, file.applicant_id, file.kind, file.state, file.opened_at, file.expires_at
    )


async def save(tx: Connection, file: RegistrationFile, *, before: FileState) -> None:
    """Raises UnexpectedRowCount when the file is not in the state `before` any more."""
    applicant, acceptance = file.applicant, file.acceptance
    address = applicant.address if applicant else None
    await update_one(
        tx,
        UPDATE_FILE,
        file.id,
        before,
        file.state,
        applicant and applicant.name,
        applicant and applicant.neq,
        applicant and applicant.business_number,
        applicant and applicant.identification_number,
        address and address.street,
        address and address.city,
        address and address.province,
        address and address.postal_code,
        address and address.country,
        file.proof,
        acceptance and acceptance.version,
        acceptance and acceptance.language,
        acceptance and acceptance.accepted_at,
        file.path,
        list(file.doubts),
        file.settled_by,
        file.form_required,
        file.form_received,
        file.designation_forms_required,
        file.submitted_at,
        file.closed_at,
        file.codes_pending,
    )
    for person in file.persons:
        await tx.execute(UPDATE_PERSON_AWAITS_FORM, person.id, person.awaits_form)


async def add_person(tx: Connection, registration_id: UUID, person: Person, *, named_at: datetime) -> None:
    await tx.execute(
        INSERT_PERSON,
        person.id,
        registration_id,
        person.user_code_id,
        person.given_name,
        person.family_name,
        person.email,
        person.language,
        person.same_person,
        named_at,
    )


async def remove_person(tx: Connection, registration_id: UUID, person_id: UUID) -> None:
    await tx.execute(DELETE_PERSON, person_id, registration_id)


async def get_requirement(tx: Connection, kind: ApplicantKind) -> FormRequirement:
    row = await tx.fetchrow(SELECT_REQUIREMENT, kind)
    if row is None:
        raise LookupError(kind)
    return FormRequirement(row["registration_form"], row["designation_form"])


async def is_contested(tx: Connection, file: RegistrationFile) -> bool:
    """Whether another submitted file names one of its numbers; whoever submits meanwhile waits."""
    numbers = file.applicant.identifiers if file.applicant else {}
    for number in sorted(f"{name}:{value}" for name, value in numbers.items()):
        await tx.execute(LOCK_IDENTIFIER, number)
    found: bool = await tx.fetchval(
        SELECT_IS_CONTESTED,
        file.id,
        numbers.get("neq"),
        numbers.get("business_number"),
        numbers.get("identification_number"),
    )
    return found


async def note_codes_assigned(database: Database, registration_id: UUID) -> None:
    await database.execute(UPDATE_CODES_ASSIGNED, registration_id)


async def add_change(tx: Connection, registration_id: UUID, change: Change) -> None:
    await tx.execute(
        INSERT_CHANGE,
        new_id(),
        registration_id,
        change.at,
        change.reported_by,
        change.subject,
        change.value_before,
        change.value_after,
    )


async def list_changes(connection: Connection, registration_id: UUID) -> list[Change]:
    return [Change(**dict(row)) for row in await connection.fetch(SELECT_CHANGES, registration_id)]


async def add_decision(tx: Connection, registration_id: UUID, decision: Decision, *, salt: bytes) -> None:
    await tx.execute(
        INSERT_DECISION,
        registration_id,
        decision.decision,
        decision.grounds,
        decision.decided_by,
        decision.decided_at,
        salt,
    )


async def list_decisions(connection: Connection, registration_id: UUID) -> list[Decision]:
    return [Decision(**dict(row)) for row in await connection.fetch(SELECT_DECISIONS, registration_id)]


async def add_session(tx: Connection, token_hash: bytes, file: RegistrationFile) -> None:
    await tx.execute(INSERT_SESSION, token_hash, file.id, file.opened_at, file.expires_at)


async def find_session(database: Database, token_hash: bytes, *, now: datetime) -> Session | None:
    row = await database.fetchrow(SELECT_SESSION, token_hash, now)
    return None if row is None else Session(row["registration_id"], row["applicant_id"], row["opened_at"])


async def expire_drafts(tx: Connection, *, now: datetime) -> None:
    await tx.execute(UPDATE_DRAFTS_EXPIRED, now)


async def forget_ended_sessions(tx: Connection, *, now: datetime) -> int:
    return await delete_some(tx, DELETE_ENDED_SESSIONS, now)


async def _file(connection: Connection, row: asyncpg.Record | None) -> RegistrationFile | None:
    if row is None:
        return None
    persons = await connection.fetch(SELECT_PERSONS, row["id"])
    return RegistrationFile(
        id=row["id"],
        applicant_id=row["applicant_id"],
        kind=ApplicantKind(row["applicant_kind"]),
        state=FileState(row["state"]),
        opened_at=row["opened_at"],
        expires_at=row["expires_at"],
        applicant=_applicant(row),
        persons=_persons(persons),
        proof=Proof(row["identity_proof"]),
        acceptance=_acceptance(row),
        path=None if row["path"] is None else Path(row["path"]),
        doubts=tuple(map(Doubt, row["doubts"])),
        settled_by=None if row["identity_settled_by"] is None else SettledBy(row["identity_settled_by"]),
        form_required=row["registration_form_required"],
        form_received=row["registration_form_received"],
        designation_forms_required=row["designation_forms_required"],
        submitted_at=row["submitted_at"],
        closed_at=row["closed_at"],
        codes_pending=row["codes_pending"],
    )


def _persons(rows: Sequence[asyncpg.Record]) -> tuple[Person, ...]:
    return tuple(Person(**dict(row)) for row in rows)


def _applicant(row: asyncpg.Record) -> Applicant | None:
    if row["name"] is None:
        return None
    address = Address(row["street"], row["city"], row["province"], row["postal_code"], row["country"])
    return Applicant(
        row["name"], row["neq"], row["business_number"], row["identification_number"], address=address
    )


def _acceptance(row: asyncpg.Record) -> Acceptance | None:
    if row["conditions_version"] is None:
        return None
    return Acceptance(row["conditions_version"], row["conditions_language"], row["conditions_accepted_at"])
