from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import Platform
from services.registry.app import SERVICE
from tests.integration.registry.registration.world import Auth, install
from tests.kit import Running, running


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
async def registry(platform: Platform, auth: Auth) -> AsyncIterator[Running]:
    async with running(SERVICE, platform, peers={"auth": auth}) as service:
        await install(service)
        yield service
