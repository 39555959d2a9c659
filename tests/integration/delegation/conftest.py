from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import Platform
from tests.integration.delegation.world import Auth, delegation
from tests.kit import Running


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
async def service(platform: Platform, auth: Auth) -> AsyncIterator[Running]:
    async with delegation(platform, auth) as service:
        yield service
