import fcntl
import gc
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import FrameType

from honcho.manager import Manager

from deploy.local import children, commands, infrastructure, layout, ports, progress
from deploy.local.environment import MIGRATE, Platform
from deploy.local.errors import PlatformError, sentence
from deploy.local.layout import Layout
from deploy.local.service_logs import ServiceLogs

NAME = "runner"


def main(services: list[str]) -> int:
    """The detached program that owns the suite's children; `up` reads its progress, `down` ends it."""
    here = layout.from_environment()
    signal.signal(signal.SIGTERM, _stop)
    with (here.run / "lock").open("w") as lock, ExitStack() as stops:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 1
        progress.clear(here.progress)
        children.record(here.run, NAME, pid=os.getpid())
        stops.callback(children.forget, here.run, NAME)
        try:
            platform = infrastructure.describe(here, ports.from_environment())
            _prepare(services, platform, layout=here, stops=stops)
            _serve(services, platform, layout=here)
        except (PlatformError, OSError) as error:
            progress.tell(here.progress, progress.Step(words=sentence(error), failed=True))
            return 1
    return 0


def _prepare(services: list[str], platform: Platform, *, layout: Layout, stops: ExitStack) -> None:
    def tell(words: str) -> None:
        progress.tell(layout.progress, progress.Step(words=words))

    with ThreadPoolExecutor(2) as pool:
        postgres = pool.submit(infrastructure.start_postgres, platform, layout, stops=stops)
        kafka = pool.submit(infrastructure.start_kafka, platform, layout, stops=stops)
        postgres.result()
        tell("PostgreSQL answers; each service has its database and roles")
        _migrate(services, platform, layout=layout, stops=stops)
        tell("The databases have the present tables")
        kafka.result()
    tell("Kafka answers")
    _apply_access(platform, layout=layout, stops=stops)
    tell("Topics, passwords and rights are as access.yaml says")
    for service in commands.INSTALLED:
        if service in services:
            _install(service, platform, layout=layout, stops=stops)
    tell("Agents, departments, clients and conditions are installed")


def _migrate(services: list[str], platform: Platform, *, layout: Layout, stops: ExitStack) -> None:
    started = []
    for service in services:
        name = f"{service}-{MIGRATE}"
        environment = commands.full_environment(service, platform, command=MIGRATE)
        command = commands.service_command(service, MIGRATE)
        started.append((name, commands.launch(name, command, layout=layout, environment=environment)))
        stops.callback(commands.end, started[-1][1])
    for name, program in started:
        commands.finish(name, program, layout=layout)


def _apply_access(platform: Platform, *, layout: Layout, stops: ExitStack) -> None:
    environment = {**os.environ, commands.OPERATOR_PASSWORD: platform.kafka_operator_password()}
    command = commands.access_command(platform)
    program = commands.launch("kafka-access", command, layout=layout, environment=environment)
    stops.callback(commands.end, program)
    commands.finish("kafka-access", program, layout=layout)


def _install(service: str, platform: Platform, *, layout: Layout, stops: ExitStack) -> None:
    name = f"{service}-install"
    command = commands.service_command(service, "install", str(commands.INSTALLATION))
    environment = {
        **commands.full_environment(service, platform, command="install"),
        "CLICSEQUR_KEYS_DIR": str(platform.keys),
    }
    program = commands.launch(name, command, layout=layout, environment=environment)
    stops.callback(commands.end, program)
    commands.finish(name, program, layout=layout)


def _serve(services: list[str], platform: Platform, *, layout: Layout) -> None:
    logs = ServiceLogs(logs=layout.logs, run=layout.run)
    programs = Manager(printer=logs)
    mail = commands.shell(commands.mail_command(platform, layout))
    programs.add_process(commands.MAIL, mail, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    for service in services:
        for command in commands.SERVING:
            programs.add_process(
                f"{service}-{command}",
                commands.shell(commands.service_command(service, command)),
                env=commands.full_environment(service, platform, command=command),
            )
    progress.tell(layout.progress, progress.Step(words="Services launched", launched=True))
    # honcho forks once per program: what the collector leaves alone stays shared between them.
    gc.collect()
    gc.freeze()
    programs.loop()
    if logs.first_stopped and programs.returncode != 128 + signal.SIGTERM:
        name, code = logs.first_stopped
        raise commands.failure(name, code, layout=layout)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once: a second signal must not cut the stopping short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
