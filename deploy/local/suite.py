import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local import (
    accounts,
    children,
    commands,
    infrastructure,
    kafka,
    ports,
    postgres,
    progress,
    readiness,
    runner,
)
from deploy.local.environment import Platform
from deploy.local.errors import DISK_FULL, PlatformError
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.tail import last_lines

START_SECONDS = 180
STOP_SECONDS = 45
KILL_SECONDS = 5
POLL_SECONDS = 0.1
LEAST_FREE_BYTES = 300_000_000


def up(layout: Layout, services: list[str]) -> None:
    addresses = ports.from_environment()
    platform = infrastructure.describe(layout, addresses)
    with _alone(layout):
        if not _runner(layout):
            _start_runner(layout, services, addresses=addresses)
        elif _is_up(platform, services):
            print("The suite is already up.")
            return
    _follow(layout, services, platform=platform)


def down(layout: Layout) -> None:
    """Nothing of the suite runs afterwards, however it was left."""
    with _alone(layout):
        owner = _runner(layout)
        if owner:
            children.end([owner], seconds=STOP_SECONDS)
        _end_orphans(layout)


def reset(layout: Layout) -> None:
    down(layout)
    accounts.remove(layout.state / postgres.NAME)
    for path in layout.state.iterdir() if layout.state.exists() else ():
        if path == layout.cache:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """No two commands start or stop the suite at the same moment."""
    layout.make()
    with (layout.run / "command.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_runner(layout: Layout, services: list[str], *, addresses: Ports) -> None:
    _end_orphans(layout)
    if shutil.disk_usage(layout.state).free < LEAST_FREE_BYTES:
        raise PlatformError(DISK_FULL)
    wanted = [name for service in services for name in (service, f"{service}_internal", f"{service}_worker")]
    ports.require_free(addresses, [*infrastructure.own_ports(), commands.MAIL, *wanted])
    progress.clear(layout.progress)
    for old in layout.logs.glob("*.log"):
        old.replace(old.with_suffix(".log.previous"))
    with (layout.logs / f"{runner.NAME}.log").open("ab") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.runner", *services],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # It records itself once it holds the runner's lock.
    while program.poll() is None and not _runner(layout):
        time.sleep(POLL_SECONDS)


def _follow(layout: Layout, services: list[str], *, platform: Platform) -> None:
    began = time.monotonic()
    for words in _stages(layout, services, platform=platform, until=began + START_SECONDS):
        print(f"{time.monotonic() - began:5.1f} s  {words}", flush=True)
    print(f"The suite is up: {platform.issuer}")


def _stages(layout: Layout, services: list[str], *, platform: Platform, until: float) -> Iterator[str]:
    """Each stage's words, once it is reached."""
    told = 0
    while not _launched(layout):
        for step in progress.read(layout.progress)[told:]:
            told += 1
            if not step.failed:
                yield step.words
        _pause(layout, until=until, waiting_for="the runner")
    for step in progress.read(layout.progress)[told:]:
        yield step.words
    while missing := readiness.list_not_ready(platform, services):
        _pause(layout, until=until, waiting_for=", ".join(missing))
    yield "Every api and worker is ready"
    while missing := readiness.list_not_fresh(platform, services):
        _pause(layout, until=until, waiting_for=f"fresh facts in {', '.join(missing)}")
    yield "Every service has fresh facts of the others"


def _pause(layout: Layout, *, until: float, waiting_for: str) -> None:
    _raise_failure(layout)
    if not _runner(layout):
        # It may have told its last word between the two looks.
        _raise_failure(layout)
        down(layout)
        raise PlatformError(f"The runner was ended before the suite was up. Its log:\n{_runner_lines(layout)}")
    if time.monotonic() > until:
        raise PlatformError(f"Not up after {START_SECONDS} s, still waiting for {waiting_for}; see its log.")
    time.sleep(POLL_SECONDS)


def _raise_failure(layout: Layout) -> None:
    for step in progress.read(layout.progress):
        if step.failed:
            down(layout)
            raise PlatformError(step.words)


def _launched(layout: Layout) -> bool:
    return any(step.launched for step in progress.read(layout.progress))


def _is_up(platform: Platform, services: list[str]) -> bool:
    return not readiness.list_not_ready(platform, services) and not readiness.list_not_fresh(platform, services)


def _runner(layout: Layout) -> children.Child | None:
    recorded = children.find(layout.run, runner.NAME)
    return recorded if recorded and recorded.running else None


def _runner_lines(layout: Layout) -> str:
    return last_lines(layout.logs / f"{runner.NAME}.log")


def _end_orphans(layout: Layout) -> None:
    """What a killed runner left: services first, so that none writes to a broker that is going."""
    recorded = children.list_recorded(layout.run)
    children.end([one for one in recorded if one.name not in {postgres.NAME, kafka.NAME}], seconds=KILL_SECONDS)
    kafka.stop_orphan(layout.state)
    postgres.stop_orphan(layout.state)
    for one in recorded:
        children.forget(layout.run, one.name)
