"""The registration file, from draft to active or rejected (clauses 1, 2, 5, 6 and 17)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from libs.common.errors import Conflict, NotFound
from services.registry.registration.file import (
    Acceptance,
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
from services.registry.registration.identifiers import NEQ_PREFIXES

PERSONS_AT_MOST = 20


class RegistrationIncomplete(Conflict):
    code = "registration-incomplete"
    en = "The file cannot be submitted yet. Missing: {missing}."
    fr = "Le dossier ne peut pas encore être transmis. Il manque : {missing}."


class RegistrationAlreadySubmitted(Conflict):
    code = "registration-already-submitted"
    en = "This file was already submitted."
    fr = "Ce dossier a déjà été transmis."


class RegistrationNotSubmitted(Conflict):
    code = "registration-not-submitted"
    en = "This file was not submitted."
    fr = "Ce dossier n'a pas été transmis."


class RegistrationExpired(Conflict):
    code = "registration-expired"
    en = "This file was not submitted in time. Open a new one."
    fr = "Ce dossier n'a pas été transmis à temps. Ouvrez-en un nouveau."


class RegistrationAlreadyActive(Conflict):
    code = "registration-already-active"
    en = "This file is active already."
    fr = "Ce dossier est déjà actif."


class RegistrationAlreadyRejected(Conflict):
    code = "registration-already-rejected"
    en = "This file was rejected."
    fr = "Ce dossier a été refusé."


class IdentityAlreadySettled(Conflict):
    code = "identity-already-settled"
    en = "The identity of this applicant is settled already."
    fr = "L'identité de ce demandeur est déjà établie."


class PersonAlreadyNamed(Conflict):
    code = "person-in-charge-already-named"
    en = "This person is already named in the file."
    fr = "Cette personne est déjà désignée dans le dossier."


class TooManyPersons(Conflict):
    code = "too-many-persons-in-charge"
    en = "A file names at most {most} persons in charge."
    fr = "Un dossier désigne au plus {most} responsables."


class UnknownPerson(NotFound):
    code = "person-in-charge-not-in-file"
    en = "The file names no such person in charge."
    fr = "Le dossier ne désigne pas cette personne."


class ConditionsOutdated(Conflict):
    code = "conditions-outdated"
    en = "These conditions are not the current ones. Read and accept version {current}."
    fr = "Ces conditions ne sont pas celles en vigueur. Lisez et acceptez la version {current}."


class FormNotRequired(Conflict):
    code = "form-not-required"
    en = "This file awaits no such form."
    fr = "Ce dossier n'attend pas un tel formulaire."


class FormAlreadyReceived(Conflict):
    code = "form-already-received"
    en = "This form was already received."
    fr = "Ce formulaire a déjà été reçu."


def require_draft(file: RegistrationFile, *, now: datetime) -> None:
    """Raises RegistrationExpired, RegistrationAlreadySubmitted: only a living draft may change."""
    match file.state:
        case FileState.DRAFT:
            if now >= file.expires_at:
                raise RegistrationExpired
        case FileState.EXPIRED:
            raise RegistrationExpired
        case FileState.SUBMITTED | FileState.ACTIVE | FileState.REJECTED:
            raise RegistrationAlreadySubmitted
        case unknown:
            assert_never(unknown)


def require_submitted(file: RegistrationFile) -> None:
    """Raises RegistrationNotSubmitted, RegistrationAlreadyActive, RegistrationAlreadyRejected."""
    match file.state:
        case FileState.SUBMITTED:
            return
        case FileState.DRAFT | FileState.EXPIRED:
            raise RegistrationNotSubmitted
        case FileState.ACTIVE:
            raise RegistrationAlreadyActive
        case FileState.REJECTED:
            raise RegistrationAlreadyRejected
        case unknown:
            assert_never(unknown)


def report_applicant(file: RegistrationFile, applicant: Applicant, *, now: datetime) -> RegistrationFile:
    """A proof counts for the numbers that it was given for: another number needs another proof."""
    require_draft(file, now=now)
    is_same = file.applicant is not None and file.applicant.identifiers == applicant.identifiers
    proof = Proof.NONE if file.proof is Proof.MATCHED and not is_same else file.proof
    return replace(file, applicant=applicant, proof=proof)


def name_person(file: RegistrationFile, person: Person, *, now: datetime) -> RegistrationFile:
    """Raises PersonAlreadyNamed, TooManyPersons."""
    require_draft(file, now=now)
    if any(named.same_person == person.same_person for named in file.persons):
        raise PersonAlreadyNamed
    if len(file.persons) >= PERSONS_AT_MOST:
        raise TooManyPersons(most=PERSONS_AT_MOST)
    return replace(file, persons=(*file.persons, person))


def find_person(file: RegistrationFile, person_id: UUID) -> Person:
    """Raises UnknownPerson."""
    for person in file.persons:
        if person.id == person_id:
            return person
    raise UnknownPerson


def accept_conditions(
    file: RegistrationFile, acceptance: Acceptance, *, current: str, now: datetime
) -> RegistrationFile:
    """Only the current version can be accepted (clause 23). Raises ConditionsOutdated."""
    require_draft(file, now=now)
    if acceptance.version != current:
        raise ConditionsOutdated(current=current)
    return replace(file, acceptance=acceptance)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known around a file when it is submitted."""

    has_representative: bool
    current_conditions: str
    requirement: FormRequirement
    is_confirmed_by_register: bool
    is_contested: bool


