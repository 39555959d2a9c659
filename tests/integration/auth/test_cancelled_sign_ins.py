"""At every step a person may go back to the client without signing in."""

import asyncio
import re

import httpx
import pytest

from deploy.local.environment import Platform
from services.auth.session.rules import ACR_TWO_FACTOR
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, give_password, signed_in
from tests.integration.auth.parties import CLIC_REVENU, Browser, answer_of, new_browser
from tests.integration.auth.test_new_conditions import post as post_conditions
from tests.kit import Running

TOKEN = re.compile(r'action="/cancel">\s*<input type="hidden" name="form_token" value="([^"]+)"')
ACR = {"claims": f'{{"id_token":{{"acr":{{"essential":true,"values":["{ACR_TWO_FACTOR}"]}}}}}}'}


def token_of(page: httpx.Response) -> str:
    found = TOKEN.search(page.text)
    assert found, page.text
    return found[1]


async def cancel(browser: Browser) -> httpx.Response:
    return await browser.http.post("/cancel", data={"form_token": token_of(browser.page)})


async def recorded(service: Running) -> list[tuple[str, str]]:
    rows = await service.database.fetch(
        "SELECT actor, reason FROM access_records WHERE action = 'POST /cancel' ORDER BY at, id"
    )
    return [(row["actor"], row["reason"]) for row in rows]


async def test_who_does_not_want_to_sign_in_goes_back_and_the_client_is_told(
    auth: Running, platform: Platform
) -> None:
    browser = new_browser(auth)
    page = await browser.get(parties.client(auth, platform, CLIC_REVENU).authorize(ui_locales="fr"))
    assert "Annuler et retourner au service «\u00a0Clic Revenu\u00a0»" in page.text
    cookies = dict(browser.http.cookies)
    told = answer_of(await cancel(browser))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "the-state", auth.settings.issuer)
    assert "code" not in told
    assert await recorded(auth) == [("anonymous", "sign-in-cancelled")]
    assert (await browser.get("/sign-in")).status_code == 400
    # Also for who kept the cookies of then.
    browser.http.cookies.update(cookies)
    browser.last = page
    assert (await cancel(browser)).status_code == 400


async def test_who_cancels_at_the_second_factor_leaves_nothing_half_open(
    auth: Running, platform: Platform
) -> None:
    first, person = await signed_in(auth, platform)
    await bind_totp(first)
    browser = await give_password(auth, platform, person)
    assert browser.page.url.path == "/one-time-code"
    assert answer_of(await cancel(browser))["error"] == "access_denied"
    assert await auth.database.fetch("SELECT 1 FROM sessions WHERE stage <> 'complete' AND ended_at IS NULL") == []
    assert await recorded(auth) == [(f"user_code:{person.user_code_id}", "sign-in-cancelled")]
    await browser.get(parties.client(auth, platform).authorize())
    assert (await browser.get("/one-time-code")).status_code == 400


async def test_who_binds_no_second_factor_goes_back_and_stays_signed_in(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    portal = parties.client(auth, platform)
    page = await browser.get("/second-factors")
    assert 'action="/cancel"' not in page.text, "nobody waits"
    page = await browser.get(portal.authorize(**ACR))
    assert page.url.path == "/second-factors"
    assert "http://127.0.0.1:18090" in page.headers["content-security-policy"], "the form's answer leads there"
    assert answer_of(await cancel(browser))["error"] == "access_denied"
    assert "code" in answer_of(await browser.get(portal.authorize()))


async def test_who_chooses_no_password_or_takes_no_new_conditions_goes_back(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    browser, portal = new_browser(auth), parties.client(auth, platform)
    assert (await parties.sign_in(browser, portal, person)).url.path == "/change-password"
    assert answer_of(await cancel(browser))["error"] == "access_denied"
    await parties.first_sign_in(new_browser(auth), portal, person)
    await post_conditions(auth, "2026-04-E1")
    assert (await parties.sign_in(browser, portal, person)).url.path == "/conditions"
    assert answer_of(await cancel(browser))["error"] == "access_denied"
    assert await auth.database.fetch("SELECT 1 FROM duties_shown WHERE conditions LIKE '2026%'") == []


@pytest.mark.parametrize("token", ["", "x"])
async def test_another_site_cannot_cancel(auth: Running, platform: Platform, token: str) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    assert (await browser.http.post("/cancel", data={"form_token": token})).status_code == 400
    assert (await browser.get("/sign-in")).status_code == 200
    assert (await auth.public.post("/cancel", data={"form_token": "x"})).status_code == 400


async def test_a_request_is_cancelled_once(auth: Running, platform: Platform) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    answers = await asyncio.gather(*(cancel(browser) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [303, 400, 400]
