import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the runner's progress; the last one either launches the services or says what failed."""

    words: str
    launched: bool = False
    failed: bool = False


def clear(path: Path) -> None:
    path.unlink(missing_ok=True)


def tell(path: Path, step: Step) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(step)) + "\n")


def read(path: Path) -> list[Step]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    # The runner may be in the middle of its last line.
    return [Step(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]
