"""Who suspends, reactivates and revokes a user code (clauses 12, 13, 24); the last hold to fall gives it back."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common import holds
from libs.common.errors import AccessSuspended, Conflict, Forbidden, UnknownOrForeign
from libs.common.holds import Hold, Side
from services.auth.user_code.rules import Bar, CodeState, Facts, Role, objection

MOST_AT_ONCE = 500


class Standing(StrEnum):
    """Derived, never written: from the code's own state and its holds alone."""

    PENDING = "pending"
    ACTIVE = "active"
    RECOURSE_ONLY = "recourse-only"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A code with all its holds, also released ones."""

    facts: Facts
    holds: tuple[Hold, ...] = ()

    @property
    def id(self) -> UUID:
        return self.facts.code.id

    @property
    def applicant_id(self) -> UUID:
        return self.facts.code.applicant_id

    @property
    def opened_by_password_since(self) -> datetime | None:
        """None when no password opens it, or could again."""
        code = self.facts.code
        return None if code.state is CodeState.REVOKED or code.password_hash is None else code.password_set_at

    @property
    def standing(self) -> Standing:
        match self.facts.code.state:
            case CodeState.PENDING:
                return Standing.PENDING
            case CodeState.REVOKED:
                return Standing.REVOKED
            case CodeState.ACTIVE:
                return _standing_of(self.holds)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on a code: a person in charge by their own code, the provider by an agent, or the system."""

    name: str
    side: Side
    facts: Facts | None = None

    @property
    def user_code_id(self) -> UUID | None:
        return self.facts.code.id if self.facts else None


class UserCodeNotActive(Conflict):
    code = "user-code-not-active"
    en = "This user code is not active yet, or no longer."
    fr = "Ce code d'utilisateur n'est pas encore actif, ou ne l'est plus."


class UserCodeRevokedAlready(Conflict):
    code = "user-code-revoked"
    en = "This user code is revoked. Only a new code gives access again."
    fr = "Ce code d'utilisateur est révoqué. Seul un nouveau code redonne l'accès."


class LastActivePersonInCharge(Conflict):
    code = "last-active-person-in-charge"
    en = "This is the last active person in charge. Say confirm_last to suspend them all the same."
    fr = "C'est le dernier responsable actif. Indiquez confirm_last pour le suspendre malgré tout."


class LastPersonInChargeNeedsTwo(Conflict):
    code = "last-person-in-charge-needs-two"
    en = "Removing the last active person in charge takes two agents."
    fr = "Le retrait du dernier responsable actif exige deux agents."


class NotPersonInCharge(Conflict):
    code = "user-code-not-of-person-in-charge"
    en = "This user code is not a person in charge's. Its revocation needs no second person."
    fr = "Ce code d'utilisateur n'est pas celui d'un responsable. Sa révocation n'exige pas de seconde personne."


class NoCodesToRevoke(Conflict):
    code = "no-codes-to-revoke"
    en = "No user code of this applicant is left to be revoked."
    fr = "Il ne reste aucun code d'utilisateur de ce demandeur à révoquer."


class TooManyCodes(Conflict):
    code = "too-many-codes-at-once"
    en = "The applicant has {found} user codes; {most} are revoked at once at most. Revoke some one by one first."
    fr = (
        "Le demandeur a {found} codes d'utilisateur; on en révoque au plus {most} à la fois. Révoquez-en d'abord"
        " un à un."
    )


class OwnHold(Forbidden):
    code = "own-hold"
    en = "Only another person in charge or the provider can release a hold on you."
    fr = "Seul un autre responsable ou le fournisseur peut lever une suspension qui vous vise."


class RevocationBelongsToProvider(Forbidden):
    code = "revocation-belongs-to-provider"
    en = (
        "A person in charge can suspend or reactivate the code of another, not revoke it. "
        "The provider can, on the authorized representative's word."
    )
    fr = (
        "Un responsable peut suspendre ou réactiver le code d'un autre, pas le révoquer. "
        "Le fournisseur le peut, sur la parole du représentant autorisé."
    )


def require_may_act(actor: Actor, code: HeldCode) -> None:
    """The provider and the system on any code; a person in charge, unheld, on named codes of the same applicant.

    Raises UnknownOrForeign, AccessSuspended.
    """
    if actor.side is not Side.APPLICANT:
        return
    facts = actor.facts
    if facts is None or facts.code.applicant_id != code.applicant_id or code.facts.role is None:
        raise UnknownOrForeign
    if facts.role is not Role.PERSON_IN_CHARGE:
        raise UnknownOrForeign
    if objection(facts) is not None or facts.is_recourse_only:
        raise AccessSuspended


def place(code: HeldCode, hold: Hold, *, others: Sequence[Facts], is_last_confirmed: bool) -> HeldCode:
    """The code with one more hold, be it active or still to become so; `others` are the applicant's other codes.

    Raises UserCodeNotActive, LastActivePersonInCharge.
    """
    if code.facts.code.state is CodeState.REVOKED:
        raise UserCodeNotActive
    if is_last_active(code, others=others) and not is_last_confirmed:
        raise LastActivePersonInCharge
    return _with_holds(code, (*code.holds, hold))


