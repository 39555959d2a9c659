from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registry.registration import rules
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
from services.registry.registration.rules import Findings

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ADDRESS = Address("1, rue de l'Exemple", "Québec", "QC", "G1A 0A0", "CA")
APPLICANT = Applicant("Boulangerie de l'Érable inc.", "1160000001", None, "1000000001", ADDRESS)
NO_PAPER = FormRequirement(registration_form=False, designation_form=False)
PAPER = FormRequirement(registration_form=True, designation_form=True)
FINDINGS = Findings(
    has_representative=True,
    current_conditions="1",
    requirement=NO_PAPER,
    is_confirmed_by_register=True,
    is_contested=False,
)
ON_PAPER = replace(FINDINGS, requirement=PAPER)


def person(name: str = "Luc", email: str = "luc@example.org") -> Person:
    return Person(uuid4(), uuid4(), name, "Gagnon", email, "fr")


def draft(proof: Proof = Proof.MATCHED, persons: int = 1) -> RegistrationFile:
    return RegistrationFile(
        id=uuid4(),
        applicant_id=uuid4(),
        kind=ApplicantKind.CORPORATION,
        state=FileState.DRAFT,
        opened_at=NOW,
        expires_at=NOW + timedelta(hours=2),
        applicant=APPLICANT,
        persons=tuple(person(email=f"p{number}@example.org") for number in range(persons)),
        proof=proof,
        acceptance=Acceptance("1", "fr", NOW),
    )


def test_a_proved_file_that_needs_no_paper_is_direct_and_active_at_once() -> None:
    submitted = rules.submit(draft(), FINDINGS, now=NOW)
    assert (submitted.state, submitted.path) == (FileState.ACTIVE, Path.DIRECT)
    assert submitted.settled_by is SettledBy.PROOF


@pytest.mark.parametrize(
    ("proof", "findings", "doubts"),
    [
        (Proof.NONE, FINDINGS, [Doubt.UNPROVED]),
        (Proof.EXHAUSTED, FINDINGS, [Doubt.EXHAUSTED]),
        (Proof.MATCHED, replace(FINDINGS, is_confirmed_by_register=False), [Doubt.REGISTER]),
        (Proof.MATCHED, replace(FINDINGS, is_contested=True), [Doubt.CONTESTED]),
    ],
)
def test_any_doubt_sends_the_file_to_an_agent(proof: Proof, findings: Findings, doubts: list[Doubt]) -> None:
    submitted = rules.submit(draft(proof), findings, now=NOW)
    assert (submitted.state, submitted.path) == (FileState.SUBMITTED, Path.VALIDATION)
    assert list(submitted.doubts) == doubts
    assert rules.told_state(submitted) == "needs_validation"


def test_a_proved_file_on_paper_waits_for_its_forms() -> None:
    submitted = rules.submit(draft(), ON_PAPER, now=NOW)
    assert (submitted.state, submitted.path) == (FileState.SUBMITTED, Path.PAPER)
    assert submitted.forms_required == ["registration-form", "designation-form"]
    assert rules.told_state(submitted) == "awaiting_documents"


def test_the_registration_form_alone_does_not_activate_a_file() -> None:
    file = rules.receive_registration_form(rules.submit(draft(), ON_PAPER, now=NOW), now=NOW)
    assert file.state is FileState.SUBMITTED


def test_one_cleared_person_activates_a_file_and_the_others_wait_for_their_own_form() -> None:
    file = rules.submit(draft(persons=2), ON_PAPER, now=NOW)
    file = rules.receive_registration_form(file, now=NOW)
    first, second = file.persons
    file = rules.accept_designation_form(file, first.id, now=NOW)
    assert file.state is FileState.ACTIVE
    assert [cleared.id for cleared in file.cleared] == [first.id]
    file = rules.accept_designation_form(file, second.id, now=NOW)
    assert len(file.cleared) == 2


def test_paper_alone_does_not_activate_a_file_whose_identity_is_not_settled() -> None:
    file = rules.submit(draft(Proof.NONE), ON_PAPER, now=NOW)
    file = rules.receive_registration_form(file, now=NOW)
    file = rules.accept_designation_form(file, file.persons[0].id, now=NOW)
    assert file.state is FileState.SUBMITTED
    assert rules.validate(file, now=NOW).state is FileState.ACTIVE


def test_an_agent_settles_an_identity_once() -> None:
    file = rules.validate(rules.submit(draft(Proof.NONE), ON_PAPER, now=NOW), now=NOW)
    with pytest.raises(rules.IdentityAlreadySettled):
        rules.validate(file, now=NOW)


def test_a_file_whose_identity_is_proved_can_still_be_rejected_for_its_paper() -> None:
    assert rules.reject(rules.submit(draft(), ON_PAPER, now=NOW), now=NOW).state is FileState.REJECTED


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (FileState.DRAFT, rules.RegistrationNotSubmitted),
        (FileState.EXPIRED, rules.RegistrationNotSubmitted),
        (FileState.ACTIVE, rules.RegistrationAlreadyActive),
        (FileState.REJECTED, rules.RegistrationAlreadyRejected),
    ],
)
def test_only_a_submitted_file_is_decided(state: FileState, refusal: type[Exception]) -> None:
    file = replace(draft(), state=state)
    with pytest.raises(refusal):
        rules.validate(file, now=NOW)
    with pytest.raises(refusal):
        rules.reject(file, now=NOW)


