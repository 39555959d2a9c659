"""The applicant's whole life, on the real suite, as `make demo` plays it."""

from pathlib import Path

import psutil
import pytest

from deploy.demo.story import STEPS, entering, play
from tests.suite import real_suite


@pytest.mark.timeout(600)
async def test_an_applicants_whole_life(tmp_path: Path) -> None:
    told: list[str] = []
    with real_suite(tmp_path / "suite") as suite:
        async with entering(suite.platform, suite.here) as world:
            outcomes = await play(world, tell=told.append)
        failed = [f"{outcome.step.title}: {outcome.told}" for outcome in outcomes if not outcome.succeeded]
        assert failed == [], "\n".join(told)
        assert len(outcomes) == len(STEPS) == 10
        assert suite.command("up").stdout.strip() == "The suite is already up."
        stopped = suite.command("down")
        assert stopped.returncode == 0, stopped.stderr
        left = [
            program.cmdline()
            for program in psutil.process_iter()
            if str(suite.here.state) in _environment(program)
        ]
        assert left == []
    assert any("access-suspended" in line for line in told)


def _environment(program: psutil.Process) -> str:
    try:
        return program.environ().get("CLICSEQUR_LOCAL_DIR", "") if program.status() != psutil.STATUS_ZOMBIE else ""
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
