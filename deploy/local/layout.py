import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
VARIABLE = "CLICSEQUR_LOCAL_DIR"
CACHE_VARIABLE = "CLICSEQUR_LOCAL_CACHE"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things lie in the state directory; `cache` outlives a reset."""

    state: Path
    cache: Path

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def identity_proofs(self) -> Path:
        """The platform's own copy of the fixture; invented applicants may be added while the suite runs."""
        return self.state / "identity_proof.csv"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def mails(self) -> Path:
        """What the local mail server was given, one file per mail."""
        return self.state / "mails"

    @property
    def progress(self) -> Path:
        return self.run / "progress"

    def make(self) -> None:
        for directory in (self.state, self.cache, self.logs, self.run):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state.chmod(0o700)


def from_environment(environment: Mapping[str, str] = os.environ) -> Layout:
    state = Path(environment.get(VARIABLE) or PROJECT / ".local").absolute()
    cache = Path(environment.get(CACHE_VARIABLE) or state / "cache").absolute()
    return Layout(state=state, cache=cache)
