import argparse
import shlex
import sys
from dataclasses import fields

from deploy.local import infrastructure, layout, logs, ports, status, suite
from deploy.local.databases import SERVICES
from deploy.local.environment import service_environment
from deploy.local.errors import PlatformError, sentence
from deploy.local.layout import Layout

INTERRUPTED = 130


def main() -> int:
    arguments = _parser().parse_args()
    try:
        _run(arguments, layout.from_environment())
    except (PlatformError, OSError) as error:
        print(sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _run(arguments: argparse.Namespace, here: Layout) -> None:
    match arguments.command:
        case "up":
            suite.up(here, arguments.services)
        case "down":
            suite.down(here)
        case "reset":
            suite.reset(here)
        case "status":
            platform = infrastructure.describe(here, ports.from_environment())
            print(status.show(here, platform, arguments.services))
        case "logs" if arguments.follow:
            logs.follow(here.logs, arguments.name)
        case "logs":
            logs.show(here.logs, arguments.name)
        case _:
            _print_environment(here, arguments.service, command=arguments.of)


def _print_environment(here: Layout, service: str, *, command: str) -> None:
    platform = infrastructure.describe(here, ports.from_environment())
    for name, text in service_environment(service, platform, command=command).items():
        print(f"export {name}={shlex.quote(text)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local",
        description="The whole suite on this machine, without containers.",
        epilog=_variables(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start what does not run yet and wait until it is ready")
    commands.add_parser("down", help="stop everything, however it was left")
    state = commands.add_parser("status", help="programs, memory, freshness of facts, parked events, lag")
    for command in (up, state):
        command.add_argument("--services", nargs="+", choices=SERVICES, default=list(SERVICES))
    show = commands.add_parser("logs", help="the last lines of one log or of all")
    show.add_argument("-f", "--follow", action="store_true", help="go on with what is written")
    show.add_argument("name", nargs="?", help="for instance auth-api, registry-worker, kafka, postgres")
    commands.add_parser("reset", help="stop everything and forget all state but the downloaded jars")
    env = commands.add_parser("env", help="print a service's environment for a shell")
    env.add_argument("service", choices=SERVICES)
    env.add_argument("of", nargs="?", choices=("api", "worker", "migrate"), default="api")
    return parser


def _variables() -> str:
    moved = [f"  {ports.variable(field.name):<42}{field.default}" for field in fields(ports.Ports)]
    return "\n".join(
        [
            "Environment:",
            f"  {layout.VARIABLE:<42}state directory (.local)",
            f"  {layout.CACHE_VARIABLE:<42}downloaded jars (cache/ in the state directory)",
            f"  {infrastructure.POSTGRES_URL:<42}superuser DSN of a PostgreSQL to use instead of a child",
            f"  {infrastructure.KAFKA_BOOTSTRAP:<42}host:port of a Kafka to use instead of a child",
            f"  {infrastructure.KAFKA_OPERATOR:<42}its super user (operator)",
            f"  {infrastructure.KAFKA_PASSWORD_FILE:<42}file with that user's password",
            "Ports and their defaults:",
            *moved,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
