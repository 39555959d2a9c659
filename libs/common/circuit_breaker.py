"""Stops asking a service that does not answer in time, so that nobody waits for it in vain."""

import time
from dataclasses import dataclass

FAILURES = 5
PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class CircuitBreaker:
    """Open after `FAILURES` deadlines missed in a row; then one call in each `PAUSE_SECONDS` tries again.

    A call that is cancelled counts for nothing.
    """

    _failures: int = 0
    _open_until: float = 0.0

    def may_call(self) -> bool:
        """True for whoever may call now; of those who ask while it is half open, only for the first."""
        if self._failures < FAILURES:
            return True
        if time.monotonic() < self._open_until:
            return False
        self._open_until = time.monotonic() + PAUSE_SECONDS
        return True

    def note_answer(self) -> None:
        self._failures = 0

    def note_deadline_missed(self) -> bool:
        """True for the one that opens it."""
        self._failures += 1
        self._open_until = time.monotonic() + PAUSE_SECONDS
        return self._failures == FAILURES
