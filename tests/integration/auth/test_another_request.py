"""A sign-in that was begun for one client is finished only for a request that its session may answer."""

import pyotp

from deploy.local.environment import Platform
from libs.common.contracts.registry import AccessSuspended
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, next_code, post, signed_in
from tests.integration.auth.parties import CLIC_REVENU, Browser, Person, answer_of, new_browser
from tests.integration.auth.test_agents import give_password, secret_of
from tests.kit import Running

RECOURSE = "openid recourse"


async def barred(service: Running, platform: Platform) -> tuple[Person, pyotp.TOTP]:
    """Somebody with a second factor, whose registration was suspended."""
    browser, person = await signed_in(service, platform)
    totp, _ = await bind_totp(browser)
    await parties.tell(service, AccessSuspended(applicant_id=person.applicant_id))
    return person, totp


async def begin_recourse(service: Running, platform: Platform) -> tuple[Browser, Person, pyotp.TOTP]:
    """The password is typed in the portal, the second factor is not."""
    person, totp = await barred(service, platform)
    browser = new_browser(service)
    page = await parties.sign_in(browser, parties.client(service, platform), person, scope=RECOURSE)
    assert page.url.path == "/one-time-code", page.text
    return browser, person, totp


async def codes(service: Running, client_id: str) -> int:
    return len(await service.database.fetch("SELECT 1 FROM authorization_codes WHERE client_id = $1", client_id))


async def refusals(service: Running) -> list[str]:
    rows = await service.database.fetch(
        "SELECT reason FROM access_records WHERE action = 'POST /one-time-code' AND reason IS NOT NULL"
    )
    return [row["reason"] for row in rows]


async def test_recourse_begun_in_the_portal_is_not_finished_for_a_department(
    auth: Running, platform: Platform
) -> None:
    browser, person, totp = await begin_recourse(auth, platform)
    department = parties.client(auth, platform, CLIC_REVENU)
    await browser.get(department.authorize())
    await browser.get("/one-time-code")
    page = await browser.submit({"one_time_code": next_code(totp)})
    assert page.url.path == "/sign-in", page.text
    assert await codes(auth, "clic-revenu") == 0
    assert await refusals(auth) == ["session-of-another-request"]
    told = await browser.submit({"user_code": person.user_code, "password": person.password})
    assert told.status_code == 403, "the new request is answered as any other: by the registration's state"


async def test_recourse_is_not_finished_for_a_request_of_the_portal_that_did_not_ask_for_it(
    auth: Running, platform: Platform
) -> None:
    browser, _, totp = await begin_recourse(auth, platform)
    portal = parties.client(auth, platform)
    await browser.get(portal.authorize())
    await browser.get("/one-time-code")
    assert (await browser.submit({"one_time_code": next_code(totp)})).url.path == "/sign-in"
    assert await codes(auth, "portal") == 1, "the one of when the factor was bound"
    await browser.get(portal.authorize(scope=RECOURSE))
    await browser.get("/one-time-code")
    granted = await portal.redeem(answer_of(await browser.submit({"one_time_code": next_code(totp)}))["code"])
    assert granted.json()["scope"] == "recourse", "what was begun is finished where it was begun"


async def test_an_agent_between_password_and_second_factor_is_not_signed_in_for_another_client(
    auth: Running, platform: Platform
) -> None:
    browser = await give_password(auth, platform)
    await browser.get(parties.client(auth, platform, CLIC_REVENU).authorize())
    await browser.get("/one-time-code")
    typed = pyotp.TOTP(secret_of(platform, "validator", "totp")).now()
    assert (await browser.submit({"one_time_code": typed})).url.path == "/sign-in"
    assert await codes(auth, "clic-revenu") == 0
    await browser.get(parties.client(auth, platform).authorize())
    await browser.get("/one-time-code")
    assert "code" in answer_of(await browser.submit({"one_time_code": typed})), "in the portal they go on"


async def test_an_agent_who_is_signed_in_does_not_go_back_to_a_client_that_asks_for_a_factor(
    auth: Running, platform: Platform
) -> None:
    browser = await give_password(auth, platform)
    await browser.submit({"one_time_code": pyotp.TOTP(secret_of(platform, "validator", "totp")).now()})
    department = parties.client(auth, platform, CLIC_REVENU)
    assert (await browser.get(department.authorize())).url.path == "/sign-in"
    assert (await post(browser, "/continue")).status_code == 400
    assert await codes(auth, "clic-revenu") == 0
