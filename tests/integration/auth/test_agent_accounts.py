import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pyotp
import pytest

from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.ids import new_id
from services.auth.agent_account import store
from services.auth.app import SERVICE
from tests.integration.auth import parties
from tests.integration.auth.agents import (
    NEW,
    approve,
    by_two,
    fault,
    id_of,
    installed,
    propose,
    security,
    sign_in_installed,
    with_third_security_agent,
)
from tests.integration.auth.granting import evidence_of
from tests.integration.auth.parties import answer_of, new_browser
from tests.kit import Running, idempotent


async def test_each_of_the_two_knows_one_factor_of_a_new_agent(auth: Running) -> None:
    first, second = security(auth), security(auth)
    made = (await propose(auth, first, "create_agent", NEW)).json()
    approved = await approve(auth, second, made)
    assert set(approved.json()["shown_once"]) == {"totp_uri"}
    collected = await auth.public.post(f"/v1/proposals/{made['id']}/shown-once", headers=first)
    assert set(collected.json()["shown_once"]) == {"one_time_password"}
    for headers in (first, second):
        again = await auth.public.post(f"/v1/proposals/{made['id']}/shown-once", headers=headers)
        assert again.status_code in {403, 409}
    secret = pyotp.parse_uri(approved.json()["shown_once"]["totp_uri"]).secret
    password = collected.json()["shown_once"]["one_time_password"]
    for table in (
        "evidence_records",
        "outbox",
        "access_records",
        "idempotency_keys",
        "proposals",
        "agent_accounts",
    ):
        for row in await auth.database.fetch(f"SELECT {table}::text AS line FROM {table}"):
            assert secret not in row["line"]
            assert password not in row["line"]
            assert password.encode().hex() not in row["line"]


async def test_disabling_ends_sessions_tokens_and_sign_in_and_tells_every_service(
    auth: Running, platform: Platform
) -> None:
    await with_third_security_agent(auth)
    relying = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(relying.authorize())
    await browser.submit({"user_code": "decider", "password": installed(platform, "decider", "password")})
    totp = pyotp.TOTP(installed(platform, "decider", "totp"))
    code = answer_of(await browser.submit({"one_time_code": totp.now()}))["code"]
    agent_id = await id_of(auth, "decider")
    mine = {"Clicsequr-Purpose": "a test", **auth.tokens.agent("security", agent_id=agent_id)}
    assert (await auth.public.get("/v1/proposals", headers=mine)).status_code == 200
    await by_two(auth, "disable_agent", {"name": "decider"})
    assert fault(await auth.public.get("/v1/proposals", headers=mine)) == (401, "token-refused")
    later = auth.tokens.agent("security", agent_id=agent_id, iat=int(now().timestamp()) + 3)
    assert fault(await auth.public.get("/v1/proposals", headers=later)) == (403, "access-suspended")
    assert (await relying.redeem(code, resource="urn:clicsequr:auth")).status_code == 400
    told = await auth.database.fetch("SELECT type, partitionkey, data FROM outbox ORDER BY row_number")
    [disabled] = [row for row in told if row["type"] == "clicsequr.agent-account-disabled.v1"]
    assert (disabled["partitionkey"], disabled["data"]) == (f"agent:{agent_id}", {"agent_id": str(agent_id)})
    assert [row["data"]["reason"] for row in told if row["type"] == "clicsequr.session-ended.v1"] == ["suspended"]
    open_sessions = await auth.database.fetch("SELECT id FROM sessions WHERE ended_at IS NULL")
    assert open_sessions == []


async def test_the_last_two_security_agents_of_the_provider_stay(auth: Running) -> None:
    for command, content in (
        ("disable_agent", {"name": "decider"}),
        ("change_agent_roles", {"name": "security", "roles": ["auditor"]}),
    ):
        answer = await propose(auth, security(auth), command, content)
        assert fault(answer) == (409, "last-security-agents")


