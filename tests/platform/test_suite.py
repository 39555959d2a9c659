import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import children, layout, ports

STAND_IN = Path(__file__).with_name("stand_in.py")

Local = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def local(tmp_path: Path, state: Path) -> Iterator[Local]:
    """`python -m deploy.local` over a stand-in for the service mailbox, on ports and a state of its own."""
    package = tmp_path / "services" / "mailbox"
    package.mkdir(parents=True)
    for directory in (package.parent, package):
        (directory / "__init__.py").touch()
    shutil.copy(STAND_IN, package / "__main__.py")
    state.mkdir(mode=0o700)
    cache = layout.from_environment().cache
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "cache").symlink_to(cache)
    free = ports.free()
    environment = {
        **os.environ,
        **{ports.variable(name): str(getattr(free, name)) for name in ports.names()},
        "CLICSEQUR_LOCAL_DIR": str(state),
        "PYTHONPATH": str(layout.PROJECT),
    }

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            check=False,
        )

    yield run
    run("reset")


def _running(state: Path) -> dict[str, psutil.Process]:
    recorded = {child.name: child.running for child in children.list_recorded(state / "run")}
    return {name: program for name, program in recorded.items() if program}


def test_the_suite_goes_up_once_and_down_for_good(local: Local, state: Path) -> None:
    up = local("up", "--services", "mailbox")
    assert (up.returncode, up.stderr) == (0, "")
    assert "Every service has fresh facts of the others" in up.stdout
    assert local("up", "--services", "mailbox").stdout == "The suite is already up.\n"
    before = _running(state)
    assert before.keys() == {"runner", "postgres", "kafka", "mail", "mailbox-api", "mailbox-worker"}
    assert "fresh" in local("status", "--services", "mailbox").stdout
    assert local("down").returncode == 0
    assert not children.await_end(list(before.values()), seconds=1)


def test_what_a_killed_runner_leaves_is_found_and_ended(local: Local, state: Path) -> None:
    assert local("up", "--services", "mailbox").returncode == 0
    left = _running(state)
    left.pop("runner").kill()
    assert local("up", "--services", "mailbox").returncode == 0
    assert not children.await_end(list(left.values()), seconds=1)
    left = _running(state)
    left.pop("runner").kill()
    assert local("down").returncode == 0
    assert not children.await_end(list(left.values()), seconds=1)


@pytest.mark.parametrize("command", ["migrate", "worker"])
def test_a_program_that_dies_during_the_start_is_named_with_its_last_words(
    local: Local, state: Path, command: str
) -> None:
    up = local("up", "--services", "mailbox", STAND_IN_FAILS=command)
    assert up.returncode == 1
    assert f"mailbox-{command} stopped with exit code 1" in up.stderr
    assert f"{command} cannot go on" in up.stderr
    assert _running(state) == {}
