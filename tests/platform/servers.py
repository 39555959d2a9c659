from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local import accounts, infrastructure, layout, ports, postgres
from deploy.local.environment import Platform


@contextmanager
def start_infrastructure(directory: Path, *, topic_prefix: str = "") -> Iterator[Platform]:
    """Real PostgreSQL and Kafka on free ports with their state in `directory`: databases, keys, topics, rights.

    Infrastructure that the environment names is used instead. Jars come from the project's own cache, so that
    a machine downloads them once. `platform.postgres_url` is the superuser's, for clones of a database.
    """
    here = layout.Layout(state=directory, cache=layout.from_environment().cache)
    try:
        with infrastructure.running(here, ports.free(), topic_prefix=topic_prefix) as platform:
            yield platform
    finally:
        # For root they lie outside the directory.
        accounts.remove(directory / postgres.NAME)
