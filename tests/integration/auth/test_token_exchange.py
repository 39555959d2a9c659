"""RFC 8693: a service calls another one for whoever called it."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import AccessSuspended
from services.auth.authorization.exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.integration.auth import parties
from tests.integration.auth.granting import Granted, forgeries_of, granted
from tests.integration.auth.parties import Client, claims_of
from tests.integration.auth.registered import fault_of
from tests.kit import Running

REGISTRY, MAILBOX = "urn:clicsequr:registry", "urn:clicsequr:mailbox"
REFUSED = (400, "invalid_request")


async def exchange(caller: Client, token: str, **changes: str | None) -> httpx.Response:
    return await caller.token(
        **{
            "grant_type": GRANT_TYPE,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": MAILBOX,
            **changes,
        }
    )


@pytest.fixture
async def given(auth: Running, platform: Platform) -> Granted:
    return await granted(auth, platform)


@pytest.fixture
def registry(auth: Running, platform: Platform) -> Client:
    return parties.client(auth, platform, ("registry", ""))


async def shown_to_registry(given: Granted) -> str:
    answer = await given.refresh(resource=REGISTRY)
    token: str = answer.json()["access_token"]
    return token


async def test_the_new_token_says_for_whom_and_by_whom(auth: Running, given: Granted, registry: Client) -> None:
    token = await shown_to_registry(given)
    answer = await exchange(registry, token)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["issued_token_type"], found["token_type"]) == (ACCESS_TOKEN, "Bearer")
    assert "refresh_token" not in found
    before, after = await claims_of(auth, token), await claims_of(auth, found["access_token"])
    same = {"sub", "sid", "grant", "applicant", "user_code", "role", "acr", "scope", "auth_time"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert (after["aud"], after["client_id"], after["act"]) == (MAILBOX, "registry", {"sub": "registry"})
    assert after["exp"] <= before["exp"]
    assert 0 < found["expires_in"] <= 300
    mailbox = Client(auth, given.client.platform, "mailbox")
    again = await exchange(mailbox, found["access_token"], resource="urn:clicsequr:delegation")
    chain = (await claims_of(auth, again.json()["access_token"]))["act"]
    assert chain == {"sub": "mailbox", "act": {"sub": "registry"}}


async def test_the_portal_exchanges_its_own_token_and_may_name_the_audience(given: Granted) -> None:
    answer = await exchange(given.client, given.access_token, resource=None, audience=REGISTRY, scope="openid")
    assert (answer.status_code, answer.json()["scope"]) == (200, "openid")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"audience": REGISTRY}, "invalid_target"),
        ({"scope": "openid recourse"}, "invalid_scope"),
        ({"scope": "user-codes"}, "invalid_scope"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
    ],
)
async def test_what_is_wider_or_not_understood_is_refused(
    given: Granted, registry: Client, changes: dict[str, str | None], fault: str
) -> None:
    answer = await exchange(registry, await shown_to_registry(given), **changes)
    assert fault_of(answer) == (400, fault)


async def test_only_services_and_the_portal_exchange_what_was_given_or_shown_to_them(
    auth: Running, platform: Platform, given: Granted, registry: Client
) -> None:
    token = await shown_to_registry(given)
    department = parties.client(auth, platform, parties.CLIC_REVENU)
    assert fault_of(await exchange(department, token)) == (400, "unauthorized_client")
    mailbox = parties.client(auth, platform, ("mailbox", ""))
    assert fault_of(await exchange(mailbox, token)) == REFUSED
    assert fault_of(await exchange(registry, given.access_token)) == REFUSED
    own = (await mailbox.token(grant_type="client_credentials", resource=REGISTRY)).json()["access_token"]
    assert fault_of(await exchange(registry, own)) == REFUSED
    assert fault_of(await exchange(registry, given.refresh_token)) == REFUSED


async def test_what_was_not_signed_here_gives_nothing(given: Granted) -> None:
    answers: dict[str, Any] = {
        name: await exchange(given.client, token) for name, token in (await forgeries_of(given)).items()
    }
    assert {fault_of(answer) for answer in answers.values()} == {REFUSED}


async def test_a_token_of_a_departments_client_is_not_exchanged(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform, parties.CLIC_REVENU)
    answer = await given.refresh(resource="urn:clicsequr:auth")
    own = parties.client(auth, platform, ("auth", ""))
    assert fault_of(await exchange(own, answer.json()["access_token"])) == REFUSED


async def test_it_is_refused_like_a_refresh(auth: Running, given: Granted, registry: Client) -> None:
    token = await shown_to_registry(given)
    auth.resources.freshness.fresh_as_of = {"registry": now() - timedelta(hours=1), "delegation": now()}
    assert fault_of(await exchange(registry, token)) == (503, "temporarily_unavailable")
    auth.resources.freshness.fresh_as_of = {name: now() + timedelta(days=1) for name in ("registry", "delegation")}
    await parties.tell(auth, AccessSuspended(applicant_id=given.person.applicant_id))
    answer = await exchange(registry, token)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "how", ["UPDATE token_grants SET revoked_at = now(), reason = 'revoked-by-client'", "session"]
)
async def test_it_ends_with_the_grant_and_the_session(
    auth: Running, given: Granted, registry: Client, how: str
) -> None:
    token = await shown_to_registry(given)
    owner = await asyncpg.connect(auth.owner_url)
    ended = "UPDATE sessions SET ended_at = now(), end_reason = 'signed-out'"
    await owner.execute(ended if how == "session" else how)
    await owner.close()
    assert fault_of(await exchange(registry, token)) == REFUSED
    last = await auth.database.fetchrow(
        "SELECT outcome, reason, client_id, user_code_id, applicant_id FROM access_records"
        " ORDER BY id DESC LIMIT 1"
    )
    assert last is not None
    person = given.person
    refused = ("refused", "invalid_request", "registry", person.user_code_id, person.applicant_id)
    assert tuple(last) == refused


async def test_what_standing_refuses_lives_on_in_no_other_token(
    auth: Running, given: Granted, registry: Client
) -> None:
    token = await shown_to_registry(given)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('user_code', $1, 'delegation', 'active', now() + interval '1 second')",
        str(given.person.user_code_id),
    )
    assert fault_of(await exchange(registry, token)) == (400, "invalid_grant")


async def test_an_exchanged_token_cannot_be_given_back(given: Granted, registry: Client) -> None:
    token = (await exchange(registry, await shown_to_registry(given))).json()["access_token"]
    form = {"client_assertion_type": parties.ASSERTION_TYPE, "client_assertion": registry.assertion()}
    answer = await registry.service.public.post("/oauth/revoke", data={**form, "token": token})
    assert fault_of(answer) == (400, "unsupported_token_type")
    assert (await given.service.public.get("/oauth/userinfo", headers=given.bearer)).status_code == 200
