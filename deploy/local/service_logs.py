import contextlib
import re
from pathlib import Path

from honcho.printer import Message

from deploy.local import children

STARTED = re.compile(r"(\S+) started \(pid=(\d+)\)")
STOPPED = re.compile(r"(\S+) stopped \(rc=(-?\d+)\)")
SYSTEM = "system"


class ServiceLogs:
    """What honcho prints to: one file per program; honcho's own lines tell the pids and who stopped first."""

    def __init__(self, *, logs: Path, run: Path) -> None:
        self.width = 0
        self.first_stopped: tuple[str, int] | None = None
        self._logs = logs
        self._run = run

    def write(self, message: Message) -> None:
        text = message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        if message.name == SYSTEM:
            self._note(text)
        # A full disk costs log lines, not the suite.
        with contextlib.suppress(OSError):
            name = "runner" if message.name == SYSTEM else message.name
            with (self._logs / f"{name}.log").open("a", encoding="utf-8") as log:
                log.write(text)

    def _note(self, text: str) -> None:
        if started := STARTED.match(text):
            children.record(self._run, started[1], pid=int(started[2]))
        elif stopped := STOPPED.match(text):
            children.forget(self._run, stopped[1])
            self.first_stopped = self.first_stopped or (stopped[1], int(stopped[2]))
