import base64
import os
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from deploy.local import children, jars, java
from deploy.local.errors import from_output
from deploy.local.keys import OPERATOR
from deploy.local.ports import LOOPBACK
from deploy.local.tail import last_lines

NAME = "kafka"
START_SECONDS = 60
STOP_SECONDS = 20
JVM_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-Xms128m")
TEMPLATES = Path(__file__).parent
MAIN_CLASS = "kafka.Kafka"
STORAGE_CLASS = "kafka.tools.StorageTool"


@dataclass(frozen=True, kw_only=True)
class KafkaServer:
    port: int
    password: str
    program: subprocess.Popen[bytes]
    state: Path

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"


def start(state: Path, *, port: int, controller_port: int, password: str, cache: Path) -> KafkaServer:
    """Start on `state`/kafka, formatted when new; ends first what a killed suite left running there."""
    stop_orphan(state)
    base = _java_command(jars.resolve(cache))
    home = state / NAME
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    properties = _write_properties(home, port=port, controller_port=controller_port, password=password)
    if not (home / "log" / "meta.properties").exists():
        _format(base, properties, password=password)
    _log(state).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _log(state).open("ab") as log:
        program = subprocess.Popen(
            [*base, MAIN_CLASS, properties],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    children.record(state / "run", NAME, pid=program.pid)
    server = KafkaServer(port=port, password=password, program=program, state=state)
    _await_open(server)
    return server


def stop(server: KafkaServer) -> None:
    server.program.terminate()
    try:
        server.program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.program.kill()
        server.program.wait()
    children.forget(server.state / "run", NAME)


def stop_orphan(state: Path) -> None:
    recorded = children.find(state / "run", NAME)
    if recorded:
        children.end([recorded], seconds=STOP_SECONDS)
    children.forget(state / "run", NAME)


def _java_command(classpath: list[Path]) -> list[str]:
    return [
        str(java.find()),
        *JVM_OPTIONS,
        f"-Dlog4j2.configurationFile={TEMPLATES / 'log4j2.properties'}",
        "-cp",
        os.pathsep.join(str(jar) for jar in classpath),
    ]


def _write_properties(home: Path, *, port: int, controller_port: int, password: str) -> Path:
    template = (TEMPLATES / "kafka.properties").read_text(encoding="utf-8")
    properties = home / "server.properties"
    properties.touch(mode=0o600)
    properties.write_text(
        template.format(
            host=LOOPBACK,
            port=port,
            controller_port=controller_port,
            operator=OPERATOR,
            password=password,
            directory=home / "log",
        ),
        encoding="utf-8",
    )
    return properties


def _format(base: list[str], properties: Path, *, password: str) -> None:
    # The storage tool reads its arguments from a file: on a command line every account sees the password.
    arguments = properties.with_name("format.arguments")
    arguments.touch(mode=0o600)
    arguments.write_text(
        "\n".join(
            [
                "format",
                *("--config", str(properties)),
                *("--cluster-id", _cluster_id()),
                *("--add-scram", f"SCRAM-SHA-512=[name={OPERATOR},password={password}]"),
                "--ignore-formatted",
            ]
        ),
        encoding="utf-8",
    )
    answer = subprocess.run([*base, STORAGE_CLASS, f"@{arguments}"], capture_output=True, text=True, check=False)
    arguments.unlink()
    if answer.returncode != 0:
        raise from_output("Kafka could not format its storage:", answer.stdout + answer.stderr)


def _cluster_id() -> str:
    # A leading letter, since the storage tool takes a leading dash for an option.
    return "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def _await_open(server: KafkaServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.program.poll() is not None:
            break
        try:
            socket.create_connection((LOOPBACK, server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    stop(server)
    raise from_output("Kafka did not start:", last_lines(_log(server.state)))


def _log(state: Path) -> Path:
    return state / "logs" / f"{NAME}.log"
