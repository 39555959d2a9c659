"""Who gives somebody a new one-time password, and what must have been seen before (clauses 12, 13, 18, 20)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict, Forbidden
from services.auth.user_code.hold_rules import UserCodeNotActive
from services.auth.user_code.rules import CodeState, Facts, Role


class DocumentKind(StrEnum):
    """What an agent saw; never its number."""

    PASSPORT = "passport"
    DRIVERS_LICENCE = "drivers-licence"
    CITIZENSHIP_CERTIFICATE = "citizenship-certificate"
    PERMANENT_RESIDENT_CARD = "permanent-resident-card"
    BIRTH_CERTIFICATE = "birth-certificate"


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    checked_by: tuple[UUID, ...]
    documents: Sequence[DocumentKind]


class ResetBelongsToProvider(Forbidden):
    code = "reset-belongs-to-provider"
    en = "Only the provider can reset the password of a person in charge, after checking their identity."
    fr = "Seul le fournisseur peut réinitialiser le mot de passe d'un responsable, après vérification d'identité."


class ResetBelongsToPersonInCharge(Forbidden):
    code = "reset-belongs-to-person-in-charge"
    en = "A user's password is reset by a person in charge of their applicant."
    fr = "Le mot de passe d'un utilisateur est réinitialisé par un responsable du demandeur."


class IdentityNotCheckedByTwo(Conflict):
    code = "identity-not-checked-by-two"
    en = "Two different agents must have checked this person's identity, and one of them approves."
    fr = "Deux agents différents doivent avoir vérifié l'identité de cette personne, et l'un d'eux approuve."


class IdentityNotShown(Conflict):
    code = "identity-not-shown"
    en = "No document by which this person's identity was checked is named."
    fr = "Aucun document ayant servi à vérifier l'identité de cette personne n'est nommé."


def require_resettable(target: Facts, *, by_provider: bool) -> None:
    """A person in charge resets users, the provider persons in charge; only codes that work, held or not.

    Raises ResetBelongsToProvider, ResetBelongsToPersonInCharge, UserCodeNotActive.
    """
    if not by_provider and target.role is not Role.USER:
        raise ResetBelongsToProvider
    if by_provider and target.role is not Role.PERSON_IN_CHARGE:
        raise ResetBelongsToPersonInCharge
    if target.code.state is not CodeState.ACTIVE:
        raise UserCodeNotActive


def require_identity_checked(check: IdentityCheck, *, approver: UUID | None) -> None:
    """Raises IdentityNotCheckedByTwo, IdentityNotShown."""
    if len(set(check.checked_by)) != 2 or approver not in check.checked_by:  # noqa: PLR2004 - two persons
        raise IdentityNotCheckedByTwo
    if not check.documents:
        raise IdentityNotShown
