import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.consumer import Follower
from libs.common.watermarks import MARKS_KEPT, Mark, Progress, read_mark

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PARTITIONS = (0, 1, 2)


def mark(second: int, **ends: int) -> Mark:
    return Mark(BEGAN + timedelta(seconds=second), {int(name[1:]): end for name, end in ends.items()})


def test_a_mark_names_the_last_offset_of_each_partition() -> None:
    told = {"drained_at": BEGAN.isoformat(), "offsets": {"0": 4, "3": -1}}
    assert read_mark(json.dumps(told).encode()) == mark(0, p0=5, p3=0)


def test_where_nothing_was_ever_written_a_mark_is_passed_at_once() -> None:
    progress = Progress()
    progress.see(mark(1, p0=0))
    assert progress.doubtful() == []
    assert progress.advance() == BEGAN + timedelta(seconds=1)
    assert progress.advance() is None


def test_under_a_load_without_pause_a_follower_stays_as_fresh_as_it_is_quick() -> None:
    """Each second there is a newer record than what is committed."""
    progress = Progress()
    for second in range(1, 200):
        progress.see(mark(second, p0=second * 10))
        fresh_as_of = progress.advance()
        assert second == 1 or fresh_as_of == BEGAN + timedelta(seconds=second - 1)
        assert (progress.is_behind, progress.lag) == (True, 10)
        progress.commit(0, second * 10)


def test_only_what_others_may_have_committed_is_asked_for() -> None:
    progress = Progress()
    progress.commit(0, 5)
    progress.see(mark(1, p0=6, p1=1))
    assert progress.doubtful() == [1]
    progress.commit(1, 1)
    assert progress.doubtful() == []
    progress.see(mark(2, p0=7, p1=1))
    assert progress.doubtful() == [0]


def test_an_offset_that_comes_late_takes_nothing_back() -> None:
    progress = Progress()
    progress.commit(0, 9)
    progress.commit(0, 3)
    assert progress.committed == {0: 9}


def test_who_never_catches_up_remembers_a_bounded_number_of_marks() -> None:
    progress = Progress()
    for second in range(MARKS_KEPT * 2):
        progress.see(mark(second, p0=second + 1))
    progress.commit(0, MARKS_KEPT)
    assert progress.advance() is None
    progress.commit(0, MARKS_KEPT * 2)
    assert progress.advance() == BEGAN + timedelta(seconds=MARKS_KEPT * 2 - 1)


Step = st.one_of(
    st.dictionaries(st.sampled_from(PARTITIONS), st.integers(0, 5), min_size=1).map(lambda grown: ("see", grown)),
    st.tuples(st.sampled_from(PARTITIONS), st.integers(0, 60)).map(lambda place: ("commit", place)),
)


@given(st.lists(Step, max_size=60))
def test_it_is_never_fresher_than_what_is_committed_and_always_as_fresh_as_the_latest_passed_mark(
    steps: list[tuple[str, object]],
) -> None:
    progress, ends, seen, fresh = Progress(), dict.fromkeys(PARTITIONS, 0), list[Mark](), None
    for second, (kind, what) in enumerate(steps):
        if kind == "see":
            assert isinstance(what, dict)
            ends = {partition: end + what.get(partition, 0) for partition, end in ends.items()}
            seen.append(Mark(BEGAN + timedelta(seconds=second), ends))
            progress.see(seen[-1])
        else:
            assert isinstance(what, tuple)
            progress.commit(*what)
        fresh = progress.advance() or fresh
        passed = [
            one.drained_at
            for one in seen
            if all(progress.committed.get(partition, 0) >= end for partition, end in one.ends.items())
        ]
        assert fresh == (max(passed) if passed else None)


@pytest.mark.parametrize("value", [b"", b"{}", b'{"drained_at": "x", "offsets": {}}', b"[]"])
def test_what_is_no_mark_is_refused(value: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_mark(value)


async def test_the_first_events_of_a_publisher_may_be_committed_while_progress_with_another_is_noted() -> None:
    noted = []

    class Slow:
        async def execute(self, _statement: str, publisher: str, *_values: object) -> None:
            noted.append(publisher)
            follower.progress.setdefault("delegation", Progress()).commit(0, 1)

    nobody: Any = None
    database: Any = Slow()
    follower = Follower("auth", nobody, database, nobody, ["registry", "delegation"])
    follower.progress["registry"] = Progress()
    follower.progress["registry"].see(mark(1, p0=0))
    await follower.note_progress(nobody)
    assert noted == ["registry"]
    assert follower.progress["delegation"].committed == {0: 1}
