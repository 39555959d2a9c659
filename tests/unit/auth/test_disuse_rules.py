from datetime import UTC, datetime, timedelta

import pytest

from libs.common.holds import Hold, Side
from libs.common.ids import new_id
from services.auth.user_code.disuse_rules import Ages, NotHeldForDisuse, Watched, judge, require_disuse_hold

USED = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AGES = Ages((300 * DAY, 350 * DAY), 365 * DAY)


def watched(*, warnings: int = 0, is_barred: bool = False) -> Watched:
    return Watched(USED, warnings, is_barred)


def test_a_code_in_use_is_looked_at_again_when_its_first_warning_would_be_due() -> None:
    step = judge(watched(), AGES, at=USED + 5 * DAY)
    assert (step.is_held, step.held_at, step.warnings, step.due_at) == (False, None, 0, USED + 300 * DAY)


def test_each_age_warns_once_and_names_the_day_of_the_hold() -> None:
    first = judge(watched(), AGES, at=USED + 300 * DAY)
    assert (first.held_at, first.warnings, first.due_at) == (USED + 365 * DAY, 1, USED + 350 * DAY)
    again = judge(watched(warnings=1), AGES, at=USED + 301 * DAY)
    assert (again.held_at, again.warnings) == (None, 1)
    last = judge(watched(warnings=1), AGES, at=USED + 350 * DAY)
    assert (last.held_at, last.warnings, last.due_at) == (USED + 365 * DAY, 2, USED + 365 * DAY)


def test_a_code_is_held_at_its_age_once_it_was_warned_as_often() -> None:
    assert judge(watched(warnings=2), AGES, at=USED + 365 * DAY).is_held
    assert not judge(watched(warnings=2), AGES, at=USED + 364 * DAY).is_held


@pytest.mark.parametrize("warnings", [0, 1])
def test_nobody_is_held_without_all_warnings_however_late_the_sweep_comes(warnings: int) -> None:
    at = USED + 900 * DAY
    step = judge(watched(warnings=warnings), AGES, at=at)
    assert (step.is_held, step.warnings, step.held_at, step.due_at) == (False, 2, at + 15 * DAY, at + 15 * DAY)


def test_use_after_a_warning_begins_anew() -> None:
    step = judge(watched(warnings=2), AGES, at=USED + 10 * DAY)
    assert (step.is_held, step.warnings, step.held_at) == (False, 0, None)


def test_a_barred_code_waits() -> None:
    step = judge(watched(warnings=2, is_barred=True), AGES, at=USED + 900 * DAY)
    assert (step.is_held, step.held_at) == (False, None)


def test_without_warnings_the_age_alone_holds() -> None:
    ages = Ages((), 365 * DAY)
    assert judge(watched(), ages, at=USED + 365 * DAY).is_held
    assert judge(watched(), ages, at=USED + DAY).held_at is None


@pytest.mark.parametrize(
    ("side", "reason", "released_at"),
    [(Side.PROVIDER, "disuse", None), (Side.SYSTEM, "incident", None), (Side.SYSTEM, "disuse", USED + DAY)],
)
def test_only_the_systems_hold_for_disuse_in_force_is_released_by_its_person(
    side: Side, reason: str, released_at: datetime | None
) -> None:
    by = "system" if released_at else None
    hold = Hold(
        new_id(), side, reason, "x", placed_by="system", placed_at=USED, released_by=by, released_at=released_at
    )
    with pytest.raises(NotHeldForDisuse):
        require_disuse_hold([hold])
