"""A file is handed in; every person in charge gets a user code in that session (clause 17)."""

from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.registry import PersonInChargeDesignated, RegistrationSubmitted
from libs.common.database import Connection, Database
from libs.common.errors import DatabaseUnavailable, UserCodeAlreadyUsed
from libs.common.evidence import record_evidence
from libs.common.idempotency import ShownOnce, claim, keep
from libs.common.service_calls import ServiceCalls
from services.registry.conditions.commands import current_version
from services.registry.conditions.rules import OWNER_OF_PROVIDER
from services.registry.enterprise_register.commands import is_confirmed
from services.registry.registration import rules, store
from services.registry.registration.activation import tell, tell_progress
from services.registry.registration.codes import Assignment, assign_codes
from services.registry.registration.commands import load_draft, load_own
from services.registry.registration.file import FileState, Path, Person, RegistrationFile
from services.registry.registration.rules import Findings
from services.registry.representative.commands import find_representative

NOTHING: Mapping[UUID, Assignment] = {}


class AssignedPerson(BaseModel):
    """`refusal` says why there is no code; null with null codes: auth has yet to answer."""

    model_config = ConfigDict(frozen=True)

    person_id: UUID
    user_code_id: UUID
    user_code: ShownOnce | None = None
    one_time_password: ShownOnce | None = None
    expires_in_days: int | None = None
    awaits_form: bool
    refusal: str | None = None


class Submitted(BaseModel):
    model_config = ConfigDict(frozen=True)

    registration_id: UUID
    applicant_id: UUID
    state: str
    path: Path
    forms_required: list[str]
    codes_pending: bool
    persons_in_charge: list[AssignedPerson]


async def submit(database: Database, call: Call, registration_id: UUID, *, calls: ServiceCalls) -> Submitted:
    """The submission stands when auth is away; then the codes are pending.

    Raises what rules.submit raises.
    """
    async with database.transaction() as tx:
        await claim(tx, call)
        draft = await load_draft(tx, call, registration_id)
        file = rules.submit(draft, await _findings(tx, call, draft), now=call.at)
        await store.save(tx, file, before=draft.state)
        path = await _tell_submission(tx, call, file)
        await tell_progress(tx, call, draft, after=file)
        content = {
            "registration_id": str(file.id),
            "path": path,
            "persons_in_charge": [str(person.id) for person in file.persons],
        }
        await record_evidence(tx, call, "submit_registration", applicant_id=file.applicant_id, content=content)
        await keep(tx, call, status=201, body=_told(file, path, NOTHING))
    return _told(file, path, await _assigned(database, call, file, calls=calls))


async def repeat_one_time_passwords(
    database: Database, call: Call, registration_id: UUID, *, calls: ServiceCalls
) -> Submitted:
    """Fresh passwords in the same session; the old ones are dead. Raises UserCodeAlreadyUsed when all are used."""
    async with database.transaction() as tx:
        file = await load_own(tx, call, registration_id)
        if file.state is not FileState.ACTIVE:
            rules.require_submitted(file)
        content = {"registration_id": str(file.id)}
        await record_evidence(
            tx, call, "repeat_one_time_passwords", applicant_id=file.applicant_id, content=content
        )
    assignments = await _assigned(database, call, file, calls=calls)
    if assignments and all(assignment.is_used for assignment in assignments.values()):
        raise UserCodeAlreadyUsed
    return _told(file, file.path or Path.VALIDATION, assignments)


async def _findings(tx: Connection, call: Call, file: RegistrationFile) -> Findings:
    return Findings(
        has_representative=await find_representative(tx, file.id) is not None,
        current_conditions=await current_version(tx, OWNER_OF_PROVIDER, now=call.at),
        requirement=await store.get_requirement(tx, file.kind),
        is_confirmed_by_register=await _is_confirmed(tx, file),
        is_contested=await store.is_contested(tx, file),
    )


async def _is_confirmed(tx: Connection, file: RegistrationFile) -> bool:
    applicant = file.applicant
    if applicant is None:
        return False
    if not rules.needs_register(file.kind, applicant.neq):
        return True
    if applicant.neq is None or not rules.fits_kind(file.kind, applicant.neq):
        return False
    return await is_confirmed(tx, neq=applicant.neq, name=applicant.name)


async def _tell_submission(tx: Connection, call: Call, file: RegistrationFile) -> Path:
    path = file.path or Path.VALIDATION
    for person in file.persons:
        await tell(tx, call, _designated(file, person), applicant_id=file.applicant_id)
    submitted = RegistrationSubmitted(
        applicant_id=file.applicant_id, applicant_kind=file.kind.value, path=path.value
    )
    await tell(tx, call, submitted, applicant_id=file.applicant_id)
    return path


def _designated(file: RegistrationFile, person: Person) -> PersonInChargeDesignated:
    return PersonInChargeDesignated(
        applicant_id=file.applicant_id,
        person_id=person.id,
        user_code_id=person.user_code_id,
        given_name=person.given_name,
        family_name=person.family_name,
        language=person.language,
        email=person.email,
        awaits_form=person.awaits_form,
    )


async def _assigned(
    database: Database, call: Call, file: RegistrationFile, *, calls: ServiceCalls
) -> Mapping[UUID, Assignment]:
    assignments = await assign_codes(calls, call, file)
    if not _is_pending(file, assignments):
        # Lost, this note only leaves a repetition open; the codes in hand are not to be lost with it.
        with suppress(DatabaseUnavailable):
            await store.note_codes_assigned(database, file.id)
    return assignments


def _is_pending(file: RegistrationFile, assignments: Mapping[UUID, Assignment]) -> bool:
    settled = {person for person, made in assignments.items() if made.assigned is not None or made.is_used}
    return any(person.id not in settled for person in file.persons)


def _told(file: RegistrationFile, path: Path, assignments: Mapping[UUID, Assignment]) -> Submitted:
    return Submitted(
        registration_id=file.id,
        applicant_id=file.applicant_id,
        state=rules.told_state(file),
        path=path,
        forms_required=file.forms_required,
        codes_pending=_is_pending(file, assignments),
        persons_in_charge=[_person(person, assignments.get(person.id, Assignment())) for person in file.persons],
    )


def _person(person: Person, made: Assignment) -> AssignedPerson:
    return AssignedPerson(
        person_id=person.id,
        user_code_id=person.user_code_id,
        user_code=made.assigned.user_code if made.assigned else None,
        one_time_password=made.assigned.one_time_password if made.assigned else None,
        expires_in_days=made.assigned.expires_in_days if made.assigned else None,
        awaits_form=person.awaits_form,
        refusal=UserCodeAlreadyUsed.code if made.is_used else None,
    )
