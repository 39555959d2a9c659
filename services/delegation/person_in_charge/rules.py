"""Over another person in charge: suspend or reactivate only (clause 13); removal belongs to others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common import holds
from libs.common.errors import AccessSuspended, Conflict, Forbidden, UnknownOrForeign
from libs.common.holds import Hold, Side

# The provider also releases these: on the representative's word, and what the system placed by itself.
RELEASED_FOR_OTHERS = frozenset({Side.APPLICANT, Side.SYSTEM})


class PersonState(StrEnum):
    """Derived: `pending` until cleared, `suspended` while any hold is in force."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class PersonInCharge:
    id: UUID
    applicant_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: str
    email: str
    designated_at: datetime
    activated_at: datetime | None
    holds: tuple[Hold, ...] = ()

    @property
    def state(self) -> PersonState:
        if self.activated_at is None:
            return PersonState.PENDING
        return PersonState.SUSPENDED if holds.is_held(self.holds) else PersonState.ACTIVE


@dataclass(frozen=True, slots=True)
class Actor:
    """Who places or releases a hold: a person in charge by their code, else the provider."""

    name: str
    user_code_id: UUID | None

    @property
    def side(self) -> Side:
        return Side.PROVIDER if self.user_code_id is None else Side.APPLICANT


class PersonInChargeNotActive(Conflict):
    code = "person-in-charge-not-active"
    en = "This person in charge is not active yet, or not yet known to be."
    fr = "Ce responsable des services électroniques n'est pas encore actif, ou ne l'est pas encore ici."


class LastActivePersonInCharge(Conflict):
    code = "last-active-person-in-charge"
    en = "This is the last active person in charge. Say confirm_last to suspend them all the same."
    fr = "C'est le dernier responsable actif. Indiquez confirm_last pour le suspendre malgré tout."


class OwnHold(Forbidden):
    code = "own-hold"
    en = "Only another person in charge or the provider can release a hold on you."
    fr = "Seul un autre responsable ou le fournisseur peut lever une suspension qui vous vise."


class RemovalBelongsToRepresentativeOrProvider(Forbidden):
    code = "removal-belongs-to-representative-or-provider"
    en = (
        "A person in charge can suspend or reactivate another, not remove them. "
        "The authorized representative or the provider can."
    )
    fr = (
        "Un responsable peut en suspendre ou en réactiver un autre, pas le retirer. "
        "Le représentant autorisé ou le fournisseur le peut."
    )


def find(persons: Sequence[PersonInCharge], person_id: UUID) -> PersonInCharge:
    """Raises UnknownOrForeign, also for a person of another applicant."""
    for person in persons:
        if person.id == person_id:
            return person
    raise UnknownOrForeign


def require_unheld_actor(persons: Sequence[PersonInCharge], user_code_id: UUID | None) -> None:
    """A person in charge who acts is active, and not held by what was decided since their token was read.

    Raises PersonInChargeNotActive, AccessSuspended.
    """
    acting = next((person for person in persons if person.user_code_id == user_code_id), None)
    if acting is None or acting.state is PersonState.PENDING:
        raise PersonInChargeNotActive
    if acting.state is PersonState.SUSPENDED:
        raise AccessSuspended


def suspend(
    persons: Sequence[PersonInCharge], person_id: UUID, *, hold: Hold, is_last_confirmed: bool
) -> PersonInCharge:
    """The person with one more hold (clause 13).

    Raises UnknownOrForeign, PersonInChargeNotActive, LastActivePersonInCharge.
    """
    person = find(persons, person_id)
    if person.state is PersonState.PENDING:
        raise PersonInChargeNotActive
    active = [other for other in persons if other.state is PersonState.ACTIVE]
    if active == [person] and not is_last_confirmed:
        raise LastActivePersonInCharge
    return replace(person, holds=(*person.holds, hold))


def reactivate(
    person: PersonInCharge, hold_id: UUID, *, actor: Actor, at: datetime
) -> tuple[PersonInCharge, Hold]:
    """The person without that hold, and the released hold (clause 13).

    Raises OwnHold, UnknownHold, HoldAlreadyReleased, HoldOfAnotherSide.
    """
    if actor.user_code_id == person.user_code_id:
        raise OwnHold
    hold = holds.find(person.holds, hold_id)
    speaks_for_it = actor.side is Side.PROVIDER and hold.side in RELEASED_FOR_OTHERS
    side = hold.side if speaks_for_it else actor.side
    released = holds.release(hold, side=side, by=actor.name, at=at)
    kept = tuple(released if other.id == hold_id else other for other in person.holds)
    return replace(person, holds=kept), released
