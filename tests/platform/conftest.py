from collections.abc import Iterator

import pytest

from deploy.local.environment import Platform
from tests.platform.servers import start_infrastructure


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with start_infrastructure(tmp_path_factory.mktemp("platform"), topic_prefix="test.") as running:
        yield running