def activate(code: HeldCode, *, at: datetime) -> HeldCode:
    """From pending to whatever its holds leave of it."""
    active = replace(code.facts.code, state=CodeState.ACTIVE, activated_at=at)
    return replace(code, facts=replace(code.facts, code=active))


def is_last_active(code: HeldCode, *, others: Sequence[Facts]) -> bool:
    """Whether no other person in charge of the applicant could still act (clause 13)."""
    return is_active_person_in_charge(code.facts) and not any(map(is_active_person_in_charge, others))


def needs_two_to_revoke(code: HeldCode, *, others: Sequence[Facts]) -> bool:
    """Whether a person in charge would go and leave no active one, whatever holds they are under themself."""
    return code.facts.role is Role.PERSON_IN_CHARGE and not any(map(is_active_person_in_charge, others))


def is_active_person_in_charge(facts: Facts) -> bool:
    return facts.role is Role.PERSON_IN_CHARGE and objection(facts) is None and not facts.bars


def release(code: HeldCode, hold_id: UUID, *, actor: Actor, at: datetime) -> tuple[HeldCode, Hold]:
    """The code without that hold, and the released hold.

    Raises OwnHold, UnknownHold, HoldAlreadyReleased, HoldOfAnotherSide.
    """
    if actor.user_code_id == code.id:
        raise OwnHold
    hold = holds.find(code.holds, hold_id)
    speaks_for_it = actor.side is Side.PROVIDER and may_provider_release(hold, on=code)
    released = holds.release(hold, side=hold.side if speaks_for_it else actor.side, by=actor.name, at=at)
    kept = tuple(released if other.id == hold_id else other for other in code.holds)
    return _with_holds(code, kept), released


def may_provider_release(hold: Hold, *, on: HeldCode) -> bool:
    """Its own, what the system placed by itself, and a peer's hold, on the representative's word."""
    match hold.side:
        case Side.PROVIDER | Side.SYSTEM:
            return True
        case Side.APPLICANT:
            return on.facts.role is Role.PERSON_IN_CHARGE
        case Side.DEPARTMENT:
            return False


def revoke(code: HeldCode, *, actor: Actor, others: Sequence[Facts], by_two: bool, at: datetime) -> HeldCode:
    """For ever. A person in charge revokes users' codes only (clauses 12, 13).

    Raises UserCodeRevokedAlready, RevocationBelongsToProvider, LastPersonInChargeNeedsTwo.
    """
    if actor.side is Side.APPLICANT and code.facts.role is not Role.USER:
        raise RevocationBelongsToProvider
    if code.facts.code.state is CodeState.REVOKED:
        raise UserCodeRevokedAlready
    if actor.side is not Side.SYSTEM and not by_two and needs_two_to_revoke(code, others=others):
        raise LastPersonInChargeNeedsTwo
    revoked = replace(code.facts.code, state=CodeState.REVOKED, revoked_at=at)
    return replace(code, facts=replace(code.facts, code=revoked))


def require_revocable_by_two(code: HeldCode) -> None:
    """Raises UserCodeRevokedAlready, NotPersonInCharge."""
    if code.facts.code.state is CodeState.REVOKED:
        raise UserCodeRevokedAlready
    if code.facts.role is not Role.PERSON_IN_CHARGE:
        raise NotPersonInCharge


def require_revocable_at_once(found: int) -> None:
    """All in one transaction, so no more than it bears. Raises NoCodesToRevoke, TooManyCodes."""
    if found == 0:
        raise NoCodesToRevoke
    if found > MOST_AT_ONCE:
        raise TooManyCodes(found=found, most=MOST_AT_ONCE)


def may_read_reason(hold: Hold, *, reader: Side) -> bool:
    """A reason code is for its own side and the provider's staff; grounds are for neither here."""
    return reader is Side.PROVIDER or hold.side is reader


def seal(confidential: str, *, salt: bytes) -> str:
    """What evidence shows of confidential words: provable to who may read them, nothing to others."""
    return hmac.digest(salt, confidential.encode(), "sha256").hex()


def _standing_of(placed: Sequence[Hold]) -> Standing:
    bars = _bars(placed)
    if not bars:
        return Standing.ACTIVE
    return Standing.RECOURSE_ONLY if all(bar.leaves_recourse for bar in bars) else Standing.SUSPENDED


def _bars(placed: Sequence[Hold]) -> tuple[Bar, ...]:
    return tuple(Bar(hold.side, hold.reason_code) for hold in placed if hold.is_active)


def _with_holds(code: HeldCode, placed: tuple[Hold, ...]) -> HeldCode:
    return HeldCode(replace(code.facts, bars=_bars(placed)), placed)
