from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.environment import Platform
from services.delegation.pairwise_key import pairwise_key
from tests.integration.delegation.world import Auth, delegation
from tests.kit import Running


@pytest.fixture(autouse=True)
def _pairwise_key(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CLICSEQUR_PAIRWISE_KEY_FILE", str(platform.keys / "pairwise.key"))
    pairwise_key.cache_clear()
    yield
    pairwise_key.cache_clear()


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
async def service(platform: Platform, auth: Auth) -> AsyncIterator[Running]:
    async with delegation(platform, auth) as service:
        yield service
