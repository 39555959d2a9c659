import contextlib
import json
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# The boot time from which it is reckoned moves a little when the clock is set.
CREATE_TIME_SLACK = 2.0
POLL_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Child:
    """A started program, told apart from a later one of the same pid by its start time."""

    name: str
    pid: int
    create_time: float

    @property
    def running(self) -> psutil.Process | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.create_time) <= CREATE_TIME_SLACK and _runs(found):
                return found
        return None


def record(directory: Path, name: str, *, pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        child = Child(name=name, pid=pid, create_time=psutil.Process(pid).create_time())
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = directory / f"{name}.draft"
        draft.write_text(json.dumps(asdict(child)), encoding="utf-8")
        # Atomic: a reader or a kill -9 must never meet half a record.
        draft.replace(_path(directory, name))


def find(directory: Path, name: str) -> Child | None:
    try:
        return Child(**json.loads(_path(directory, name).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def list_recorded(directory: Path) -> list[Child]:
    found = (find(directory, path.stem) for path in sorted(directory.glob("*.json")))
    return [child for child in found if child]


def forget(directory: Path, name: str) -> None:
    _path(directory, name).unlink(missing_ok=True)


def end(children: list[Child], *, seconds: float) -> None:
    """SIGTERM, `seconds` of patience, then SIGKILL."""
    running = [program for child in children if (program := child.running)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for program in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                program.send_signal(number)
        running = await_end(running, seconds=seconds)


def await_end(programs: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Those that still run after `seconds`; a zombie has ended, its new parent may never look after it."""
    deadline = time.monotonic() + seconds
    while programs and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        programs = [program for program in programs if _runs(program)]
    return programs


def _runs(program: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return program.is_running() and program.status() != psutil.STATUS_ZOMBIE
    return False


def _path(directory: Path, name: str) -> Path:
    return directory / f"{name}.json"
