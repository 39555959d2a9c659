from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.contracts.registry import AccessSuspended
from tests.integration.auth import parties
from tests.integration.auth.granting import forgeries_of, granted
from tests.integration.auth.parties import ASSERTION_TYPE, Client, claims_of
from tests.integration.auth.registered import fault_of
from tests.integration.auth.test_token_exchange import exchange, shown_to_registry
from tests.kit import Running

INACTIVE = {"active": False}
REGISTRY = ("registry", "")


async def ask(caller: Client, token: str, **form: str) -> httpx.Response:
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": caller.assertion()}
    return await caller.service.public.post("/oauth/introspect", data={**shown, "token": token, **form})


async def told(caller: Client, token: str, **form: str) -> dict[str, Any]:
    answer = await ask(caller, token, **form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_client_is_told_of_its_own_tokens_what_they_say(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform, parties.CLIC_REVENU)
    said = await claims_of(auth, given.access_token)
    found = await told(given.client, given.access_token)
    assert found == {
        **{name: value for name, value in said.items() if name != "grant"},
        "active": True,
        "token_type": "Bearer",
    }
    refresh = await told(given.client, given.refresh_token, token_type_hint="refresh_token")
    assert refresh["active"] is True
    assert refresh["scope"] == "openid offline_access"
    assert (await told(given.client, given.refresh_token, token_type_hint="nonsense")) == refresh


async def test_a_service_of_the_suite_is_told_and_another_client_is_not(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    assert (await told(parties.client(auth, platform, REGISTRY), given.access_token))["active"] is True
    other = parties.client(auth, platform, parties.CLIC_REVENU)
    assert await told(other, given.access_token) == INACTIVE
    assert await told(other, given.refresh_token) == INACTIVE


async def test_the_client_that_a_token_is_for_is_told(auth: Running, platform: Platform) -> None:
    registry = parties.client(auth, platform, REGISTRY)
    answer = await registry.token(grant_type="client_credentials", resource="urn:clicsequr:mailbox")
    mailbox = parties.client(auth, platform, ("mailbox", ""))
    found = await told(mailbox, answer.json()["access_token"])
    assert (found["active"], found["client_id"], found["aud"]) == (True, "registry", "urn:clicsequr:mailbox")


async def test_what_was_not_signed_here_as_an_access_token_is_inactive_and_no_more_is_said(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    registry = parties.client(auth, platform, REGISTRY)
    found = {name: await told(registry, token) for name, token in (await forgeries_of(given)).items()}
    assert [name for name, answer in found.items() if answer != INACTIVE] == []


async def test_a_token_is_inactive_at_once_when_its_grant_session_or_applicant_is_not_good(
    auth: Running, platform: Platform
) -> None:
    used = await granted(auth, platform)
    registry = parties.client(auth, platform, REGISTRY)
    following = (await used.refresh()).json()["refresh_token"]
    assert await told(registry, used.refresh_token) == INACTIVE
    assert (await told(registry, following))["active"] is True
    await used.refresh()
    for token in (used.access_token, following):
        assert await told(registry, token) == INACTIVE
    left = await granted(auth, platform)
    await left.browser.get("/oauth/logout")
    await left.browser.submit({})
    for token in (left.access_token, left.refresh_token):
        assert await told(registry, token) == INACTIVE
    suspended = await granted(auth, platform)
    await parties.tell(auth, AccessSuspended(applicant_id=suspended.person.applicant_id))
    for token in (suspended.access_token, suspended.refresh_token):
        assert await told(registry, token) == INACTIVE


@pytest.mark.parametrize("got_by", ["its own credential", "exchange"])
async def test_the_tokens_of_a_disabled_client_are_inactive_though_no_grant_ended(
    auth: Running, platform: Platform, got_by: str
) -> None:
    registry, mailbox = (parties.client(auth, platform, (name, "")) for name in ("registry", "mailbox"))
    if got_by == "exchange":
        answer = await exchange(registry, await shown_to_registry(await granted(auth, platform)))
    else:
        answer = await registry.token(grant_type="client_credentials", resource="urn:clicsequr:mailbox")
    token = answer.json()["access_token"]
    assert (await told(mailbox, token))["active"] is True
    await auth.database.execute(
        "UPDATE clients SET state = 'disabled', is_installed = false WHERE client_id = 'registry'"
    )
    assert await told(mailbox, token) == INACTIVE
    if got_by == "exchange":
        again = await exchange(mailbox, token, resource="urn:clicsequr:delegation")
        assert fault_of(again) == (400, "invalid_request")


async def test_what_standing_alone_refuses_is_inactive(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('user_code', $1, 'delegation', 'suspended', now())",
        str(given.person.user_code_id),
    )
    assert await told(parties.client(auth, platform, REGISTRY), given.access_token) == INACTIVE


async def test_who_asked_about_whom_is_recorded(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    answer = await ask(parties.client(auth, platform, REGISTRY), given.access_token)
    row = await auth.database.fetchrow(
        "SELECT actor, client_id, user_code_id, role, outcome FROM access_records WHERE correlation_id = $1",
        answer.headers["x-correlation-id"],
    )
    assert row is not None
    assert tuple(row.values()) == (
        "service:registry",
        "registry",
        given.person.user_code_id,
        None,
        "admitted",
    )


async def bearer_of(service: Running, platform: Platform, **asked: str) -> dict[str, str]:
    answer = await parties.client(service, platform, REGISTRY).token(grant_type="client_credentials", **asked)
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_caller_may_show_an_access_token_of_the_purpose_instead_of_an_assertion(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    without = await bearer_of(auth, platform, scope="feeds")
    form = {"token": given.access_token}
    refused = await auth.public.post("/oauth/introspect", data=form, headers=without)
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    elsewhere = await bearer_of(auth, platform, scope="introspection", resource="urn:clicsequr:mailbox")
    bearer = await bearer_of(auth, platform, scope="introspection")
    for headers in (elsewhere, given.bearer, {"authorization": "Bearer x"}):
        refused = await auth.public.post("/oauth/introspect", data=form, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    for app in (auth.public, auth.internal):
        answer = await app.post("/oauth/introspect", data=form, headers=bearer)
        assert answer.json()["active"] is True
    await auth.database.execute("UPDATE clients SET scopes = '{feeds}' WHERE client_id = 'registry'")
    assert (await auth.public.post("/oauth/introspect", data=form, headers=bearer)).status_code == 403


async def test_a_caller_who_may_not_ask_is_recorded(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    without = await bearer_of(auth, platform, scope="feeds")
    elsewhere = await bearer_of(auth, platform, scope="introspection", resource="urn:clicsequr:mailbox")
    for headers, found in (
        (without, [("service:registry", "registry", "insufficient_scope")]),
        (elsewhere, [("service:registry", "registry", "token-invalid")]),
        (given.bearer, [("service:portal", "portal", "token-invalid")]),
        ({"authorization": "Bearer x"}, []),
    ):
        answer = await auth.public.post("/oauth/introspect", data={"token": "x"}, headers=headers)
        rows = await auth.database.fetch(
            "SELECT actor, client_id, reason FROM access_records WHERE correlation_id = $1",
            answer.headers["x-correlation-id"],
        )
        assert [tuple(row.values()) for row in rows] == found


async def test_nobody_is_told_anything_without_showing_who_asks(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    answer = await auth.public.post("/oauth/introspect", data={"token": given.access_token})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await auth.public.get("/oauth/introspect")).status_code == 405
    registry = parties.client(auth, platform, REGISTRY)
    assert (await ask(registry, "")).json()["error"] == "invalid_request"
    assert (await ask(registry, "x" * 17_000)).json()["error"] == "invalid_request"


async def test_old_facts_answer_503_and_a_clients_own_token_does_not_rest_on_them(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    registry = parties.client(auth, platform, REGISTRY)
    own = (await registry.token(grant_type="client_credentials")).json()["access_token"]
    auth.resources.freshness.fresh_as_of["registry"] -= timedelta(days=2)
    assert (await ask(registry, given.access_token)).status_code == 503
    assert (await told(registry, own))["active"] is True
