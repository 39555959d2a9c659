"""What only takes away, by facts of auth's own, is not blocked by the age of others' facts (section 5)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.auth.agents import NEW, approve, by_two, fault, propose, security, with_third_security_agent
from tests.integration.auth.test_clients_by_two_persons import PAY
from tests.kit import Running

OLD = timedelta(days=2)


@pytest.fixture
def old_facts(auth: Running) -> Iterator[None]:
    auth.resources.freshness.fresh_as_of["registry"] -= OLD
    yield
    auth.resources.freshness.fresh_as_of["registry"] += OLD


@pytest.mark.usefixtures("old_facts")
@pytest.mark.parametrize(
    ("command", "content"),
    [("disable_client", {"client_id": "cnesst"}), ("disable_agent", {"name": "validator"})],
)
async def test_agents_and_clients_are_disabled_however_old_the_facts(
    auth: Running, command: str, content: dict[str, Any]
) -> None:
    await by_two(auth, command, content)
    listed = await auth.public.get("/v1/proposals", params={"state": "approved"}, headers=security(auth))
    (made,) = listed.json()["proposals"]
    assert made["command"] == command


@pytest.mark.usefixtures("old_facts")
@pytest.mark.parametrize(
    ("command", "content"),
    [
        ("create_agent", NEW),
        ("register_client", PAY),
        ("enable_agent", {"name": "validator"}),
        ("renew_client_secret", {"client_id": "cnesst"}),
        ("no-such-command", {}),
        ("disable_client\0", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_nothing_else_is_proposed_while_facts_are_old(
    auth: Running, command: str, content: dict[str, Any]
) -> None:
    assert fault(await propose(auth, security(auth), command, content)) == (503, "facts-too-old")


async def test_what_gives_access_is_not_approved_while_facts_are_old(auth: Running) -> None:
    await with_third_security_agent(auth)
    made = (await propose(auth, security(auth), "create_agent", NEW)).json()
    auth.resources.freshness.fresh_as_of["registry"] -= OLD
    for answer in (
        await approve(auth, security(auth), made),
        await auth.public.get(f"/v1/proposals/{made['id']}", headers=security(auth)),
        await approve(auth, security(auth), {**made, "id": "not-an-id"}),
    ):
        assert fault(answer) == (503, "facts-too-old")
    auth.resources.freshness.fresh_as_of["registry"] += OLD
    assert (await approve(auth, security(auth), made)).status_code == 200
