"""Whoever reads a page in the wrong language changes it there, and loses nothing."""

from urllib.parse import urlencode

import pytest

from deploy.local.environment import Platform
from services.auth.cookies import LANGUAGE
from services.auth.pages import LANGUAGES, PLACES
from tests.integration.auth import parties
from tests.integration.auth.parties import PASSWORD, answer_of, new_browser, read_page, sessions_person
from tests.kit import Running

HOME = "http://127.0.0.1:18090/"
SIGNED_OUT = f"{HOME}signed-out"
TO_ENGLISH, TO_FRENCH = "/language?language=en&place=sign-in", "/language?language=fr&place=sign-in"


async def test_a_sign_in_goes_on_in_the_language_that_the_person_chooses(
    auth: Running, platform: Platform
) -> None:
    person = await sessions_person(auth, platform)
    relying, browser = parties.client(auth, platform), new_browser(auth)
    french = await browser.get(relying.authorize(ui_locales="fr"))
    assert french.headers["content-language"] == "fr"
    assert TO_ENGLISH in read_page(french).links
    english = await browser.get(TO_ENGLISH)
    assert (english.url.path, english.headers["content-language"]) == ("/sign-in", "en")
    assert TO_FRENCH in read_page(english).links
    wrong = await browser.submit({"user_code": person.user_code, "password": "not the one at all"})
    assert (wrong.status_code, wrong.headers["content-language"]) == (401, "en")
    assert "code" in answer_of(await browser.submit({"user_code": person.user_code, "password": PASSWORD}))
    for own in ("/second-factors", "/password", "/lost", "/oauth/logout"):
        assert (await browser.get(own)).headers["content-language"] == "en", own


async def test_what_a_person_chose_stands_over_what_services_and_browser_ask_until_it_is_changed(
    auth: Running, platform: Platform
) -> None:
    relying, browser = parties.client(auth, platform), new_browser(auth)
    await browser.get("/language?language=fr&place=lost")
    for asked in ("en", None):
        shown = await browser.get(relying.authorize(ui_locales=asked))
        assert shown.headers["content-language"] == "fr"
    for address in ("/oauth/authorize?client_id=unknown", "/nowhere", "/sign-in?x"):
        shown = await browser.get(address, accept="text/html")
        assert shown.headers["content-language"] == "fr", address
    assert (await browser.get(TO_ENGLISH)).headers["content-language"] == "en"


async def test_who_is_asked_whether_to_sign_out_changes_the_language_there_and_still_goes_back(
    auth: Running, platform: Platform
) -> None:
    person = await sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(portal.authorize())
    await browser.submit({"user_code": person.user_code, "password": PASSWORD})
    back = {
        "client_id": portal.client_id,
        "post_logout_redirect_uri": SIGNED_OUT,
        "state": "s",
        "ui_locales": "fr",
    }
    asked = await browser.get(f"/oauth/logout?{urlencode(back)}")
    assert asked.headers["content-language"] == "fr"
    assert 'name="language" value="en"' in asked.text
    changed = await browser.http.post("/oauth/logout", data={**back, "language": "en"})
    assert changed.headers["content-language"] == "en"
    assert back.items() <= read_page(changed).fields.items()
    assert 'name="language" value="fr"' in changed.text
    assert (await browser.get(f"/oauth/logout?{urlencode(back)}")).headers["content-language"] == "en"
    assert "session-ended" not in [name for name, _ in await auth.events()]
    assert HOME not in read_page(changed).links
    left = await browser.submit({}, page=changed)
    assert left.headers["location"] == f"{SIGNED_OUT}?state=s"
    assert "session-ended" in [name for name, _ in await auth.events()]
    assert HOME in read_page(await browser.get(f"/oauth/logout?client_id={portal.client_id}")).links
    assert HOME not in read_page(await browser.get("/oauth/logout")).links


async def test_the_choice_ends_with_the_browser_and_says_no_more_than_itself(auth: Running) -> None:
    answer = await auth.public.get(TO_FRENCH)
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{LANGUAGE}=fr;")
    assert "httponly" in cookie.lower()
    assert not {"max-age", "expires"} & set(cookie.lower().replace("=", " ").replace(";", " ").split())


@pytest.mark.parametrize("place", sorted(PLACES))
async def test_it_leads_back_to_each_page(auth: Running, place: str) -> None:
    answer = await auth.public.get("/language", params={"language": "fr", "place": place})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/{place}")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"language": "en"},
        {"language": "de", "place": "sign-in"},
        {"language": "en", "place": "/evil.example"},
        {"language": "en", "place": "//evil.example"},
        {"language": "en", "place": "https://evil.example"},
        {"language": "en", "place": "sign-in\r\nX: y"},
        {"language": "en", "place": "oauth/logout"},
    ],
)
async def test_it_leads_nowhere_else(auth: Running, asked: dict[str, str]) -> None:
    answer = await auth.public.get("/language", params=asked)
    assert answer.status_code == 404
    assert not {"location", "set-cookie"} & set(answer.headers)


@pytest.mark.parametrize("kept", ["de", "", "f" * 500, "en\u00e9", '"><script>'])
async def test_a_cookie_that_is_no_language_changes_nothing(auth: Running, kept: str) -> None:
    headers = {b"cookie": f"{LANGUAGE}={kept}".encode("latin-1"), b"accept-language": b"en"}
    answer = await auth.public.get("/lost", headers=headers)
    assert answer.headers["content-language"] in LANGUAGES
    assert answer.headers["content-language"] == "en"
    assert "<script" not in answer.text