def test_a_form_that_the_file_does_not_need_is_refused() -> None:
    file = rules.submit(draft(Proof.NONE), FINDINGS, now=NOW)
    with pytest.raises(rules.FormNotRequired):
        rules.receive_registration_form(file, now=NOW)
    with pytest.raises(rules.FormNotRequired):
        rules.accept_designation_form(file, file.persons[0].id, now=NOW)


def test_a_form_comes_once() -> None:
    file = rules.receive_registration_form(rules.submit(draft(), ON_PAPER, now=NOW), now=NOW)
    with pytest.raises(rules.FormAlreadyReceived):
        rules.receive_registration_form(file, now=NOW)
    file = rules.accept_designation_form(file, file.persons[0].id, now=NOW)
    with pytest.raises(rules.FormAlreadyReceived):
        rules.accept_designation_form(file, file.persons[0].id, now=NOW)


def test_a_form_for_somebody_the_file_does_not_name_is_refused() -> None:
    with pytest.raises(rules.UnknownPerson):
        rules.accept_designation_form(rules.submit(draft(), ON_PAPER, now=NOW), uuid4(), now=NOW)


def test_the_same_person_is_named_once_however_written() -> None:
    file = rules.name_person(draft(persons=0), person("Hélène", "Helene@Example.org"), now=NOW)
    with pytest.raises(rules.PersonAlreadyNamed):
        rules.name_person(file, person("HE\u0301LE\u0300NE ", "helene@example.org"), now=NOW)


def test_a_file_names_at_most_twenty_persons() -> None:
    with pytest.raises(rules.TooManyPersons):
        rules.name_person(draft(persons=rules.PERSONS_AT_MOST), person(), now=NOW)


def test_a_proof_falls_with_the_number_it_was_given_for() -> None:
    other = replace(APPLICANT, neq="1160000004")
    assert rules.report_applicant(draft(), other, now=NOW).proof is Proof.NONE
    renamed = replace(APPLICANT, name="Boulangerie Érable inc.")
    assert rules.report_applicant(draft(), renamed, now=NOW).proof is Proof.MATCHED


def test_another_number_does_not_give_back_tries_that_are_used_up() -> None:
    other = replace(APPLICANT, identification_number="1000000004")
    assert rules.report_applicant(draft(Proof.EXHAUSTED), other, now=NOW).proof is Proof.EXHAUSTED


def test_only_the_current_conditions_can_be_accepted() -> None:
    with pytest.raises(rules.ConditionsOutdated):
        rules.accept_conditions(draft(), Acceptance("0", "fr", NOW), current="1", now=NOW)


def test_conditions_that_changed_since_they_were_accepted_are_accepted_again() -> None:
    with pytest.raises(rules.ConditionsOutdated):
        rules.submit(draft(), replace(FINDINGS, current_conditions="2"), now=NOW)


def test_an_empty_draft_is_told_all_that_is_missing() -> None:
    empty = replace(draft(persons=0), applicant=None, acceptance=None)
    with pytest.raises(rules.RegistrationIncomplete) as refused:
        rules.submit(empty, replace(FINDINGS, has_representative=False), now=NOW)
    assert refused.value.fields["missing"] == (
        "applicant, representative, person-in-charge, conditions-acceptance"
    )


def test_an_applicant_goes_by_at_least_one_number() -> None:
    nameless = replace(APPLICANT, neq=None, identification_number=None)
    with pytest.raises(rules.RegistrationIncomplete):
        rules.submit(replace(draft(), applicant=nameless), FINDINGS, now=NOW)


def test_a_draft_expires_with_its_session() -> None:
    with pytest.raises(rules.RegistrationExpired):
        rules.submit(draft(), FINDINGS, now=NOW + timedelta(hours=2))


@pytest.mark.parametrize("state", [FileState.SUBMITTED, FileState.ACTIVE, FileState.REJECTED])
def test_a_submitted_file_is_not_changed_by_its_session(state: FileState) -> None:
    file = replace(draft(), state=state)
    with pytest.raises(rules.RegistrationAlreadySubmitted):
        rules.report_applicant(file, APPLICANT, now=NOW)
    with pytest.raises(rules.RegistrationAlreadySubmitted):
        rules.name_person(file, person(), now=NOW)
    with pytest.raises(rules.RegistrationAlreadySubmitted):
        rules.submit(file, FINDINGS, now=NOW)


@pytest.mark.parametrize(
    ("kind", "neq", "fits"),
    [
        (ApplicantKind.INDIVIDUAL, "2260000005", True),
        (ApplicantKind.INDIVIDUAL, "1160000001", False),
        (ApplicantKind.CORPORATION, "1160000001", True),
        (ApplicantKind.CORPORATION, "3360000003", False),
        (ApplicantKind.PARTNERSHIP, "3360000003", True),
        (ApplicantKind.OTHER, "8860000006", True),
    ],
)
def test_the_first_digits_of_a_neq_fit_the_kind_of_applicant(kind: ApplicantKind, neq: str, *, fits: bool) -> None:
    assert rules.fits_kind(kind, neq) is fits


def test_only_an_individual_may_do_business_without_a_neq() -> None:
    assert [kind for kind in ApplicantKind if not rules.needs_register(kind, None)] == [ApplicantKind.INDIVIDUAL]
