from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from deploy.kafka import access
from deploy.local import accounts, infrastructure, layout, ports, postgres
from deploy.local.environment import Platform
from tests.containers import infrastructure_environment

# How long an example takes tells what else the machine does, not whether it is right.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Who runs tests beside others chooses among ports of its own: a free one is nobody's until it is used."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        mine = int(worker["workerid"].removeprefix("gw"))
        ports.FREE_RANGE = ports.FREE_RANGE[mine :: worker["workercount"]]


@pytest.fixture(scope="session")
def _here(tmp_path_factory: pytest.TempPathFactory) -> layout.Layout:
    return layout.Layout(state=tmp_path_factory.mktemp("platform"), cache=layout.from_environment().cache)


@pytest.fixture(scope="session")
def platform(_here: layout.Layout) -> Iterator[Platform]:
    """A real PostgreSQL with the services' roles, for as long as the tests run."""
    with infrastructure_environment() as environment, ExitStack() as stops:
        described = infrastructure.describe(_here, ports.free(), environment=environment)
        infrastructure.start_postgres(described, _here, stops=stops, durable=False, environment=environment)
        yield described
    accounts.remove(_here.state / postgres.NAME)


@pytest.fixture(scope="session")
def platform_with_kafka(platform: Platform, _here: layout.Layout) -> Iterator[Platform]:
    """The same with a real Kafka and the catalogue's topics, users and rights."""
    with ExitStack() as stops:
        infrastructure.start_kafka(platform, _here, stops=stops)
        infrastructure.apply_access(platform, access.load())
        yield platform
