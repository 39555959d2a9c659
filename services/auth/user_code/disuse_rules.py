"""A code that nobody uses is warned about, then held by the system until its person speaks (clause 24)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.errors import Conflict
from libs.common.holds import Hold, Side
from services.auth.user_code.rules import DISUSE


class NotHeldForDisuse(Conflict):
    code = "not-held-for-disuse"
    en = "This user code is not suspended for disuse."
    fr = "Ce code d'utilisateur n'est pas suspendu pour inutilisation."


@dataclass(frozen=True, slots=True)
class Ages:
    """Since the last use: of each warning, ascending, and of the hold."""

    warnings: tuple[timedelta, ...]
    hold: timedelta

    @property
    def grace(self) -> timedelta:
        """Between the last warning and the hold."""
        return self.hold - (self.warnings[-1] if self.warnings else timedelta(0))


@dataclass(frozen=True, slots=True)
class Watched:
    """`used_at`: the last complete session, or what came later: activation, a release, the file active again."""

    used_at: datetime
    warnings: int
    is_barred: bool


@dataclass(frozen=True, slots=True)
class Step:
    """`held_at`: the instant that a warning names, when one is due now."""

    is_held: bool
    held_at: datetime | None
    warnings: int
    due_at: datetime


def judge(watched: Watched, ages: Ages, *, at: datetime) -> Step:
    """Nobody is held who was not warned as often as the ages say; a barred code cannot be used, so it waits."""
    if watched.is_barred:
        return Step(is_held=False, held_at=None, warnings=0, due_at=at + ages.grace)
    age = at - watched.used_at
    reached = sum(age >= warning for warning in ages.warnings)
    if age >= ages.hold and watched.warnings >= len(ages.warnings):
        return Step(is_held=True, held_at=None, warnings=0, due_at=at + ages.grace)
    is_warning = reached > watched.warnings
    held_at = max(watched.used_at + ages.hold, at + ages.grace) if reached == len(ages.warnings) else None
    following = held_at or watched.used_at + (ages.warnings[reached] if ages.warnings else ages.hold)
    told = (held_at or watched.used_at + ages.hold) if is_warning else None
    return Step(is_held=False, held_at=told, warnings=reached, due_at=following)


def require_disuse_hold(holds: Sequence[Hold]) -> Hold:
    """Raises NotHeldForDisuse."""
    for hold in holds:
        if hold.is_active and hold.side is Side.SYSTEM and hold.reason_code == DISUSE:
            return hold
    raise NotHeldForDisuse
