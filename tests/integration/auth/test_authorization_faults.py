"""People in front of a browser are answered by a page or sent back to the client, whatever fails."""

import httpx
import pytest

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.faults import fault
from tests.integration.auth.granting import granted
from tests.integration.auth.parties import answer_of, new_browser
from tests.integration.auth.test_authorization import signed_in
from tests.kit import Running


def is_unavailable_page(answer: httpx.Response) -> bool:
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    return "location" not in answer.headers and "not possible at this moment" in answer.text


@pytest.mark.parametrize("address", [None, "https://elsewhere.example/callback"])
async def test_while_no_client_can_be_read_a_page_is_shown(
    auth: Running, platform: Platform, address: str | None
) -> None:
    asked = parties.client(auth, platform).authorize(redirect_uri=address or parties.PORTAL[1])
    async with fault(auth, "clients cannot be read"):
        assert is_unavailable_page(await new_browser(auth).get(asked))


async def test_what_fails_later_is_told_to_the_client_at_its_registered_address(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    elsewhere = given.client.authorize(redirect_uri="https://elsewhere.example/callback")
    for asked in (given.client.authorize(), given.client.authorize(prompt="none")):
        async with fault(auth, "the call cannot be recorded"):
            answer = await given.browser.get(asked)
            assert (await given.browser.get(elsewhere)).status_code == 400
        assert answer.headers["location"].startswith(f"{given.client.redirect_uri}?")
        told = answer_of(answer)
        assert (told["error"], told["state"]) == ("temporarily_unavailable", "the-state")
        assert told["iss"] == auth.settings.issuer
    assert "code" in answer_of(await given.browser.get(given.client.authorize()))


@pytest.mark.parametrize("is_silent", [False, True])
async def test_a_session_that_ends_while_it_answers_is_as_none(
    auth: Running, platform: Platform, *, is_silent: bool
) -> None:
    _, browser, portal, _ = await signed_in(auth, platform)
    async with fault(auth, "the session ends once the call is recorded"):
        answer = await browser.get(portal.authorize(prompt="none" if is_silent else None))
    if is_silent:
        assert answer_of(answer)["error"] == "login_required"
    else:
        assert answer.url.path == "/sign-in"


async def test_a_parameter_given_twice_is_told_to_the_client_where_its_address_is_sure(
    auth: Running, platform: Platform
) -> None:
    asked = parties.client(auth, platform).authorize()
    address, _, query = f"{asked}&scope=openid".partition("?")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    posted = await auth.public.post(address, content=query, headers=form)
    for answer in (await new_browser(auth).get(f"{address}?{query}"), posted):
        told = answer_of(answer)
        assert (told["error"], told["state"], told["iss"]) == (
            "invalid_request",
            "the-state",
            auth.settings.issuer,
        )
    assert "state" not in answer_of(await new_browser(auth).get(f"{asked}&state=another"))
    elsewhere = parties.client(auth, platform).authorize(redirect_uri="https://elsewhere.example/callback")
    for unsure in (
        f"{asked}&client_id=portal",
        f"{asked}&redirect_uri={parties.PORTAL[1]}",
        f"{elsewhere}&scope=openid",
        f"{asked}&scope=openid&x=%00",
    ):
        page = await new_browser(auth).get(unsure)
        assert page.status_code == 400
        assert "cannot be followed" in page.text