async def test_of_three_security_agents_only_one_can_be_disabled_at_the_same_instant(auth: Running) -> None:
    await with_third_security_agent(auth)
    made = [
        (await propose(auth, security(auth), "disable_agent", {"name": name})).json()
        for name in ("decider", "security", "third")
    ]
    answers = await asyncio.gather(*(approve(auth, security(auth), one) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    rows = await auth.database.fetch("SELECT name FROM agent_accounts WHERE state = 'disabled'")
    assert len(rows) == 1


async def test_who_remains_is_counted_on_what_is_committed(auth: Running) -> None:
    await with_third_security_agent(auth)
    made = (await propose(auth, security(auth), "disable_agent", {"name": "decider"})).json()
    async with auth.database.transaction() as tx:
        await store.lock(tx)
        await tx.execute(
            "UPDATE agent_accounts SET state = 'disabled', is_installed = false WHERE name = 'security'"
        )
        approval = asyncio.create_task(approve(auth, security(auth), made))
        while not approval.done() and not await waits_for_accounts(auth):
            pass  # each look is a round trip, which lets the other go on
        assert not approval.done()
    assert fault(await approval) == (409, "last-security-agents")


async def waits_for_accounts(auth: Running) -> bool:
    return bool(await auth.database.fetch("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))


async def test_an_agent_neither_proposes_nor_approves_what_concerns_their_own_account(auth: Running) -> None:
    await with_third_security_agent(auth)
    own = security(auth, agent_id=await id_of(auth, "third"))
    for command, content in (
        ("disable_agent", {"name": "third"}),
        ("reset_agent_credentials", {"name": "third"}),
        ("change_agent_roles", {"name": "third", "roles": ["security", "decider"]}),
    ):
        assert fault(await propose(auth, own, command, content)) == (403, "proposal-concerns-you")
        made = (await propose(auth, security(auth), command, content)).json()
        assert fault(await approve(auth, own, made)) == (403, "proposal-concerns-you")


async def test_changed_roles_end_the_sessions_that_carry_the_old_ones(auth: Running, platform: Platform) -> None:
    await sign_in_installed(auth, platform, "validator")
    await by_two(auth, "change_agent_roles", {"name": "validator", "roles": ["auditor"]})
    row = await auth.database.fetchrow("SELECT roles FROM agent_accounts WHERE name = 'validator'")
    assert row is not None
    assert row["roles"] == ["auditor"]
    (told,) = await evidence_of(auth, "change_agent_roles")
    assert (told["roles_were"], told["roles"]) == (["validator", "support"], ["auditor"])
    assert await auth.database.fetch("SELECT id FROM sessions WHERE ended_at IS NULL") == []
    same = await propose(
        auth, security(auth), "change_agent_roles", {"name": "validator", "roles": ["auditor", "auditor"]}
    )
    assert fault(same) == (409, "agent-roles-unchanged")


async def test_the_word_of_a_proposer_who_lost_the_role_since_is_not_approved(auth: Running) -> None:
    await with_third_security_agent(auth)
    loses, keeps = [security(auth, agent_id=await id_of(auth, name)) for name in ("security", "decider")]
    await by_two(auth, "create_agent", {"name": "fourth", "side": "provider", "roles": ["security"]})
    made = (await propose(auth, loses, "create_agent", NEW)).json()
    await by_two(auth, "change_agent_roles", {"name": "security", "roles": ["auditor"]})
    assert fault(await approve(auth, security(auth), made)) == (409, "proposer-lost-role")
    refusal = {"reason": "the proposer has another role now"}
    headers = {**security(auth), **idempotent()}
    refused = await auth.public.post(f"/v1/proposals/{made['id']}/refusals", json=refusal, headers=headers)
    assert refused.status_code == 200, refused.text
    again = (await propose(auth, keeps, "create_agent", NEW)).json()
    assert (await approve(auth, security(auth), again)).status_code == 200


async def test_a_departments_security_agents_decide_about_their_own_agents_alone(auth: Running) -> None:
    ours, second = security(auth, side="cnesst"), security(auth, side="cnesst")
    made = await propose(auth, ours, "create_agent", {"name": "ours", "side": "cnesst", "roles": ["decider"]})
    assert (await approve(auth, second, made.json())).status_code == 200
    for command, content in (
        ("create_agent", NEW),
        ("create_agent", {**NEW, "name": "decider"}),
        ("create_agent", {**NEW, "side": "revenu-quebec"}),
        ("disable_agent", {"name": "validator"}),
        ("disable_agent", {"name": "nobody"}),
        ("reset_agent_credentials", {"name": "validator"}),
    ):
        assert fault(await propose(auth, ours, command, content)) == (404, "not-found")
    by_provider = await propose(auth, security(auth), "disable_agent", {"name": "ours"})
    assert (await approve(auth, security(auth), by_provider.json())).status_code == 200


@pytest.mark.parametrize("role", ["validator", "decider", "support", "auditor"])
async def test_no_other_role_proposes_approves_or_sees(auth: Running, role: str) -> None:
    made = (await propose(auth, security(auth), "create_agent", NEW)).json()
    other, decides_something = auth.tokens.agent(role), role in {"decider", "support"}
    not_proposing = "role-may-not-propose" if decides_something else "role-not-admitted"
    not_seeing = (404, "not-found") if decides_something else (403, "role-not-admitted")
    assert fault(await propose(auth, other, "create_agent", NEW)) == (403, not_proposing)
    assert fault(await approve(auth, other, made)) == not_seeing
    assert fault(await auth.public.get(f"/v1/proposals/{made['id']}", headers=other)) == not_seeing
    listed = await auth.public.get("/v1/proposals", headers=other)
    assert listed.status_code == 403 or listed.json()["proposals"] == []


async def test_two_proposals_of_one_name_make_one_agent(auth: Running) -> None:
    made = [(await propose(auth, security(auth), "create_agent", NEW)).json() for _ in range(2)]
    answers = await asyncio.gather(*(approve(auth, security(auth), one) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert fault(await propose(auth, security(auth), "create_agent", NEW)) == (409, "agent-name-taken")
    assert len(await auth.database.fetch("SELECT id FROM agent_accounts WHERE name = 'grace'")) == 1


async def test_a_repeated_approval_is_answered_without_its_secret_and_does_nothing(auth: Running) -> None:
    second, key = security(auth), str(uuid4())
    made = (await propose(auth, security(auth), "create_agent", NEW)).json()
    await approve(auth, second, made, key=key)
    again = await approve(auth, second, made, key=key)
    assert again.status_code == 200
    assert again.json()["shown_once"] == {"totp_uri": None}
    assert len(await auth.database.fetch("SELECT id FROM agent_accounts WHERE name = 'grace'")) == 1


@pytest.mark.parametrize(
    "content",
    [
        {**NEW, "name": "Grace Hopper"},
        {**NEW, "name": ""},
        {**NEW, "roles": []},
        {**NEW, "roles": ["king"]},
        {**NEW, "side": "../cnesst"},
        {**NEW, "password": "known to both"},
        {"name": "grace"},
    ],
    ids=str,
)
async def test_an_agent_is_named_as_the_rules_say_or_not_at_all(auth: Running, content: dict[str, Any]) -> None:
    answer = await propose(auth, security(auth), "create_agent", content)
    assert fault(answer) == (400, "proposal-content-invalid")
    assert "known to both" not in answer.text


async def test_installing_again_leaves_what_two_persons_changed(auth: Running) -> None:
    await with_third_security_agent(auth)
    await by_two(auth, "disable_agent", {"name": "decider"})
    await by_two(auth, "change_agent_roles", {"name": "auditor", "roles": ["support"]})
    await by_two(auth, "reset_agent_credentials", {"name": "validator"})
    columns = "name, state, roles, password_hash, sealed_totp, is_installed"
    before = await auth.database.fetch(f"SELECT {columns} FROM agent_accounts ORDER BY name")
    evidence = len(await auth.database.fetch("SELECT id FROM evidence_records"))
    await SERVICE.operations["install"](auth.resources, [str(INSTALLATION)])
    assert await auth.database.fetch(f"SELECT {columns} FROM agent_accounts ORDER BY name") == before
    assert len(await auth.database.fetch("SELECT id FROM evidence_records")) == evidence
    standing = await auth.database.fetchrow("SELECT state FROM standing WHERE state = 'disabled'")
    assert standing is not None, "installing gives nobody back their access"
    by_name = {row["name"]: row for row in before}
    assert (by_name["decider"]["state"], by_name["security"]["is_installed"]) == ("disabled", True)


async def test_an_installed_agent_is_active_with_a_chosen_password(auth: Running) -> None:
    rows = await auth.database.fetch("SELECT state, password_is_one_time, password_set_at FROM agent_accounts")
    assert {(row["state"], row["password_is_one_time"]) for row in rows} == {("active", False)}
    assert all(row["password_set_at"] <= now() for row in rows)


async def test_a_sealed_password_serves_for_its_own_agent_alone(auth: Running) -> None:
    first = security(auth)
    made = []
    for name in ("one", "two"):
        made.append((await propose(auth, first, "create_agent", {**NEW, "name": name})).json())
        await approve(auth, security(auth), made[-1])
    connection = await asyncpg.connect(auth.owner_url)
    try:
        await connection.execute(
            "UPDATE proposals SET sealed_for_proposer = (SELECT sealed_for_proposer FROM proposals WHERE id = $2) "
            "WHERE id = $1",
            made[0]["id"],
            made[1]["id"],
        )
    finally:
        await connection.close()
    answer = await auth.public.post(f"/v1/proposals/{made[0]['id']}/shown-once", headers=first)
    assert answer.status_code == 500
    assert "shown_once" not in answer.text


async def test_an_unknown_proposal_is_not_there(auth: Running) -> None:
    answer = await auth.public.get(f"/v1/proposals/{new_id()}", headers=security(auth))
    assert fault(answer) == (404, "not-found")
