import httpx
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from services.auth.app import SERVICE, sweep_expired, sweep_sessions
from services.auth.session import commands
from tests.integration.auth import parties
from tests.integration.auth.parties import Browser, answer_of, new_browser, read_page
from tests.kit import Running, running

AFTER = "http://127.0.0.1:18090/signed-out"


async def signed_in(service: Running, platform: Platform) -> tuple[Browser, str]:
    """A browser with a session, and the id token of it."""
    person = await parties.new_person_in_charge(service)
    portal = parties.client(service, platform)
    browser = new_browser(service)
    answer = answer_of(await parties.first_sign_in(browser, portal, person))
    return browser, (await portal.redeem(answer["code"])).json()["id_token"]


def address(**asked: str) -> str:
    return f"/oauth/logout?{httpx.QueryParams(asked)}"


async def reasons(service: Running) -> list[str]:
    return [data["reason"] for name, data in await service.events() if name == "session-ended"]


async def test_an_id_token_of_the_session_ends_it_and_leads_back(auth: Running, platform: Platform) -> None:
    browser, id_token = await signed_in(auth, platform)
    answer = await browser.get(address(id_token_hint=id_token, post_logout_redirect_uri=AFTER, state="s"))
    assert answer.headers["location"] == f"{AFTER}?state=s"
    assert await reasons(auth) == ["signed-out"]
    assert (await browser.get(parties.client(auth, platform).authorize())).url.path == "/sign-in"
    row = await auth.database.fetchrow("SELECT action, outcome FROM access_records ORDER BY at DESC LIMIT 1")
    assert row is not None
    assert tuple(row.values()) == ("GET /oauth/logout", "admitted")


async def test_without_an_id_token_the_person_is_asked_first(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    page = await browser.get(address(client_id="portal", post_logout_redirect_uri=AFTER))
    assert "Sign out?" in page.text
    assert await reasons(auth) == []
    forged = await browser.http.post("/oauth/logout", data={"form_token": "x"})
    assert "Sign out?" in forged.text
    answer = await browser.submit({}, page=page)
    assert answer.headers["location"] == AFTER
    assert await reasons(auth) == ["signed-out"]


async def test_the_id_token_of_another_session_ends_nothing_unasked(auth: Running, platform: Platform) -> None:
    _, other = await signed_in(auth, platform)
    browser, _ = await signed_in(auth, platform)
    page = await browser.get(address(id_token_hint=other))
    assert "Sign out?" in page.text
    assert await reasons(auth) == []


async def test_an_address_that_is_not_registered_is_never_followed(auth: Running, platform: Platform) -> None:
    browser, id_token = await signed_in(auth, platform)
    asked = address(id_token_hint=id_token, post_logout_redirect_uri="https://evil.example/")
    page = await browser.get(asked)
    assert page.status_code == 200
    assert "You are signed out" in page.text
    assert await reasons(auth) == ["signed-out"]
    again = await browser.get(asked)
    assert "You are signed out" in again.text
    assert not read_page(again).action


async def test_sessions_that_nobody_used_are_ended_by_the_sweep(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    await auth.database.execute("UPDATE sessions SET last_seen_at = now() - interval '31 min'")
    assert (await browser.get(parties.client(auth, platform).authorize())).url.path == "/sign-in"
    await sweep_sessions(auth.resources)
    await sweep_expired(auth.resources)
    assert await reasons(auth) == ["expired"]


async def test_however_many_sessions_have_expired_one_sweep_ends_them(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "EXPIRED_AT_ONCE", 2)
    for _ in range(5):
        await signed_in(auth, platform)
    await auth.database.execute("UPDATE sessions SET last_seen_at = now() - interval '31 min'")
    await sweep_sessions(auth.resources)
    assert await auth.database.fetch("SELECT 1 FROM sessions WHERE ended_at IS NULL") == []


async def test_cookies_are_bound_to_the_host_and_secure_when_the_issuer_is(platform: Platform) -> None:
    keys.create(platform.keys)
    issuer = "https://auth.example"
    async with running(SERVICE, platform, keys_dir=platform.keys, issuer=issuer) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        asked = parties.client(service, platform).authorize()
        answer = await service.public.get(asked)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-clicsequr-request=")
        for attribute in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
            assert attribute in cookie
        assert "Domain" not in cookie


async def test_a_client_that_the_id_token_was_not_given_to_leads_nowhere(
    auth: Running, platform: Platform
) -> None:
    browser, id_token = await signed_in(auth, platform)
    for hint, named in ((id_token, "clic-revenu"), (f"{id_token}x", "portal"), ("x", "portal")):
        await browser.get(address(id_token_hint=hint, client_id=named, post_logout_redirect_uri=AFTER))
        assert "Sign out?" in browser.page.text
        assert await reasons(auth) == []
    assert "You are signed out" in (await browser.submit({})).text
    assert await reasons(auth) == ["signed-out"]


async def test_a_client_that_names_itself_as_the_id_token_does_is_led_back_to(
    auth: Running, platform: Platform
) -> None:
    browser, id_token = await signed_in(auth, platform)
    asked = address(id_token_hint=id_token, client_id="portal", post_logout_redirect_uri=AFTER)
    assert (await browser.get(asked)).headers["location"] == AFTER


async def test_the_client_says_in_which_language_the_person_is_asked(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    page = await browser.get(address(ui_locales="de fr-CA en"))
    assert page.headers["content-language"] == "fr"
    answer = await browser.submit({}, page=page)
    assert "session clicSÉQUR a pris fin" in answer.text
