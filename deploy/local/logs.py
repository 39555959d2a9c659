import time
from pathlib import Path

from deploy.local.errors import PlatformError
from deploy.local.tail import last_lines

POLL_SECONDS = 0.3
LINES_OF_ONE = 200


def show(directory: Path, name: str | None) -> None:
    if name:
        print(last_lines(_files(directory, name)[0], LINES_OF_ONE))
        return
    for path in _files(directory, None):
        print(f"==> {path.stem} <==\n{last_lines(path)}\n")


def follow(directory: Path, name: str | None) -> None:
    """Prints what is written from now on, until interrupted."""
    seen = {path: path.stat().st_size for path in _files(directory, name)}
    while True:
        for path in _files(directory, name):
            seen[path] = _print_new(path, after=seen.get(path, 0))
        time.sleep(POLL_SECONDS)


def _print_new(path: Path, *, after: int) -> int:
    with path.open("rb") as log:
        log.seek(after)
        # Whole lines only; the rest is there at the next look.
        text, newline, _rest = log.read().rpartition(b"\n")
    for line in text.decode(errors="replace").splitlines() if newline else ():
        print(f"{path.stem} | {line}", flush=True)
    return after + len(text) + len(newline)


def _files(directory: Path, name: str | None) -> list[Path]:
    found = sorted(directory.glob("*.log"))
    chosen = [path for path in found if name in {None, path.stem}]
    if not chosen:
        known = ", ".join(path.stem for path in found) or "none yet"
        raise PlatformError(f"There is no log of {name or 'anything'}; there are: {known}.")
    return chosen
