from collections.abc import AsyncIterator

import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from services.auth.app import SERVICE
from tests.kit import Running, running


@pytest.fixture
async def auth(platform: Platform) -> AsyncIterator[Running]:
    """With the local installation's clients and agents; hashes are cheap, but for the test about them."""
    keys.create(platform.keys)
    cheap = {"argon2_memory_kib": 64, "argon2_passes": 1}
    async with running(SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **cheap) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service
