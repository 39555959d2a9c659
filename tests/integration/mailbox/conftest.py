from collections.abc import AsyncIterator

import pytest

from deploy.local.environment import Platform
from tests.integration.mailbox.boxes import Boxes, running_boxes


@pytest.fixture
async def boxes(platform: Platform) -> AsyncIterator[Boxes]:
    async with running_boxes(platform) as boxes:
        yield boxes
