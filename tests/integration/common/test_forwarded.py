"""Whose word is taken for a caller's address."""

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.ids import new_id
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.kit import Running, idempotent, running


@pytest.mark.parametrize(
    ("trusted", "address"), [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.1", "203.0.113.7")]
)
async def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(
    platform: Platform, trusted: str, address: str
) -> None:
    async with running(PUBLISHER, platform, trusted_proxies=trusted) as service:
        assert await _recorded_address(service) == address


async def _recorded_address(service: Running) -> str:
    config = new_server(service.apps[0], service.settings, port=0).config
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=("127.0.0.1", 40000))
    applicant = new_id()
    headers = {
        **service.tokens.person_in_charge(applicant, new_id()),
        **idempotent(),
        "X-Forwarded-For": "203.0.113.7",
    }
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.post(f"/v1/applicants/{applicant}/notes", json={"text": "x"}, headers=headers)
    rows = await service.database.fetch("SELECT address FROM access_records")
    found: str = rows[0]["address"]
    return found
