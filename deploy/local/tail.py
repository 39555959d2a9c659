from collections import deque
from pathlib import Path

LINES = 15


def last_lines(path: Path, lines: int = LINES) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as log:
            return "".join(deque(log, maxlen=lines)).rstrip()
    except FileNotFoundError:
        return "(no log)"
