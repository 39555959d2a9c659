"""What a representative does with a draft, in one registration session."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.admission import SESSION_TOKEN_PREFIX
from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.errors import InvalidToken, UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.idempotency import ShownOnce, claim, keep
from libs.common.ids import new_id
from libs.common.principal import Principal
from services.registry.conditions.commands import current_version
from services.registry.conditions.rules import OWNER_OF_PROVIDER
from services.registry.registration import rules, store
from services.registry.registration.file import (
    Acceptance,
    Applicant,
    ApplicantKind,
    FileState,
    Person,
    Proof,
    RegistrationFile,
)
from services.registry.registration.store import Change

TOKEN_BYTES = 32


class Opened(BaseModel):
    model_config = ConfigDict(frozen=True)

    registration_id: UUID
    applicant_id: UUID
    token: ShownOnce
    expires_at: datetime


class NamedPerson(BaseModel):
    model_config = ConfigDict(frozen=True)

    person_id: UUID


def session_principal(session: store.Session) -> Principal:
    return Principal(
        actor=f"representative:{session.registration_id}",
        admitted_as=frozenset({"registration_session"}),
        issued_at=session.opened_at,
        applicant_id=session.applicant_id,
        registration_id=session.registration_id,
    )


def session_authenticator(database: Database) -> Callable[[str], Awaitable[Principal]]:
    async def authenticate(token: str) -> Principal:
        session = await store.find_session(database, _hash(token), now=now())
        if session is None:
            raise InvalidToken
        return session_principal(session)

    return authenticate


def require_own(call: Call, registration_id: UUID) -> None:
    """A session's token is good for its own file only. Raises UnknownOrForeign."""
    if call.principal is None or call.principal.registration_id != registration_id:
        raise UnknownOrForeign


async def open_registration(
    database: Database, call: Call, *, file: RegistrationFile, recorded: Callable[[Connection], Awaitable[object]]
) -> Opened:
    """Answers the token once; only its hash is kept. `recorded` writes the call's access record."""
    token = SESSION_TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    async with database.transaction() as tx:
        await recorded(tx)
        await store.add(tx, file)
        await store.add_session(tx, _hash(token), file)
        content = {"registration_id": str(file.id), "applicant_kind": file.kind}
        await record_evidence(tx, call, "open_registration", applicant_id=file.applicant_id, content=content)
    return Opened(registration_id=file.id, applicant_id=file.applicant_id, token=token, expires_at=file.expires_at)


def new_file(kind: ApplicantKind, *, opened_at: datetime, seconds: int) -> RegistrationFile:
    return RegistrationFile(
        id=new_id(),
        applicant_id=new_id(),
        kind=kind,
        state=FileState.DRAFT,
        opened_at=opened_at,
        expires_at=opened_at + timedelta(seconds=seconds),
    )


async def load_own(tx: Connection, call: Call, registration_id: UUID) -> RegistrationFile:
    """The session's file, locked. Raises UnknownOrForeign."""
    require_own(call, registration_id)
    file = await store.find_for_update(tx, registration_id)
    if file is None:
        raise UnknownOrForeign
    return file


async def load_draft(tx: Connection, call: Call, registration_id: UUID) -> RegistrationFile:
    """The session's file, locked and still a draft. Raises UnknownOrForeign and what require_draft raises."""
    file = await load_own(tx, call, registration_id)
    rules.require_draft(file, now=call.at)
    return file


async def report_applicant(database: Database, call: Call, registration_id: UUID, *, applicant: Applicant) -> None:
    async with database.transaction() as tx:
        file = await load_draft(tx, call, registration_id)
        reported = rules.report_applicant(file, applicant, now=call.at)
        await store.save(tx, reported, before=file.state)
        before = asdict(file.applicant) if file.applicant else None
        await note_change(tx, call, file, subject="applicant", before=before, after=asdict(applicant))


async def name_person(  # noqa: PLR0913 - what is said of one person, each by name
    database: Database,
    call: Call,
    registration_id: UUID,
    *,
    given_name: str,
    family_name: str,
    email: str,
    language: str,
) -> NamedPerson:
    async with database.transaction() as tx:
        await claim(tx, call)
        file = await load_draft(tx, call, registration_id)
        person = Person(new_id(), new_id(), given_name, family_name, email, language)
        rules.name_person(file, person, now=call.at)
        await store.add_person(tx, file.id, person, named_at=call.at)
        await note_change(tx, call, file, subject="person-in-charge", before=None, after=_told(person))
        result = NamedPerson(person_id=person.id)
        await keep(tx, call, status=201, body=result)
    return result


async def withdraw_person(database: Database, call: Call, registration_id: UUID, person_id: UUID) -> None:
    async with database.transaction() as tx:
        file = await load_draft(tx, call, registration_id)
        person = rules.find_person(file, person_id)
        await store.remove_person(tx, file.id, person_id)
        await note_change(tx, call, file, subject="person-in-charge", before=_told(person), after=None)


async def accept_conditions(
    database: Database, call: Call, registration_id: UUID, *, version: str, language: str
) -> None:
    """Version, language and time are kept (clause 23)."""
    async with database.transaction() as tx:
        file = await load_draft(tx, call, registration_id)
        current = await current_version(tx, OWNER_OF_PROVIDER, now=call.at)
        accepted = rules.accept_conditions(
            file, Acceptance(version, language, call.at), current=current, now=call.at
        )
        await store.save(tx, accepted, before=file.state)
        content = {"version": version, "language": language}
        await record_evidence(tx, call, "accept_conditions", applicant_id=file.applicant_id, content=content)


async def note_proof(tx: Connection, file: RegistrationFile, proof: Proof) -> None:
    await store.save(tx, replace(file, proof=proof), before=file.state)


async def note_change(  # noqa: PLR0913 - one row's facts, each by name
    tx: Connection,
    call: Call,
    file: RegistrationFile,
    *,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    """Both values and who reported it (clause 8); nothing when nothing changed."""
    if before == after:
        return
    change = Change(call.at, call.actor, subject, before, after)
    await store.add_change(tx, file.id, change)
    content = {"registration_id": str(file.id), "subject": subject}
    await record_evidence(tx, call, "report_change", applicant_id=file.applicant_id, content=content)


def _told(person: Person) -> dict[str, Any]:
    return {
        "person_id": str(person.id),
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "language": person.language,
    }


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
