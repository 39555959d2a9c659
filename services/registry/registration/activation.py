"""What an agent's decision or a paper form does to a file, and what follows when it becomes active."""

import secrets
from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.contracts.registry import (
    ClearedPerson,
    DesignationFormAccepted,
    RegistrationActivated,
    RegistrationRejected,
    RegistrationValidated,
)
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.registry.applicant.commands import activate
from services.registry.applicant.rules import seal
from services.registry.registration import rules, store
from services.registry.registration.file import FileState, Person, RegistrationFile
from services.registry.representative.commands import find_representative

SERVICE = "registry"
SALT_BYTES = 32


class Decided(BaseModel):
    model_config = ConfigDict(frozen=True)

    registration_id: UUID
    state: str


async def decide(
    database: Database, call: Call, applicant_id: UUID, *, is_validated: bool, grounds: str
) -> Decided:
    """An agent validates the applicant's identity or rejects the file (clauses 2 and 17).

    Grounds stay confidential: evidence carries their HMAC under the salt kept beside them.
    """
    async with database.transaction() as tx:
        file = await load_of_applicant(tx, applicant_id)
        decided = rules.validate(file, now=call.at) if is_validated else rules.reject(file, now=call.at)
        await store.save(tx, decided, before=file.state)
        decision = "validated" if is_validated else "rejected"
        salt = secrets.token_bytes(SALT_BYTES)
        kept = store.Decision(decision, grounds, call.actor, call.at)
        await store.add_decision(tx, file.id, kept, salt=salt)
        event = RegistrationValidated if is_validated else RegistrationRejected
        await tell(tx, call, event(applicant_id=applicant_id), applicant_id=applicant_id)
        await tell_progress(tx, call, file, after=decided)
        content = {"registration_id": str(file.id), "decision": decision}
        content["grounds_hmac_sha256"] = seal(grounds, salt=salt)
        await record_evidence(tx, call, "decide_registration", applicant_id=applicant_id, content=content)
    return Decided(registration_id=file.id, state=rules.told_state(decided))


async def load_of_applicant(tx: Connection, applicant_id: UUID) -> RegistrationFile:
    """The applicant's file, locked. Raises UnknownOrForeign."""
    file = await store.find_of_applicant_for_update(tx, applicant_id)
    if file is None:
        raise UnknownOrForeign
    return file


def receive_form(file: RegistrationFile, *, person_id: UUID | None, call: Call) -> RegistrationFile:
    """The file with a registration form, or with the designation form of one person."""
    if person_id is None:
        return rules.receive_registration_form(file, now=call.at)
    return rules.accept_designation_form(file, person_id, now=call.at)


async def save_form(tx: Connection, call: Call, before: RegistrationFile, *, after: RegistrationFile) -> None:
    await store.save(tx, after, before=before.state)
    await tell_progress(tx, call, before, after=after)


async def tell_progress(tx: Connection, call: Call, before: RegistrationFile, *, after: RegistrationFile) -> None:
    """The file became active with its cleared persons, or an active one got more of them (clause 17)."""
    if after.state is not FileState.ACTIVE:
        return
    if before.state is not FileState.ACTIVE:
        await _activate(tx, call, after)
        return
    known = {person.id for person in before.cleared}
    newly = [person for person in after.cleared if person.id not in known]
    if newly:
        accepted = DesignationFormAccepted(applicant_id=after.applicant_id, cleared=_cleared(newly))
        await tell(tx, call, accepted, applicant_id=after.applicant_id)


async def _activate(tx: Connection, call: Call, file: RegistrationFile) -> None:
    representative = await find_representative(tx, file.id)
    if file.applicant is None or representative is None:
        raise UnknownOrForeign
    event = RegistrationActivated(
        applicant_id=file.applicant_id, applicant_kind=file.kind, cleared=_cleared(file.cleared)
    )
    await tell(tx, call, event, applicant_id=file.applicant_id)
    await activate(
        tx,
        call,
        applicant_id=file.applicant_id,
        kind=file.kind,
        name=file.applicant.name,
        identifiers=file.applicant.identifiers,
        representative=representative.full_name,
    )


async def tell(tx: Connection, call: Call, event: Event, *, applicant_id: UUID) -> None:
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))


def _cleared(persons: Sequence[Person]) -> list[ClearedPerson]:
    return [ClearedPerson(person_id=person.id, user_code_id=person.user_code_id) for person in persons]
