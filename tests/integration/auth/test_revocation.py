import asyncio

import httpx
import pytest

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.granting import Granted, evidence_of, granted, granted_again
from tests.integration.auth.parties import ASSERTION_TYPE, Client
from tests.kit import Running


async def revoke(caller: Client, token: str, **form: str) -> httpx.Response:
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": caller.assertion()}
    return await caller.service.public.post("/oauth/revoke", data={**shown, "token": token, **form})


async def is_alive(given: Granted) -> bool:
    answer = await given.service.public.get("/oauth/userinfo", headers=given.bearer)
    return answer.status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
async def test_a_token_of_either_kind_ends_its_grant_whatever_the_hint(
    auth: Running, platform: Platform, kind: str, hint: str
) -> None:
    given = await granted(auth, platform)
    other = await granted_again(auth, platform, given.person, given.browser)
    answer = await revoke(given.client, given.tokens[kind], token_type_hint=hint)
    assert (answer.status_code, answer.content) == (200, b"")
    assert not await is_alive(given)
    assert (await given.refresh()).json()["error"] == "invalid_grant"
    assert await is_alive(other)
    assert len(await evidence_of(auth, "revoke_token_grant")) == 1


async def test_an_unknown_token_a_foreign_one_and_a_revoked_one_are_answered_alike(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    other = parties.client(auth, platform, parties.CLIC_REVENU)
    for token in ("x", given.access_token, given.refresh_token, given.tokens["id_token"]):
        answer = await revoke(other, token)
        assert (answer.status_code, answer.content) == (200, b"")
    assert await is_alive(given)
    answers = await asyncio.gather(*(revoke(given.client, given.refresh_token) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await evidence_of(auth, "revoke_token_grant")) == 1


async def test_a_refresh_token_that_was_used_still_ends_its_grant(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    following = (await given.refresh()).json()["refresh_token"]
    await revoke(given.client, given.refresh_token)
    assert (await given.refresh(following)).json()["error"] == "invalid_grant"


async def test_a_token_of_a_credential_is_not_revoked_and_it_is_said_so(auth: Running, platform: Platform) -> None:
    registry = parties.client(auth, platform, ("registry", ""))
    own = (await registry.token(grant_type="client_credentials")).json()["access_token"]
    answer = await revoke(registry, own)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")


async def test_revocation_asks_who_calls_and_for_a_token(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    answer = await auth.public.post("/oauth/revoke", data={"token": given.refresh_token})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await revoke(given.client, "")).json()["error"] == "invalid_request"
    assert await is_alive(given)
