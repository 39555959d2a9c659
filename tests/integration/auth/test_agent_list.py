from typing import Any

import pytest

from tests.integration.auth.agents import NEW, by_two, security
from tests.kit import Headers, Running


async def page(auth: Running, headers: Headers, **query: Any) -> dict[str, Any]:
    answer = await auth.public.get("/v1/agents", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_security_and_auditors_of_the_provider_list_every_agent_in_pages(auth: Running) -> None:
    await by_two(auth, "create_agent", {**NEW, "name": "ours", "side": "cnesst"})
    await by_two(auth, "disable_agent", {"name": "ours"})
    rows = await auth.database.fetch("SELECT name FROM agent_accounts ORDER BY name")
    every = [row["name"] for row in rows]
    assert [one["name"] for one in (await page(auth, auth.tokens.agent("auditor")))["agents"]] == every
    found = await page(auth, security(auth), limit=2)
    seen = [one["name"] for one in found["agents"]]
    while found["next"] is not None:
        found = await page(auth, security(auth), after=found["next"], limit=2)
        seen += [one["name"] for one in found["agents"]]
    assert seen == every
    (ours,) = (await page(auth, security(auth), side="cnesst"))["agents"]
    assert (ours["state"], ours["roles"], ours["is_installed"]) == ("disabled", sorted(NEW["roles"]), False)


async def test_the_list_of_agents_tells_nothing_that_anybody_signs_in_by(auth: Running) -> None:
    for one in (await page(auth, security(auth)))["agents"]:
        assert set(one) == {"agent_id", "name", "side", "roles", "state", "is_installed"}


@pytest.mark.parametrize("role", ["validator", "decider", "support"])
async def test_no_other_agent_lists_agents(auth: Running, role: str) -> None:
    for headers in (auth.tokens.agent(role), security(auth, side="cnesst"), auth.tokens.department("cnesst")):
        assert (await auth.public.get("/v1/agents", headers=headers)).status_code == 403


@pytest.mark.parametrize("query", [{"after": "\0"}, {"after": "x" * 65}, {"side": "'"}, {"limit": 201}], ids=str)
async def test_a_page_of_agents_is_asked_for_in_bounded_words(auth: Running, query: dict[str, Any]) -> None:
    answer = await auth.public.get("/v1/agents", params=query, headers=security(auth))
    assert answer.status_code == 422
