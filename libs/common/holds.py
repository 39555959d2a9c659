"""A suspension is a hold; access returns only when the last one falls. The same rules for every owner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict, Forbidden, NotFound


class Side(StrEnum):
    APPLICANT = "applicant"
    PROVIDER = "provider"
    DEPARTMENT = "department"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Hold:
    """`grounds` are confidential: readable by decider and auditor only."""

    id: UUID
    side: Side
    reason_code: str
    grounds: str
    placed_by: str
    placed_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        return self.released_at is None


class UnknownHold(NotFound):
    code = "hold-not-found"
    en = "There is no such hold."
    fr = "Cette suspension n'existe pas."


class HoldAlreadyReleased(Conflict):
    code = "hold-already-released"
    en = "This hold was already released."
    fr = "Cette suspension a déjà été levée."


class HoldOfAnotherSide(Forbidden):
    code = "hold-of-another-side"
    en = "A hold is released only by the side that placed it: {side}."
    fr = "Une suspension n'est levée que par la partie qui l'a imposée : {side}."


def is_held(holds: Sequence[Hold]) -> bool:
    return any(hold.is_active for hold in holds)


def find(holds: Sequence[Hold], hold_id: UUID) -> Hold:
    """Raises UnknownHold."""
    for hold in holds:
        if hold.id == hold_id:
            return hold
    raise UnknownHold


def release(hold: Hold, *, side: Side, by: str, at: datetime) -> Hold:
    """The hold, released by its own side. Raises HoldAlreadyReleased, HoldOfAnotherSide."""
    if not hold.is_active:
        raise HoldAlreadyReleased
    if hold.side is not side:
        raise HoldOfAnotherSide(side=hold.side.value)
    return replace(hold, released_by=by, released_at=at)
