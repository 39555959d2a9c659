from collections.abc import AsyncIterator

import pytest

from deploy.local import keys
from deploy.local.environment import Platform
from services.registry.app import SERVICE
from tests.integration.registry.applicant.steps import File, install, installed_departments, new_file
from tests.kit import Running, running


@pytest.fixture
async def service(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    # Handlers of events read this one setting from the environment.
    monkeypatch.setenv("CLICSEQUR_PAIRWISE_KEY_FILE", str(keys.symmetric_key_file(platform.keys, "pairwise")))
    async with running(SERVICE, platform) as started:
        await install(started, installed_departments())
        yield started


@pytest.fixture
async def file(service: Running) -> File:
    return await new_file(service)
