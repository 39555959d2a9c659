import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local import children
from deploy.local.environment import Platform, service_environment
from deploy.local.errors import PlatformError, from_output
from deploy.local.layout import Layout
from deploy.local.tail import last_lines

INSTALLATION = Path(__file__).with_name("installation.yaml")
INSTALLED = ("auth", "registry")
SERVING = ("api", "worker")
MAIL = "mail"
OPERATOR_PASSWORD = "CLICSEQUR_KAFKA_OPERATOR_PASSWORD"  # noqa: S105 - the name of a variable
STOP_SECONDS = 5


def service_command(service: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"services.{service}", *arguments]


def shell(command: Sequence[str]) -> str:
    # exec: no shell stays between honcho and the program whose pid it tells.
    return f"exec {shlex.join(command)}"


def full_environment(service: str, platform: Platform, *, command: str) -> dict[str, str]:
    unbuffered = {"PYTHONUNBUFFERED": "1"}
    return {**os.environ, **unbuffered, **service_environment(service, platform, command=command)}


def mail_command(platform: Platform, layout: Layout) -> list[str]:
    return [sys.executable, "-m", "deploy.local.mail", str(platform.ports.mail), str(layout.mails)]


def access_command(platform: Platform) -> list[str]:
    return [
        *(sys.executable, "-m", "deploy.kafka", "apply"),
        *("--bootstrap", platform.kafka_bootstrap),
        *("--username", platform.kafka_operator),
        *("--passwords", str(platform.keys / "kafka")),
        *("--topic-prefix", platform.topic_prefix),
    ]


def launch(
    name: str, command: Sequence[str], *, layout: Layout, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    with (layout.logs / f"{name}.log").open("ab") as log:
        program = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    children.record(layout.run, name, pid=program.pid)
    return program


def finish(name: str, program: subprocess.Popen[bytes], *, layout: Layout) -> None:
    code = program.wait()
    children.forget(layout.run, name)
    if code != 0:
        raise failure(name, code, layout=layout)


def failure(name: str, code: int | None, *, layout: Layout) -> PlatformError:
    lines = last_lines(layout.logs / f"{name}.log")
    return from_output(f"{name} stopped with exit code {code}. The last lines of its log:", lines)


def end(program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None:
        program.terminate()
        try:
            program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
