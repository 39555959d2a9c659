"""Up to when a follower has applied what a publisher wrote: its marks, and how far it has committed."""

import json
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

# Marks come once a second. Whoever is further behind than this is older than any limit, until it has caught up.
MARKS_KEPT = 600


@dataclass(frozen=True)
class Mark:
    """All that was written by `drained_at` lies before `ends`, an offset for each partition that has any."""

    drained_at: datetime
    ends: dict[int, int]


def read_mark(value: bytes) -> Mark:
    """Raises ValueError, KeyError or TypeError when it is none."""
    told = json.loads(value)
    ends = {int(partition): int(last) + 1 for partition, last in told["offsets"].items()}
    return Mark(datetime.fromisoformat(told["drained_at"]), ends)


@dataclass
class Progress:
    """With one publisher. A mark that is not passed yet waits: under load there is always something newer."""

    committed: dict[int, int] = field(default_factory=dict)
    _waiting: deque[Mark] = field(default_factory=lambda: deque(maxlen=MARKS_KEPT))
    _latest: Mark | None = None

    def see(self, mark: Mark) -> None:
        self._latest = mark
        self._waiting.append(mark)

    def commit(self, partition: int, offset: int) -> None:
        self.committed[partition] = max(offset, self.committed.get(partition, 0))

    @property
    def is_behind(self) -> bool:
        return bool(self._waiting)

    def doubtful(self) -> list[int]:
        """The partitions that keep the oldest mark waiting and may have been committed by others.

        Of what this follower commits it learns by itself, before the next mark comes.
        """
        behind = self._behind(self._waiting[0]) if self._waiting else []
        is_overdue = len(self._waiting) > 1
        return [partition for partition in behind if is_overdue or partition not in self.committed]

    def advance(self) -> datetime | None:
        """The instant of the latest mark that is passed now and was not before, if any is."""
        passed: Mark | None = None
        while self._waiting and not self._behind(self._waiting[0]):
            passed = self._waiting.popleft()
        return None if passed is None else passed.drained_at

    @property
    def lag(self) -> int:
        """How many records there are that are not known to be applied."""
        ends = {} if self._latest is None else self._latest.ends
        return sum(max(0, end - self.committed.get(partition, 0)) for partition, end in ends.items())

    def _behind(self, mark: Mark) -> list[int]:
        return [partition for partition, end in mark.ends.items() if self.committed.get(partition, 0) < end]
