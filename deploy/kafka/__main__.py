import argparse
import os
import sys
from pathlib import Path

from deploy.kafka import access, broker, strimzi
from kafka.errors import KafkaError

PASSWORD_VARIABLE = "CLICSEQUR_KAFKA_OPERATOR_PASSWORD"  # noqa: S105 - the name of a variable


def main() -> int:
    arguments = _parser().parse_args()
    try:
        catalogue = access.load(arguments.catalogue)
        if arguments.command == "render":
            print(_render(catalogue, arguments), end="")
        else:
            print(_apply(catalogue, arguments))
    except (access.AccessCatalogueError, KafkaError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _render(catalogue: access.Catalogue, arguments: argparse.Namespace) -> str:
    return strimzi.render(
        catalogue,
        cluster=arguments.cluster,
        topic_prefix=arguments.topic_prefix,
        replicas=arguments.replicas,
    )


def _apply(catalogue: access.Catalogue, arguments: argparse.Namespace) -> str:
    passwords = {name: _read(arguments.passwords / f"{name}.password") for name in catalogue.principals}
    operator = os.environ.get(PASSWORD_VARIABLE)
    if not operator:
        operator = _read(arguments.passwords / f"{arguments.username}.password")
    with broker.connect(arguments.bootstrap, username=arguments.username, password=operator) as admin:
        applied = broker.apply(
            admin,
            catalogue,
            passwords=passwords,
            topic_prefix=arguments.topic_prefix,
            replicas=arguments.replicas,
        )
    return (
        f"{applied.topics_made} topics made, {applied.rights_given} rights given, "
        f"{applied.rights_taken} taken back."
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.kafka", description="Who may do what in Kafka, from access.yaml."
    )
    parser.add_argument("--catalogue", type=Path, default=access.CATALOGUE, help="another access.yaml")
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", help="make a broker say what the catalogue says")
    apply.add_argument("--bootstrap", required=True, help="host:port of the brokers, separated by commas")
    apply.add_argument("--username", default="operator", help="a super user of the brokers")
    apply.add_argument(
        "--passwords",
        type=Path,
        required=True,
        help=f"directory with <principal>.password files; the operator's may come from {PASSWORD_VARIABLE}",
    )
    apply.add_argument("--replicas", type=int, default=1, help="copies of each partition of a new topic")
    render = commands.add_parser("render", help="print Strimzi's KafkaTopic and KafkaUser manifests")
    render.add_argument("--cluster", default="clicsequr", help="name of the Strimzi Kafka cluster")
    render.add_argument("--replicas", type=int, default=3, help="copies of each partition")
    for command in (apply, render):
        command.add_argument("--topic-prefix", default="", help="put before every topic and group name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
