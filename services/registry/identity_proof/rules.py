"""Identity is proved by what the applicant alone knows; the answer tells no more than yes or no (clause 2)."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from libs.common.errors import Conflict
from services.registry.registration.file import Applicant, Proof, RegistrationFile

FAILURES_IN_A_DAY = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """The numbers that the applicant goes by, and two values of its last notice of assessment."""

    identification_number: str
    neq: str | None
    business_number: str | None
    notice_number: SecretStr
    amount: SecretStr


class IdentityProof(Protocol):
    async def matches(self, claim: Claim) -> bool:
        """Whether all of it is of one applicant; takes the same time whatever is wrong. Raises Unavailable."""
        ...


class IdentificationNumberMissing(Conflict):
    code = "identification-number-missing"
    en = "State the applicant's identification number first."
    fr = "Indiquez d'abord le numéro d'identification du demandeur."


class IdentityAlreadyMatched(Conflict):
    code = "identity-already-matched"
    en = "The identity of this applicant is proved already."
    fr = "L'identité de ce demandeur est déjà prouvée."


class IdentityProofExhausted(Conflict):
    code = "identity-proof-exhausted"
    en = "The identity was not proved in {most} tries. Submit the file: an agent will validate it."
    fr = "L'identité n'a pas été prouvée en {most} essais. Transmettez le dossier : un agent le validera."


def claim_of(file: RegistrationFile, *, notice_number: SecretStr, amount: SecretStr) -> Claim:
    """Raises IdentityAlreadyMatched, IdentityProofExhausted, IdentificationNumberMissing."""
    if file.proof is Proof.MATCHED:
        raise IdentityAlreadyMatched
    if file.proof is Proof.EXHAUSTED:
        raise IdentityProofExhausted(most=FAILURES_IN_A_DAY)
    applicant: Applicant | None = file.applicant
    if applicant is None or applicant.identification_number is None:
        raise IdentificationNumberMissing
    return Claim(applicant.identification_number, applicant.neq, applicant.business_number, notice_number, amount)


def outcome(*, is_match: bool, failures_before: int) -> Proof:
    """Three failures in a day send the file to validation; `failures_before` are those of the file in that day."""
    if is_match:
        return Proof.MATCHED
    return Proof.EXHAUSTED if failures_before + 1 >= FAILURES_IN_A_DAY else Proof.NONE
