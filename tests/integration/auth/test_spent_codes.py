"""A code or refresh token is spent only by an answer that gives something, or by its misuse."""

import httpx
import pytest

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.faults import fault
from tests.integration.auth.granting import OFFLINE, evidence_of, granted
from tests.integration.auth.parties import Browser, Client, answer_of, new_browser
from tests.integration.auth.test_authorization import age_codes
from tests.kit import Running

SPENDING = ["the keys cannot be read", "the call cannot be recorded", "the grant cannot be kept"]


def passing(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def with_code(service: Running, platform: Platform) -> tuple[Browser, Client, str]:
    person = await parties.sessions_person(service, platform)
    browser, portal = new_browser(service), parties.client(service, platform)
    return browser, portal, answer_of(await parties.sign_in(browser, portal, person, scope=OFFLINE))["code"]


async def is_signed_in(browser: Browser, portal: Client) -> bool:
    return "code" in answer_of(await browser.get(portal.authorize(prompt="none")))


async def outcomes(service: Running) -> list[tuple[str, str | None]]:
    rows = await service.database.fetch(
        "SELECT outcome, reason FROM access_records WHERE action = 'POST /oauth/token' ORDER BY at, id"
    )
    return [(row["outcome"], row["reason"]) for row in rows]


@pytest.mark.parametrize("name", SPENDING)
async def test_a_code_is_redeemed_after_an_answer_that_failed(
    auth: Running, platform: Platform, name: str
) -> None:
    browser, portal, code = await with_code(auth, platform)
    async with fault(auth, name):
        assert passing(await portal.redeem(code))
    assert (await portal.redeem(code)).status_code == 200
    assert await evidence_of(auth, "refuse_replayed_code") == []
    assert await is_signed_in(browser, portal)
    assert await outcomes(auth) == [("refused", "database-unavailable"), ("admitted", None)]


@pytest.mark.parametrize("name", SPENDING)
async def test_a_refresh_token_serves_after_an_answer_that_failed(
    auth: Running, platform: Platform, name: str
) -> None:
    given = await granted(auth, platform)
    async with fault(auth, name):
        assert passing(await given.refresh())
    assert (await given.refresh()).status_code == 200
    assert await evidence_of(auth, "refuse_reused_refresh_token") == []


async def test_a_code_is_redeemed_once_what_is_parked_of_its_applicant_is_settled(
    auth: Running, platform: Platform
) -> None:
    browser, portal, code = await with_code(auth, platform)
    await auth.database.execute(
        "INSERT INTO parked_events (event_id, source, partitionkey, sequence, envelope, fault, parked_at) "
        "SELECT id, 'registry', 'applicant:' || applicant_id, 1, '{}', '', now() FROM sessions LIMIT 1"
    )
    assert passing(await portal.redeem(code))
    await auth.database.execute("DELETE FROM parked_events")
    assert (await portal.redeem(code)).status_code == 200
    assert await is_signed_in(browser, portal)


async def test_a_code_that_standing_refuses_is_used_up_and_gives_no_grant(
    auth: Running, platform: Platform
) -> None:
    browser, portal, code = await with_code(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "SELECT 'applicant', applicant_id::text, 'a test', 'suspended', 'epoch' FROM sessions LIMIT 1"
    )
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert await outcomes(auth) == [("refused", "access-suspended")]
    assert await auth.database.fetch("SELECT 1 FROM token_grants") == []
    await auth.database.execute("DELETE FROM standing WHERE source = 'a test'")
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert await is_signed_in(browser, portal)


@pytest.mark.parametrize("wrong", ["too late", "another verifier"])
async def test_a_code_that_gave_nothing_ends_nothing_when_it_comes_again(
    auth: Running, platform: Platform, wrong: str
) -> None:
    browser, portal, code = await with_code(auth, platform)
    if wrong == "too late":
        await age_codes(auth)
    first = await portal.redeem(code, code_verifier="w" * 43)
    assert first.json()["error"] == "invalid_grant"
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert await is_signed_in(browser, portal)
    assert await evidence_of(auth, "refuse_replayed_code") == []
    assert "session-ended" not in [name for name, _ in await auth.events()]
