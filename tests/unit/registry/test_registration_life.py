"""No sequence of commands makes a file active without a settled identity, its form and a cleared person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, sampled_from

from libs.common.errors import DomainError
from services.registry.identity_proof.rules import outcome
from services.registry.registration import rules
from services.registry.registration.file import (
    Acceptance,
    Address,
    Applicant,
    ApplicantKind,
    FileState,
    FormRequirement,
    Path,
    Person,
    Proof,
    RegistrationFile,
)
from services.registry.registration.rules import Findings

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
NUMBERS = ("1000000001", "1000000002", None)
END = frozenset({FileState.ACTIVE, FileState.REJECTED})


class RegistrationLife(RuleBasedStateMachine):
    @initialize(kind=sampled_from(ApplicantKind), form=booleans(), designation=booleans())
    def open(self, kind: ApplicantKind, *, form: bool, designation: bool) -> None:
        self.now = NOW
        self.requirement = FormRequirement(form, designation)
        self.failures = 0
        self.proved_number: str | None = None
        self.was_validated = False
        self.forms: set[object] = set()
        self.file = RegistrationFile(
            id=uuid4(),
            applicant_id=uuid4(),
            kind=kind,
            state=FileState.DRAFT,
            opened_at=NOW,
            expires_at=NOW + timedelta(hours=2),
        )

    def _try(self, change: Callable[[], RegistrationFile]) -> bool:
        try:
            changed = change()
        except DomainError:
            return False
        assert self.file.state not in END or changed.state is self.file.state
        self.file = changed
        return True

    @rule(number=sampled_from(NUMBERS))
    def report_applicant(self, number: str | None) -> None:
        address = Address("1, rue de l'Exemple", "Québec", "QC", "G1A 0A0", "CA")
        applicant = Applicant("Un nom", None, None, number, address)
        if self._try(lambda: rules.report_applicant(self.file, applicant, now=self.now)):
            self.proved_number = number if number == self.proved_number else None

    @rule(is_match=booleans())
    def prove(self, *, is_match: bool) -> None:
        applicant = self.file.applicant
        is_open = self.file.state is FileState.DRAFT and self.file.proof is Proof.NONE
        if not is_open or applicant is None or self.now >= self.file.expires_at:
            return
        proof = outcome(is_match=is_match, failures_before=self.failures)
        self.failures += not is_match
        self.file = replace(self.file, proof=proof)
        self.proved_number = applicant.identification_number if is_match else None

    @rule(number=integers(0, 25))
    def name_person(self, number: int) -> None:
        person = Person(uuid4(), uuid4(), "Luc", "Gagnon", f"p{number}@example.org", "fr")
        self._try(lambda: rules.name_person(self.file, person, now=self.now))

    @rule(version=sampled_from(("1", "2")))
    def accept(self, version: str) -> None:
        acceptance = Acceptance(version, "fr", self.now)
        self._try(lambda: rules.accept_conditions(self.file, acceptance, current="1", now=self.now))

    @rule(representative=booleans(), confirmed=booleans(), contested=booleans())
    def submit(self, *, representative: bool, confirmed: bool, contested: bool) -> None:
        findings = Findings(representative, "1", self.requirement, confirmed, contested)
        if self._try(lambda: rules.submit(self.file, findings, now=self.now)):
            assert representative
            assert self.file.acceptance is not None
            assert self.file.acceptance.version == "1"
            assert (self.file.path is Path.VALIDATION) == (
                contested or not confirmed or self.proved_number is None
            )

    @rule()
    def validate(self) -> None:
        self.was_validated |= self._try(lambda: rules.validate(self.file, now=self.now))

    @rule()
    def reject(self) -> None:
        self._try(lambda: rules.reject(self.file, now=self.now))

    @rule()
    def receive_registration_form(self) -> None:
        if self._try(lambda: rules.receive_registration_form(self.file, now=self.now)):
            self.forms.add("registration-form")

    @rule(place=integers(0, 25))
    def accept_designation_form(self, place: int) -> None:
        named = self.file.persons
        person_id = named[place % len(named)].id if named else uuid4()
        if self._try(lambda: rules.accept_designation_form(self.file, person_id, now=self.now)):
            self.forms.add(person_id)

    @rule(minutes=integers(0, 30))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def active_means_identity_forms_and_a_cleared_person(self) -> None:
        if self.file.state is not FileState.ACTIVE:
            return
        assert self.was_validated or self.proved_number is not None
        assert "registration-form" in self.forms or not self.requirement.registration_form
        assert self.file.cleared
        if self.requirement.designation_form:
            assert {person.id for person in self.file.cleared} <= self.forms

    @invariant()
    def a_file_that_is_ready_does_not_wait(self) -> None:
        file = self.file
        if file.state is FileState.SUBMITTED:
            is_form_in = file.form_received or not file.form_required
            assert not (file.settled_by and is_form_in and file.cleared)

    @invariant()
    def the_number_of_persons_is_bounded(self) -> None:
        assert len(self.file.persons) <= rules.PERSONS_AT_MOST

    @invariant()
    def three_failures_in_a_day_are_the_last(self) -> None:
        assert self.failures <= 3


RegistrationLife.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRegistrationLife = RegistrationLife.TestCase