def submit(file: RegistrationFile, findings: Findings, *, now: datetime) -> RegistrationFile:
    """The file with its path computed; active at once when the path is direct (clause 17).

    Raises RegistrationIncomplete, ConditionsOutdated, and what require_draft raises.
    """
    require_draft(file, now=now)
    missing = list(_missing(file, findings))
    if missing:
        raise RegistrationIncomplete(missing=", ".join(missing))
    if file.acceptance is not None and file.acceptance.version != findings.current_conditions:
        raise ConditionsOutdated(current=findings.current_conditions)
    doubts = tuple(_doubts(file, findings))
    requirement = findings.requirement
    submitted = replace(
        file,
        state=FileState.SUBMITTED,
        path=_path(doubts, requirement),
        doubts=doubts,
        settled_by=None if doubts else SettledBy.PROOF,
        form_required=requirement.registration_form,
        designation_forms_required=requirement.designation_form,
        persons=tuple(replace(person, awaits_form=requirement.designation_form) for person in file.persons),
        submitted_at=now,
        codes_pending=True,
    )
    return _activated_if_ready(submitted, now=now)


def _missing(file: RegistrationFile, findings: Findings) -> Iterator[str]:
    if file.applicant is None:
        yield "applicant"
    elif not file.applicant.identifiers:
        yield "neq or identification_number"
    if not findings.has_representative:
        yield "representative"
    if not file.persons:
        yield "person-in-charge"
    if file.acceptance is None:
        yield "conditions-acceptance"


def _doubts(file: RegistrationFile, findings: Findings) -> Iterator[Doubt]:
    match file.proof:
        case Proof.MATCHED:
            pass
        case Proof.NONE:
            yield Doubt.UNPROVED
        case Proof.EXHAUSTED:
            yield Doubt.EXHAUSTED
        case unknown:
            assert_never(unknown)
    if not findings.is_confirmed_by_register:
        yield Doubt.REGISTER
    if findings.is_contested:
        yield Doubt.CONTESTED


def _path(doubts: Sequence[Doubt], requirement: FormRequirement) -> Path:
    if doubts:
        return Path.VALIDATION
    return Path.PAPER if requirement.registration_form or requirement.designation_form else Path.DIRECT


def needs_register(kind: ApplicantKind, neq: str | None) -> bool:
    """An individual may do business under their own name without a NEQ; other kinds exist by the register."""
    return neq is not None or kind is not ApplicantKind.INDIVIDUAL


def fits_kind(kind: ApplicantKind, neq: str) -> bool:
    return neq.startswith(NEQ_PREFIXES[kind])


def validate(file: RegistrationFile, *, now: datetime) -> RegistrationFile:
    """An agent settled the identity (clause 17). Raises IdentityAlreadySettled; see require_submitted."""
    require_submitted(file)
    if file.settled_by is not None:
        raise IdentityAlreadySettled
    return _activated_if_ready(replace(file, settled_by=SettledBy.AGENT), now=now)


def reject(file: RegistrationFile, *, now: datetime) -> RegistrationFile:
    require_submitted(file)
    return replace(file, state=FileState.REJECTED, closed_at=now)


def receive_registration_form(file: RegistrationFile, *, now: datetime) -> RegistrationFile:
    """The signed paper came in (clauses 6 and 17). Raises FormNotRequired, FormAlreadyReceived."""
    _require_paper(file, is_required=file.form_required)
    if file.form_received:
        raise FormAlreadyReceived
    return _activated_if_ready(replace(file, form_received=True), now=now)


def accept_designation_form(file: RegistrationFile, person_id: UUID, *, now: datetime) -> RegistrationFile:
    """Clears one person, also in an active file. Raises FormNotRequired, FormAlreadyReceived, UnknownPerson."""
    _require_paper(file, is_required=file.designation_forms_required)
    person = find_person(file, person_id)
    if not person.awaits_form:
        raise FormAlreadyReceived
    cleared = replace(person, awaits_form=False)
    persons = tuple(cleared if named.id == person_id else named for named in file.persons)
    return _activated_if_ready(replace(file, persons=persons), now=now)


def _require_paper(file: RegistrationFile, *, is_required: bool) -> None:
    if file.state is not FileState.ACTIVE:
        require_submitted(file)
    if not is_required:
        raise FormNotRequired


def _activated_if_ready(file: RegistrationFile, *, now: datetime) -> RegistrationFile:
    """Identity settled, the registration form in if required, and at least one person cleared (clause 17)."""
    is_form_in = file.form_received or not file.form_required
    if file.state is FileState.SUBMITTED and file.settled_by is not None and is_form_in and file.cleared:
        return replace(file, state=FileState.ACTIVE, closed_at=now)
    return file


def told_state(file: RegistrationFile) -> str:
    """The state as told: a submitted file says what it waits for."""
    if file.state is not FileState.SUBMITTED:
        return file.state.value
    return "needs_validation" if file.settled_by is None else "awaiting_documents"
