"""The page for who lost a code or password, and whom the error pages say to call."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local.environment import Platform
from services.auth.app import SERVICE
from tests.integration.auth import parties
from tests.integration.auth.parties import new_browser, read_page
from tests.kit import Running, running

CHEAP = {"argon2_memory_kib": 64, "argon2_passes": 1}


@pytest.fixture
async def supported(platform: Platform) -> AsyncIterator[Running]:
    support = {
        "support_telephone": "1 800 555-0100",
        "support_hours_fr": "Du lundi au vendredi, de 8 h à 17 h",
        "support_hours_en": "Monday to Friday, 8 a.m. to 5 p.m.",
    }
    async with running(
        SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **CHEAP, **support
    ) as service:
        yield service


async def page(service: Running, path: str = "/lost", **headers: str) -> httpx.Response:
    return await service.public.get(path, headers=headers)


async def test_the_page_says_what_users_and_persons_in_charge_do_in_both_languages(supported: Running) -> None:
    english = await page(supported, **{"accept-language": "en"})
    assert english.status_code == 200
    for said in ("You are a user", "You are a person in charge", "Two agents", "Monday to Friday"):
        assert said in english.text
    assert 'href="tel:18005550100"' in english.text
    french = await page(supported, **{"accept-language": "fr"})
    for said in ("Vous êtes une utilisatrice ou un utilisateur", "Deux agents", "Du lundi au vendredi"):
        assert said in french.text
    assert french.headers["content-language"] == "fr"


async def test_the_language_may_be_chosen_and_nonsense_changes_nothing(supported: Running) -> None:
    french = await page(supported, "/lost?language=fr", **{"accept-language": "en"})
    assert "ou mot de passe perdu</h1>" in french.text
    odd = await page(supported, "/lost?language=%22%3E%3Cscript%3E", **{"accept-language": "en"})
    assert odd.text == (await page(supported, **{"accept-language": "en"})).text


async def test_it_asks_for_nothing_and_leads_back_only_where_there_is_a_sign_in(supported: Running) -> None:
    answer = await page(supported)
    shown = read_page(answer)
    assert (shown.action, shown.inputs) == ("", {})
    assert "/sign-in" not in shown.links
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    rows = await supported.database.fetch("SELECT id FROM access_records")
    assert rows == []


async def test_the_sign_in_page_leads_there_in_its_language_and_back(auth: Running, platform: Platform) -> None:
    browser = new_browser(auth)
    shown = read_page(await browser.get(parties.client(auth, platform).authorize(ui_locales="en")))
    assert "/lost?language=en" in shown.links
    assert "/sign-in" in read_page(await browser.get("/lost?language=en")).links
    assert (await browser.get("/sign-in")).status_code == 200


async def test_error_pages_say_whom_to_call(supported: Running) -> None:
    for path in ("/sign-in", "/oauth/authorize?client_id=unknown"):
        answer = await page(supported, path, **{"accept-language": "en"})
        assert answer.status_code == 400
        assert "1 800 555-0100" in answer.text
        assert "Monday to Friday" in answer.text


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/cancel", 405), ("/second-factors/remove", 405)]
)
async def test_people_are_told_on_a_page_that_an_address_is_none_and_programs_as_ever(
    supported: Running, path: str, status: int
) -> None:
    shown = await page(
        supported, path, accept="text/html,application/xhtml+xml;q=0.9", **{"accept-language": "en"}
    )
    assert (shown.status_code, shown.headers["content-language"]) == (status, "en")
    assert "There is no such page" in shown.text
    assert "1 800 555-0100" in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    told = await page(supported, path, accept="application/json, text/html;q=0.1")
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    allowed = "POST" if status == 405 else None
    assert [one.headers.get("allow") for one in (shown, told)] == [allowed, allowed]


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Something failed on our side"), ("fr", "de notre côté</h1>")]
)
async def test_people_are_told_on_a_page_that_something_failed_and_programs_as_ever(
    supported: Running, monkeypatch: pytest.MonkeyPatch, language: str, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the marker")

    monkeypatch.setattr("services.auth.lost_api.read_cookie", fail)
    shown = await page(supported, accept="text/html", **{"accept-language": language})
    assert (shown.status_code, shown.headers["content-language"]) == (500, language)
    assert said in shown.text
    assert "1 800 555-0100" in shown.text
    assert shown.headers["x-correlation-id"] in shown.text
    assert "marker" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    programs = await page(supported, accept="application/json")
    monkeypatch.setattr("services.auth.pages.Pages.answer", fail)
    where_pages_fail_too = await page(supported, accept="text/html")
    for told in (programs, where_pages_fail_too):
        assert (told.status_code, told.json()["code"]) == (500, "internal-error")
        assert told.json()["trace_id"]


async def test_without_a_number_none_is_invented(auth: Running) -> None:
    answer = await page(auth, **{"accept-language": "en"})
    assert "Call Revenu Québec." in answer.text
    assert "tel:" not in answer.text
