from datetime import timedelta

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import AccessSuspended, ConditionsPosted, Translated
from tests.integration.auth import parties
from tests.integration.auth.parties import answer_of, claims_of, new_browser, read_page
from tests.kit import Running


async def post(service: Running, version: str, *, owner: str = "clicsequr", hours_ago: float = 1) -> None:
    url = Translated(fr=f"https://r.example/fr/{version}", en=f"https://r.example/en/{version}")
    at = now() - timedelta(hours=hours_ago)
    posted = ConditionsPosted(owner=owner, version=version, posted_at=at, url=url)
    await service.deliver(posted, publisher="registry", partitionkey="provider")


async def sign_in(service: Running, platform: Platform, person: parties.Person, **asked: str) -> httpx.Response:
    return await parties.sign_in(new_browser(service), parties.client(service, platform), person, **asked)


async def test_a_newer_version_is_shown_once_with_what_it_replaces_and_nothing_to_tick(
    auth: Running, platform: Platform
) -> None:
    await post(auth, "2011-11-E1", hours_ago=9)
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1", hours_ago=1)
    browser, portal = new_browser(auth), parties.client(auth, platform)
    page = await parties.sign_in(browser, portal, person, ui_locales="en")
    assert page.url.path == "/conditions"
    assert read_page(page).links[-2:] == ["https://r.example/en/2026-04-E1", "https://r.example/en/2011-11-E1"]
    assert set(read_page(page).inputs) == {"form_token", "version"}
    granted = await portal.redeem(answer_of(await browser.submit({}))["code"])
    claims = await claims_of(auth, granted.json()["access_token"])
    assert claims["conditions"] == "2026-04-E1"
    row = await auth.database.fetchrow(
        "SELECT conditions, content FROM evidence_records WHERE command = 'show_conditions'"
    )
    assert row is not None
    assert row["conditions"] == "2026-04-E1"
    assert row["content"] == {
        "conditions": "2026-04-E1",
        "before": "2011-11-E1",
        "role": "person_in_charge",
        "language": "en",
    }
    shown = await auth.database.fetch("SELECT conditions, language FROM duties_shown ORDER BY shown_at")
    assert [row["conditions"] for row in shown] == ["2011-11-E1", "2026-04-E1"]
    assert shown[-1]["language"] == "en"
    assert "code" in answer_of(await sign_in(auth, platform, person))


async def test_continue_authenticates_nobody(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1")
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    (before,) = await auth.database.fetch("SELECT id, authenticated_at FROM sessions WHERE stage = 'conditions'")
    assert "code" in answer_of(await browser.submit({}))
    after = await auth.database.fetchrow(
        "SELECT stage, authenticated_at FROM sessions WHERE id = $1", before["id"]
    )
    assert after is not None
    assert (after["stage"], after["authenticated_at"]) == ("complete", before["authenticated_at"])


async def test_at_first_use_the_conditions_stay_with_the_duties(auth: Running, platform: Platform) -> None:
    await post(auth, "2011-11-E1")
    person = await parties.new_person_in_charge(auth)
    answer = await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert "code" in answer_of(answer)


async def test_until_it_is_seen_the_session_is_good_for_nothing_else(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1")
    browser, portal = new_browser(auth), parties.client(auth, platform)
    page = await parties.sign_in(browser, portal, person, ui_locales="fr")
    assert "Aucune version antérieure" in page.text
    silent = await browser.get(portal.authorize(prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    await browser.get(portal.authorize())
    assert (await browser.get("/applicant")).status_code == 400


async def test_a_version_posted_while_one_reads_is_shown_too(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1", hours_ago=2)
    browser, portal = new_browser(auth), parties.client(auth, platform)
    await parties.sign_in(browser, portal, person)
    await post(auth, "2026-05-E1", hours_ago=1)
    again = await browser.submit({})
    assert again.status_code == 409
    assert "2026-05-E1" in again.text
    assert await auth.database.fetch("SELECT 1 FROM duties_shown WHERE conditions LIKE '2026%'") == []
    assert "code" in answer_of(await browser.submit({}))


@pytest.mark.parametrize(("owner", "hours_ago"), [("revenu-quebec", 1), ("clicsequr", -1)])
async def test_another_owners_version_and_one_of_tomorrow_are_not_shown(
    auth: Running, platform: Platform, owner: str, hours_ago: float
) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1", owner=owner, hours_ago=hours_ago)
    assert "code" in answer_of(await sign_in(auth, platform, person))


async def test_recourse_is_not_kept_waiting_by_new_conditions(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1")
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    assert "code" in answer_of(await sign_in(auth, platform, person, scope="openid recourse"))


async def test_another_site_cannot_press_continue(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await post(auth, "2026-04-E1")
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    forged = await browser.http.post("/conditions", data={"version": "2026-04-E1", "form_token": "x"})
    assert forged.status_code == 400
    assert await auth.database.fetch("SELECT 1 FROM duties_shown WHERE conditions LIKE '2026%'") == []
