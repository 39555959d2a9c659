import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from deploy.local import accounts, children
from deploy.local.errors import from_output
from deploy.local.ports import LOOPBACK
from deploy.local.tail import last_lines

NAME = "postgres"
START_SECONDS = 60
STOP_SECONDS = 15
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "track_commit_timestamp": "on",
    "max_locks_per_transaction": "128",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# For databases that live as long as a test: nothing waits for the disk.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    directory: Path
    port: int
    password: str
    program: subprocess.Popen[bytes]
    state: Path

    @property
    def url(self) -> str:
        """Superuser DSN of the database `postgres`."""
        return address(self.port, password=self.password)


def address(port: int, *, password: str) -> str:
    return f"postgresql://postgres:{quote(password, safe='')}@{LOOPBACK}:{port}/postgres"


def start(state: Path, *, port: int, password: str, durable: bool = True) -> PostgresServer:
    """Start on `state`/postgres, made when absent; ends first what a killed suite left running there."""
    home = accounts.place(state / NAME, base=None if durable else accounts.memory_base())
    stop_orphan(state)
    if not (home / "data").exists():
        _initialize(home, password=password)
    deadline = time.monotonic() + START_SECONDS
    while True:
        program = _spawn(home, port=port, state=state, durable=durable)
        if _await_ready(home, program=program, deadline=deadline):
            children.record(state / "run", NAME, pid=program.pid)
            return PostgresServer(directory=home, port=port, password=password, program=program, state=state)
        # The helpers of a killed postmaster hold its shared memory for an instant after it.
        if "shared memory block" not in last_lines(_log(state)) or time.monotonic() > deadline:
            raise from_output("PostgreSQL did not start:", last_lines(_log(state)))
        time.sleep(0.2)


def stop(server: PostgresServer) -> None:
    if server.program.poll() is None:
        _shut_down(psutil.Process(server.program.pid))
    server.program.wait()
    children.forget(server.state / "run", NAME)


def stop_orphan(state: Path) -> None:
    recorded = children.find(state / "run", NAME)
    orphan = (recorded.running if recorded else None) or _postmaster(state / NAME / "data")
    if orphan:
        _shut_down(orphan)
    children.forget(state / "run", NAME)


def _shut_down(postmaster: psutil.Process) -> None:
    # SIGTERM would wait for every client to leave by itself.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            postmaster.send_signal(number)
        except psutil.NoSuchProcess:
            return
        if not children.await_end([postmaster], seconds=STOP_SECONDS):
            return


def _postmaster(directory: Path) -> psutil.Process | None:
    """The postmaster that wrote postmaster.pid: its pid and, to the second, its start time."""
    try:
        lines = (directory / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        found = psutil.Process(int(lines[0]))
        started = int(lines[2])
        return found if abs(found.create_time() - started) <= 2 and found.name() == "postgres" else None  # noqa: PLR2004
    except (OSError, IndexError, ValueError, psutil.NoSuchProcess):
        return None


def _initialize(home: Path, *, password: str) -> None:
    # initdb in another directory: one that was interrupted must not be taken for a database.
    with tempfile.TemporaryDirectory(prefix="init-", dir=home) as draft:
        accounts.give(Path(draft))
        secret = Path(draft) / "password"
        secret.touch(mode=0o600)
        secret.write_text(password, encoding="utf-8")
        accounts.give(secret)
        arguments = [
            *("--username=postgres", f"--pwfile={secret}"),
            *("--auth-host=scram-sha-256", "--auth-local=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        ]
        answer = subprocess.run(
            [accounts.binaries() / "initdb", "-D", f"{draft}/data", *arguments],
            user=accounts.server_account(),
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise from_output("PostgreSQL could not make its files:", answer.stderr)
        (Path(draft) / "data").rename(home / "data")


def _spawn(home: Path, *, port: int, state: Path, durable: bool) -> subprocess.Popen[bytes]:
    settings = [f"--{name}={setting}" for name, setting in (SETTINGS if durable else SETTINGS | FORGETFUL).items()]
    _log(state).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _log(state).open("ab") as log:
        return subprocess.Popen(
            [accounts.binaries() / "postgres", "-D", home / "data", "-p", str(port), *settings],
            user=accounts.server_account(),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await_ready(home: Path, *, program: subprocess.Popen[bytes], deadline: float) -> bool:
    while program.poll() is None and time.monotonic() < deadline:
        if _is_ready(home / "data" / "postmaster.pid", pid=program.pid):
            return True
        time.sleep(0.05)
    program.kill()
    program.wait()
    return False


def _is_ready(path: Path, *, pid: int) -> bool:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return False
    return lines[:1] == [str(pid)] and lines[7:8] == ["ready"]


def _log(state: Path) -> Path:
    return state / "logs" / f"{NAME}.log"
