"""The real kustomize, built with Go from a pinned module, builds what the Python tests looked at."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.deploy import manifests
from tests.deploy.kustomization import KUBERNETES, build, identity

TOOLS = KUBERNETES / "tools"
# The first time Go fetches and compiles kustomize.
SECONDS = 600
ENVIRONMENT = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
Kustomize = Callable[[Path], str]


@pytest.fixture(scope="module")
def kustomize(pytestconfig: pytest.Config) -> Kustomize:
    go = shutil.which("go")
    if go is None:
        _cannot("Go is not installed, so the manifests were not built with kustomize itself.", pytestconfig)
    fetched = _run(str(go), "mod", "download")
    if fetched.returncode != 0:
        _cannot(f"Go could not fetch kustomize: {fetched.stderr.strip()}", pytestconfig)

    def run(folder: Path) -> str:
        answer = _run(str(go), "tool", "kustomize", "build", str(folder))
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return run


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the command is ours
        command, cwd=TOOLS, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def _cannot(reason: str, config: pytest.Config) -> None:
    """CI must have Go; elsewhere the reason is printed, for `-q` would hide that of a skip."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.write_line(reason)
    pytest.skip(reason)


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    "folder",
    [manifests.BASE, manifests.INSTALLATION, *manifests.EXAMPLES],
    ids=lambda folder: str(folder.relative_to(KUBERNETES)),
)
def test_kustomize_builds_what_these_tests_look_at(kustomize: Kustomize, folder: Path) -> None:
    theirs = {identity(one): one for one in yaml.safe_load_all(kustomize(folder))}
    ours = {identity(one): one for one in build(folder)}
    assert theirs == ours
