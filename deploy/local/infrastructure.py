import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.kafka import access, broker
from deploy.local import databases, kafka, keys, postgres
from deploy.local.environment import Platform
from deploy.local.layout import Layout
from deploy.local.ports import LOOPBACK, Ports

IDENTITY_PROOFS = Path(__file__).with_name("identity_proof.csv")

# Infrastructure that is named in the environment is used instead of child programs.
POSTGRES_URL = "CLICSEQUR_LOCAL_POSTGRES_URL"
KAFKA_BOOTSTRAP = "CLICSEQUR_LOCAL_KAFKA"
KAFKA_OPERATOR = "CLICSEQUR_LOCAL_KAFKA_OPERATOR"
KAFKA_PASSWORD_FILE = "CLICSEQUR_LOCAL_KAFKA_PASSWORD_FILE"  # noqa: S105 - the name of a variable


def describe(
    layout: Layout, ports: Ports, *, topic_prefix: str = "", environment: Mapping[str, str] = os.environ
) -> Platform:
    """The platform of this state directory, running or not; makes the keys that are missing."""
    layout.make()
    keys.create(layout.keys)
    password = keys.read(keys.database_password_file(layout.keys, keys.SUPERUSER))
    return Platform(
        postgres_url=environment.get(POSTGRES_URL) or postgres.address(ports.postgres, password=password),
        kafka_bootstrap=environment.get(KAFKA_BOOTSTRAP) or f"{LOOPBACK}:{ports.kafka}",
        kafka_operator=environment.get(KAFKA_OPERATOR, keys.OPERATOR),
        kafka_operator_password_file=Path(
            environment.get(KAFKA_PASSWORD_FILE) or keys.kafka_password_file(layout.keys, keys.OPERATOR)
        ),
        identity_proof_file=_own_copy_of_the_fixture(layout),
        keys=layout.keys,
        ports=ports,
        topic_prefix=topic_prefix,
    )


def _own_copy_of_the_fixture(layout: Layout) -> Path:
    if not layout.identity_proofs.exists():
        shutil.copy(IDENTITY_PROOFS, layout.identity_proofs)
    return layout.identity_proofs


def own_ports(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The ports that child programs will take, by name."""
    wanted = [] if environment.get(POSTGRES_URL) else ["postgres"]
    return wanted if environment.get(KAFKA_BOOTSTRAP) else [*wanted, "kafka", "kafka_controller"]


def start_postgres(
    platform: Platform,
    layout: Layout,
    *,
    stops: ExitStack,
    durable: bool = True,
    environment: Mapping[str, str] = os.environ,
) -> None:
    if not environment.get(POSTGRES_URL):
        password = keys.read(keys.database_password_file(layout.keys, keys.SUPERUSER))
        server = postgres.start(layout.state, port=platform.ports.postgres, password=password, durable=durable)
        stops.callback(postgres.stop, server)
    asyncio.run(databases.create(platform.postgres_url, keys.database_passwords(platform.keys)))


def start_kafka(
    platform: Platform, layout: Layout, *, stops: ExitStack, environment: Mapping[str, str] = os.environ
) -> None:
    if environment.get(KAFKA_BOOTSTRAP):
        return
    server = kafka.start(
        layout.state,
        port=platform.ports.kafka,
        controller_port=platform.ports.kafka_controller,
        password=platform.kafka_operator_password(),
        cache=layout.cache,
    )
    stops.callback(kafka.stop, server)


def apply_access(platform: Platform, catalogue: access.Catalogue) -> broker.Applied:
    with broker.connect(
        platform.kafka_bootstrap,
        username=platform.kafka_operator,
        password=platform.kafka_operator_password(),
    ) as admin:
        passwords = {name: platform.kafka_password(name) for name in catalogue.principals}
        return broker.apply(admin, catalogue, passwords=passwords, topic_prefix=platform.topic_prefix)


@contextmanager
def running(
    layout: Layout, ports: Ports, *, topic_prefix: str = "", environment: Mapping[str, str] = os.environ
) -> Iterator[Platform]:
    """PostgreSQL with its databases and Kafka with its topics, both stopped at the end."""
    platform = describe(layout, ports, topic_prefix=topic_prefix, environment=environment)
    with ExitStack() as stops:
        with ThreadPoolExecutor(2) as pool:
            starting = [
                pool.submit(start, platform, layout, stops=stops, environment=environment)
                for start in (start_postgres, start_kafka)
            ]
        for start in starting:
            start.result()
        apply_access(platform, access.load())
        yield platform
