"""The registration file as it stands."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ApplicantKind(StrEnum):
    INDIVIDUAL = "individual"
    PARTNERSHIP = "partnership"
    CORPORATION = "corporation"
    OTHER = "other"


class FileState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    ACTIVE = "active"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Proof(StrEnum):
    """What the identity proof says of the file; exhausted: three failures in a day."""

    NONE = "none"
    MATCHED = "matched"
    EXHAUSTED = "exhausted"


class Path(StrEnum):
    DIRECT = "direct"
    VALIDATION = "validation"
    PAPER = "paper"


class SettledBy(StrEnum):
    PROOF = "proof"
    AGENT = "agent"


class Doubt(StrEnum):
    """Why an agent must look; told to agents only."""

    UNPROVED = "identity-unproved"
    EXHAUSTED = "identity-proof-exhausted"
    REGISTER = "enterprise-register"
    CONTESTED = "contested-control"


@dataclass(frozen=True, slots=True)
class Address:
    street: str
    city: str
    province: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Applicant:
    name: str
    neq: str | None
    business_number: str | None
    identification_number: str | None
    address: Address

    @property
    def identifiers(self) -> dict[str, str]:
        numbers = {
            "neq": self.neq,
            "business_number": self.business_number,
            "identification_number": self.identification_number,
        }
        return {name: number for name, number in numbers.items() if number is not None}


@dataclass(frozen=True, slots=True)
class Person:
    """A person in charge as named in the file; cleared once no designation form is awaited."""

    id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    email: str
    language: str
    awaits_form: bool = False

    @property
    def same_person(self) -> str:
        said = f"{self.given_name} {self.family_name} {self.email}"
        return " ".join(unicodedata.normalize("NFKC", said).casefold().split())


@dataclass(frozen=True, slots=True)
class Acceptance:
    version: str
    language: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class FormRequirement:
    """What one kind of applicant signs on paper; a row, not code."""

    registration_form: bool
    designation_form: bool


@dataclass(frozen=True, slots=True)
class RegistrationFile:
    id: UUID
    applicant_id: UUID
    kind: ApplicantKind
    state: FileState
    opened_at: datetime
    expires_at: datetime
    applicant: Applicant | None = None
    persons: tuple[Person, ...] = ()
    proof: Proof = Proof.NONE
    acceptance: Acceptance | None = None
    path: Path | None = None
    doubts: tuple[Doubt, ...] = ()
    settled_by: SettledBy | None = None
    form_required: bool = False
    form_received: bool = False
    designation_forms_required: bool = False
    submitted_at: datetime | None = None
    closed_at: datetime | None = None
    codes_pending: bool = False

    @property
    def cleared(self) -> tuple[Person, ...]:
        return tuple(person for person in self.persons if not person.awaits_form)

    @property
    def forms_required(self) -> list[str]:
        wanted = (("registration-form", self.form_required), ("designation-form", self.designation_forms_required))
        return [form for form, is_required in wanted if is_required]
