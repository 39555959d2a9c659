from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import Platform
from services.registry.app import SERVICE
from tests.integration.registry.applicant.steps import File, install, installed_departments, new_file
from tests.kit import Running, running


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(SERVICE, platform) as started:
        await install(started, installed_departments())
        yield started


@pytest.fixture
async def file(service: Running) -> File:
    return await new_file(service)
