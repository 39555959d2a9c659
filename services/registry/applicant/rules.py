"""The state of a registration: derived from its cancellation first, then from its holds (clauses 16, 24, 27)."""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    RegistrationCancelled,
    RegistrationReactivated,
)
from libs.common.errors import Conflict, NotFound, RoleNotAdmitted
from libs.common.holds import Hold, Side, find, is_held, release

StateEvent = AccessSuspended | AccessReactivated | RegistrationCancelled | RegistrationReactivated


class State(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


class CancelledBy(StrEnum):
    APPLICANT = "applicant"
    PERSON_IN_CHARGE = "person_in_charge"
    PROVIDER = "provider"


class Decision(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReactivationRequest:
    id: UUID
    requested_by: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Applicant:
    """`state_since` is when the state last became another one, not when the latest hold was placed."""

    id: UUID
    kind: str
    name: str
    state_since: datetime
    holds: tuple[Hold, ...] = ()
    cancelled_at: datetime | None = None
    cancelled_by: CancelledBy | None = None
    open_request: ReactivationRequest | None = None

    @property
    def state(self) -> State:
        if self.cancelled_at is not None:
            return State.CANCELLED
        return State.SUSPENDED if is_held(self.holds) else State.ACTIVE

    @property
    def active_holds(self) -> list[Hold]:
        return [hold for hold in self.holds if hold.is_active]


class RegistrationAlreadyCancelled(Conflict):
    code = "registration-already-cancelled"
    en = "The registration is already cancelled."
    fr = "L'inscription est déjà annulée."


class RegistrationNotCancelled(Conflict):
    code = "registration-not-cancelled"
    en = "Only a cancelled registration can be reactivated on request. A suspension is lifted by its own side."
    fr = "Seule une inscription annulée peut être réactivée sur demande. Une suspension est levée par sa partie."


class ReactivationAlreadyRequested(Conflict):
    code = "reactivation-already-requested"
    en = "Reactivation was already requested. The provider decides."
    fr = "La réactivation a déjà été demandée. Le fournisseur décide."


class ReactivationRequestNotOpen(NotFound):
    code = "reactivation-request-not-open"
    en = "There is no such open request for reactivation."
    fr = "Il n'y a pas de telle demande de réactivation en attente."


def acting_side(agent_side: str | None) -> Side:
    """A person acts for the applicant; staff only as the provider's staff. Raises RoleNotAdmitted."""
    if agent_side is None:
        return Side.APPLICANT
    if agent_side != Side.PROVIDER:
        raise RoleNotAdmitted(admitted="agents of the provider")
    return Side.PROVIDER


def releasing_side(hold: Hold) -> Side:
    return Side.PROVIDER if hold.side is Side.SYSTEM else hold.side


def lifted_by(applicant: Applicant) -> list[Side]:
    """Who can give access back: of each hold its own side, of a cancellation the provider (clause 16)."""
    if applicant.state is State.CANCELLED:
        return [Side.PROVIDER]
    return sorted({releasing_side(hold) for hold in applicant.active_holds})


def place_hold(applicant: Applicant, hold: Hold) -> Applicant:
    """A further hold is one more cause; it never replaces another (clause 24)."""
    return _since(applicant, replace(applicant, holds=(*applicant.holds, hold)), at=hold.placed_at)


def release_hold(applicant: Applicant, hold_id: UUID, *, side: Side, by: str, at: datetime) -> Applicant:
    """Access returns only when the last hold falls; a `system` hold falls at the provider's word.

    Raises UnknownHold, HoldAlreadyReleased, HoldOfAnotherSide.
    """
    hold = find(applicant.holds, hold_id)
    released = release(hold, side=hold.side if side is releasing_side(hold) else side, by=by, at=at)
    holds = tuple(released if other.id == hold_id else other for other in applicant.holds)
    return _since(applicant, replace(applicant, holds=holds), at=at)


def cancel(applicant: Applicant, *, by: CancelledBy, at: datetime) -> Applicant:
    """At any time, also while suspended (clauses 16 and 27). Raises RegistrationAlreadyCancelled."""
    if applicant.state is State.CANCELLED:
        raise RegistrationAlreadyCancelled
    return _since(applicant, replace(applicant, cancelled_at=at, cancelled_by=by), at=at)


def request_reactivation(applicant: Applicant, request: ReactivationRequest) -> Applicant:
    """One request at a time (clause 16). Raises RegistrationNotCancelled, ReactivationAlreadyRequested."""
    if applicant.state is not State.CANCELLED:
        raise RegistrationNotCancelled
    if applicant.open_request is not None:
        raise ReactivationAlreadyRequested
    return replace(applicant, open_request=request)


def decide_reactivation(applicant: Applicant, request_id: UUID, *, decision: Decision, at: datetime) -> Applicant:
    """The provider decides (clause 16); holds that still stand keep the registration suspended.

    Raises ReactivationRequestNotOpen.
    """
    if applicant.open_request is None or applicant.open_request.id != request_id:
        raise ReactivationRequestNotOpen
    closed = replace(applicant, open_request=None)
    if decision is Decision.REFUSED:
        return closed
    return _since(applicant, replace(closed, cancelled_at=None, cancelled_by=None), at=at)


def announcements(before: Applicant, after: Applicant) -> list[StateEvent]:
    """What a change of derived state is told as; nothing when the state is the same.

    Each event says the whole state, so that the last one heard is always the state itself.
    """
    if before.state is after.state:
        return []
    if after.cancelled_by is not None:
        return [RegistrationCancelled(applicant_id=after.id, cancelled_by=after.cancelled_by.value)]
    reactivated: list[StateEvent] = []
    if before.state is State.CANCELLED:
        reactivated = [RegistrationReactivated(applicant_id=after.id)]
    if after.state is State.SUSPENDED:
        return [*reactivated, AccessSuspended(applicant_id=after.id)]
    return reactivated or [AccessReactivated(applicant_id=after.id)]


def seal(confidential: str, *, salt: bytes) -> str:
    """What evidence shows of confidential words: it proves them to who may read them, and tells others nothing."""
    return hmac.digest(salt, confidential.encode(), "sha256").hex()


def _since(before: Applicant, after: Applicant, *, at: datetime) -> Applicant:
    if after.state is before.state:
        return after
    return replace(after, state_since=max(at, before.state_since))
