"""A browser sends no cookie of ours with another site's form, and sends them when it is led on by GET."""

import httpx
import pytest

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.parties import CLIC_REVENU, Browser, answer_of, read_page
from tests.integration.auth.test_sign_out import AFTER, reasons, signed_in
from tests.kit import Running

FORM = {"content-type": "application/x-www-form-urlencoded"}
FILLS = "x" * 9_000


async def post(service: Running, path: str, query: str) -> httpx.Response:
    """The other site's form, without a cookie."""
    return await service.public.post(path, content=query, headers=FORM)


async def follow(browser: Browser, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    assert "set-cookie" not in answer.headers
    return await browser.get(answer.headers["location"])


def form(**asked: str) -> str:
    return str(httpx.QueryParams(asked))


async def test_a_session_answers_a_request_that_another_site_posts(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    asked = parties.client(auth, platform, CLIC_REVENU).authorize(
        prompt="none", resource="urn:clicsequr:auth", state="é &="
    )
    answer = answer_of(await follow(browser, await post(auth, "/oauth/authorize", asked.partition("?")[2])))
    assert "code" in answer
    assert answer["state"] == "é &="


async def test_a_posted_request_that_is_too_long_for_an_address_is_met_as_it_came(
    auth: Running, platform: Platform
) -> None:
    asked = parties.client(auth, platform).authorize(login_hint=FILLS)
    answer = await post(auth, "/oauth/authorize", asked.partition("?")[2])
    assert answer.headers["location"] == "/sign-in"
    assert "clicsequr-request=" in answer.headers["set-cookie"]


async def test_a_pushed_request_that_is_posted_is_taken_once(auth: Running, platform: Platform) -> None:
    portal = parties.client(auth, platform)
    asked = dict(httpx.QueryParams(portal.authorize().partition("?")[2]))
    pushed = await auth.public.post(
        "/oauth/par",
        data={**asked, "client_assertion_type": parties.ASSERTION_TYPE, "client_assertion": portal.assertion()},
    )
    named = form(client_id="portal", request_uri=pushed.json()["request_uri"])
    browser, _ = await signed_in(auth, platform)
    assert "code" in answer_of(await follow(browser, await post(auth, "/oauth/authorize", named)))
    again = await follow(browser, await post(auth, "/oauth/authorize", named))
    assert again.status_code == 400


async def test_a_session_is_ended_by_a_logout_that_another_site_posts(auth: Running, platform: Platform) -> None:
    browser, id_token = await signed_in(auth, platform)
    asked = form(id_token_hint=id_token, post_logout_redirect_uri=AFTER, state="s")
    answer = await post(auth, "/oauth/logout", asked)
    assert await reasons(auth) == []
    assert (await follow(browser, answer)).headers["location"] == f"{AFTER}?state=s"
    assert await reasons(auth) == ["signed-out"]


async def test_a_posted_logout_without_an_id_token_asks_the_person_first(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await signed_in(auth, platform)
    asked = form(client_id="portal", post_logout_redirect_uri=AFTER)
    page = await follow(browser, await post(auth, "/oauth/logout", asked))
    assert "Sign out?" in page.text
    assert (await browser.submit({}, page=page)).headers["location"] == AFTER
    assert await reasons(auth) == ["signed-out"]


async def test_a_posted_logout_that_is_too_long_for_an_address_asks_the_person_first(
    auth: Running, platform: Platform
) -> None:
    browser, id_token = await signed_in(auth, platform)
    page = await follow(browser, await post(auth, "/oauth/logout", form(id_token_hint=id_token, state=FILLS)))
    assert "Sign out?" in page.text
    assert await reasons(auth) == []


@pytest.mark.parametrize("token", ["", "x"])
async def test_a_posted_logout_never_says_of_a_session_that_it_has_ended_while_it_lives(
    auth: Running, platform: Platform, token: str
) -> None:
    await signed_in(auth, platform)
    answer = await post(auth, "/oauth/logout", form(form_token=token))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/oauth/logout"
    shown = await auth.public.get(answer.headers["location"], headers={"accept-language": "en"})
    assert "Nobody is signed in" in shown.text
    assert "has ended" not in shown.text
    assert "set-cookie" not in shown.headers


async def test_whoever_presses_sign_out_twice_is_told_so_both_times(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    page = await browser.get("/oauth/logout")
    typed = read_page(page).fields
    assert "has ended" in (await browser.submit({}, page=page)).text
    again = await browser._follow(await browser.http.post("/oauth/logout", data=typed))  # noqa: SLF001
    assert "Nobody is signed in" in again.text
