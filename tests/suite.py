"""The whole suite as its operator starts it, in a directory and on ports of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import infrastructure, layout, ports
from deploy.local.environment import Platform
from deploy.local.layout import PROJECT, Layout


@dataclass(frozen=True)
class Suite:
    here: Layout
    platform: Platform
    environment: dict[str, str]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python -m deploy.local …` for this suite."""
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def up(self) -> str:
        started = self.command("up")
        assert started.returncode == 0, started.stdout + started.stderr
        return started.stdout


@contextmanager
def real_suite(directory: Path, **settings: str) -> Iterator[Suite]:
    """Started when the block begins, gone when it ends; `settings` are CLICSEQUR_* of every service."""
    chosen = ports.free()
    cache = layout.from_environment().cache
    moved = {ports.variable(name): str(getattr(chosen, name)) for name in ports.names()}
    given = {f"CLICSEQUR_{name.upper()}": value for name, value in settings.items()}
    here = Layout(state=directory, cache=cache)
    environment = {
        **os.environ,
        **moved,
        **given,
        layout.VARIABLE: str(directory),
        layout.CACHE_VARIABLE: str(cache),
    }
    suite = Suite(here, infrastructure.describe(here, chosen), environment)
    try:
        suite.up()
        yield suite
    finally:
        suite.command("reset")
