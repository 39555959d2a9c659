"""PostgreSQL in a container, for whoever prefers it: CLICSEQUR_TEST_CONTAINERS=1 where a Docker engine answers.

Kafka stays a child process: its users, rights and listeners are part of what is tested. Not tried by the
project's own checks, which run on machines without a Docker engine.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from testcontainers.community.postgres import PostgresContainer

from deploy.local.infrastructure import POSTGRES_URL

WANTED = "CLICSEQUR_TEST_CONTAINERS"
IMAGE = "postgres:18"


@contextmanager
def infrastructure_environment(environment: Mapping[str, str] = os.environ) -> Iterator[Mapping[str, str]]:
    """The environment in which the platform of the tests is described, with the container's address if wanted."""
    if not environment.get(WANTED):
        yield environment
        return
    password = secrets.token_hex(16)
    with PostgresContainer(
        IMAGE, username="postgres", password=password, dbname="postgres", driver=None
    ) as server:
        yield {**environment, POSTGRES_URL: server.get_connection_url()}
