"""Whether a password is known from a breach: by the operator's file, and always by the few that are shipped."""

import hashlib
import logging
import threading
from contextlib import suppress
from pathlib import Path

from prometheus_client import Counter, Gauge

from services.auth.user_code.breached_file import BreachedFile, BreachedFileFault

log = logging.getLogger(__name__)
COMMON = Path(__file__).with_name("common_passwords.txt")
ENTRIES = Gauge("clicsequr_breached_passwords_entries", "Entries of the set of breached passwords in use")
FAULTS = Counter("clicsequr_breached_passwords_faults_total", "Sets of breached passwords that could not be used")
Identity = tuple[int, int, int]


class BreachedPasswords:
    """Picks up another file as soon as it takes the place of the present one; blocks while it reads it once.

    A file that cannot be used is counted and logged once; what was in use stays in use.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._common = frozenset(COMMON.read_text(encoding="utf-8").casefold().splitlines())
        self._file: BreachedFile | None = None
        self._seen: Identity | bool | None = False
        self._reading = threading.Lock()

    def contains(self, password: str) -> bool:
        """`password` in the form in which it is hashed."""
        self.refresh()
        if password.casefold() in self._common:
            return True
        present = self._file
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
        return present is not None and present.contains(digest)

    def refresh(self) -> None:
        """While another thread reads a new file, the others go on with what they have."""
        if self._path is None or not self._reading.acquire(blocking=False):
            return
        try:
            seen = _identity(self._path)
            if seen != self._seen:
                self._seen = seen
                self._read(self._path)
        finally:
            self._reading.release()

    def _read(self, path: Path) -> None:
        try:
            self._file = BreachedFile(path)
        except BreachedFileFault as fault:
            FAULTS.inc()
            log.error("the file of breached passwords is not used: %s", fault, extra={"path": str(path)})  # noqa: TRY400 - the sentence says it all
            return
        header = self._file.header
        ENTRIES.set(header.entries)
        log.info("breached passwords", extra={"entries": header.entries, "least_count": header.least_count})


def _identity(path: Path) -> Identity | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None
