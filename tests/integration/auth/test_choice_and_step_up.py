"""A request that asks for a second factor and for a choice of the applicant gets both."""

from typing import Any

import httpx
import pytest

from deploy.local.environment import Platform
from services.auth.session.rules import ACR_TWO_FACTOR
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, next_code, post
from tests.integration.auth.parties import answer_of, claims_of, new_browser
from tests.integration.auth.test_cancelled_sign_ins import ACR
from tests.integration.auth.test_representation import Delegation, auth, delegation, power_of, signed_in_for
from tests.kit import Running

__all__ = ["auth", "delegation"]
SWITCH = {"prompt": "select_account", **ACR}


async def redeemed(service: Running, relying: parties.Client, answer: httpx.Response) -> dict[str, Any]:
    granted = await relying.redeem(answer_of(answer)["code"])
    assert granted.status_code == 200, granted.text
    return await claims_of(service, granted.json()["access_token"])


async def bound_elsewhere(service: Running, platform: Platform, person: parties.Person) -> Any:
    """The person binds an application in another browser; this one's session proves a password."""
    other = new_browser(service)
    await parties.sign_in(other, parties.client(service, platform), person)
    await other.submit({"applicant": "own"})
    return (await bind_totp(other))[0]


@pytest.mark.parametrize("first", ["own", "power"])
async def test_after_the_factor_the_person_chooses_for_whom_to_act(
    auth: Running, platform: Platform, delegation: Delegation, first: str
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    chosen = {"own": "own", "power": power_of(delegation, person)}
    browser, before = await signed_in_for(auth, platform, person, chosen[first])
    totp = await bound_elsewhere(auth, platform, person)
    portal = parties.client(auth, platform)
    assert (await browser.get(portal.authorize(**SWITCH))).url.path == "/one-time-code"
    page = await browser.submit({"one_time_code": next_code(totp)})
    assert page.url.path == "/applicant", page.text
    other = "power" if first == "own" else "own"
    claims = await redeemed(auth, portal, await browser.submit({"applicant": chosen[other]}))
    assert claims["acr"] == ACR_TWO_FACTOR
    assert claims["applicant"] == str(granting if other == "power" else person.applicant_id)
    assert claims["sid"] != before["sid"]
    assert "code" in answer_of(await browser.get(portal.authorize(**ACR))), "what was chosen is not asked again"


async def test_after_binding_a_factor_the_person_chooses_for_whom_to_act(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, "own")
    portal = parties.client(auth, platform)
    assert (await browser.get(portal.authorize(**SWITCH))).url.path == "/second-factors"
    await bind_totp(browser)
    assert (await post(browser, "/continue")).url.path == "/applicant"
    claims = await redeemed(auth, portal, await browser.submit({"applicant": power_of(delegation, person)}))
    assert (claims["acr"], claims["applicant"]) == (ACR_TWO_FACTOR, str(granting))


async def test_whose_power_is_over_chooses_anew_after_the_factor(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, power_of(delegation, person))
    totp = await bound_elsewhere(auth, platform, person)
    delegation.granted.clear()
    portal = parties.client(auth, platform)
    assert (await browser.get(portal.authorize(**ACR))).url.path == "/one-time-code"
    page = await browser.submit({"one_time_code": next_code(totp)})
    assert page.url.path == "/applicant", page.text
    claims = await redeemed(auth, portal, await browser.submit({"applicant": "own"}))
    assert (claims["acr"], claims["applicant"]) == (ACR_TWO_FACTOR, str(person.applicant_id))


async def test_whose_power_is_in_force_is_asked_for_the_factor_alone(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, power_of(delegation, person))
    totp = await bound_elsewhere(auth, platform, person)
    portal = parties.client(auth, platform)
    assert (await browser.get(portal.authorize(**ACR))).url.path == "/one-time-code"
    claims = await redeemed(auth, portal, await browser.submit({"one_time_code": next_code(totp)}))
    assert (claims["acr"], claims["applicant"]) == (ACR_TWO_FACTOR, str(granting))


async def test_a_choice_that_waits_is_not_passed_by(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, "own")
    portal = parties.client(auth, platform)
    assert (await browser.get(portal.authorize(**SWITCH))).url.path == "/second-factors"
    await bind_totp(browser)
    assert (await post(browser, "/continue")).url.path == "/applicant"
    assert (await post(browser, "/continue")).url.path == "/applicant", "once more"
