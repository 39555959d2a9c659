"""A request that asks for more than the session proves. The visit is given to the steps as the pages would."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.local.environment import Platform
from libs.common.access_records import Circumstances
from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from services.auth.authorization.commands import find_request_and_client
from services.auth.parts import Parts
from services.auth.session.commands import find_session, strengthen_session
from services.auth.session.forms import NotToBeAnswered
from services.auth.session.one_time_code import give_one_time_code
from services.auth.session.rules import ACR_TWO_FACTOR, SessionOver, Stage
from services.auth.session.sign_in import sign_in
from services.auth.session.step_up import note_step_up, require_factor_due
from services.auth.session.visit import Next, Visit
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, claims_after, next_code, session_token, signed_in
from tests.integration.auth.parties import Browser, new_browser
from tests.integration.auth.test_user_code_holds import hold, open_sessions, until_waiting
from tests.kit import Running


def parts(service: Running) -> Parts:
    found: Parts = service.apps[0].state.parts
    return found


async def visit(service: Running, browser: Browser, *, acr: str | None = ACR_TWO_FACTOR) -> Visit:
    """What a page is given in this browser, if its request had asked for this level."""
    secret = browser.http.cookies["clicsequr-request"]
    found = await find_request_and_client(service.database, secret, at=now())
    assert found is not None
    request, client = found
    session = await find_session(
        service.database, browser.http.cookies.get("clicsequr-session"), parts(service).settings
    )
    circumstances = Circumstances(new_id(), now(), "POST /one-time-code", address="127.0.0.1")
    return Visit(circumstances, replace(request, required_acr=acr), secret, client, session)


async def asking(service: Running, platform: Platform, browser: Browser) -> None:
    """A request that its own session does not answer waits in this browser."""
    await browser.get(parties.client(service, platform).authorize(prompt="login"))


async def test_after_the_password_the_request_waits_for_a_factor_and_is_answered_by_it(
    auth: Running, platform: Platform
) -> None:
    first, person = await signed_in(auth, platform)
    totp, _ = await bind_totp(first)
    browser = new_browser(auth)
    await asking(auth, platform, browser)
    outcome = await sign_in(
        parts(auth),
        await visit(auth, browser),
        typed_name=person.user_code,
        password=SecretStr(person.password),
    )
    assert (outcome.next, outcome.stage) == (Next.STEP, Stage.ONE_TIME_CODE)
    browser.http.cookies.set("clicsequr-session", outcome.session_secret or "", domain="127.0.0.1")
    at = await visit(auth, browser)
    assert at.session is not None
    outcome = await give_one_time_code(parts(auth), at, at.session, typed=SecretStr(next_code(totp)))
    assert outcome.next is Next.BACK
    assert (outcome.location or "").startswith(parties.PORTAL[1])


async def test_a_person_without_a_factor_is_led_to_binding_one_and_then_back(
    auth: Running, platform: Platform
) -> None:
    _, person = await signed_in(auth, platform)
    browser = new_browser(auth)
    await asking(auth, platform, browser)
    outcome = await sign_in(
        parts(auth),
        await visit(auth, browser),
        typed_name=person.user_code,
        password=SecretStr(person.password),
    )
    assert (outcome.next, outcome.stage) == (Next.STEP, Stage.SECOND_FACTORS)
    browser.http.cookies.set("clicsequr-session", outcome.session_secret or "", domain="127.0.0.1")
    await bind_totp(browser)
    codes, factors = browser.page, await browser.http.get("/second-factors")
    for page in (codes, factors):
        assert "Continue to" in page.text
        assert parties.may_lead_to(page, parties.PORTAL[1]), "else browsers stop at the client's door"
    answer = await browser.submit({}, page=codes)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(parties.PORTAL[1])
    assert not parties.may_lead_to(await browser.http.get("/second-factors"), parties.PORTAL[1])


async def test_the_session_that_steps_up_gets_a_new_id_and_secret_and_the_old_one_is_over(
    auth: Running, platform: Platform
) -> None:
    first, person = await signed_in(auth, platform)
    before = await claims_after(auth, platform, first)
    other = new_browser(auth)
    await parties.sign_in(other, parties.client(auth, platform), person)
    totp, _ = await bind_totp(other)
    await asking(auth, platform, first)
    at = await visit(auth, first)
    assert at.session is not None
    async with auth.database.transaction() as tx:
        await note_step_up(tx, at.request_secret, at.session, at=now())
    session, _ = await require_factor_due(parts(auth), at)
    assert session.stage is Stage.COMPLETE
    outcome = await give_one_time_code(parts(auth), at, session, typed=SecretStr(next_code(totp)))
    assert outcome.next is Next.BACK
    assert outcome.session_secret not in {None, first.http.cookies["clicsequr-session"]}
    assert (await first.get("/second-factors")).status_code == 403, "the old secret opens nothing"
    first.http.cookies.set("clicsequr-session", outcome.session_secret or "", domain="127.0.0.1")
    after = await claims_after(auth, platform, first)
    assert after["acr"] == ACR_TWO_FACTOR
    assert after["sid"] != before["sid"]
    assert after["auth_time"] >= before["auth_time"]
    ended = [told["session_id"] for name, told in await auth.events() if name == "session-ended"]
    assert before["sid"] in ended


async def test_a_client_that_asks_for_the_level_that_a_service_told_it_gets_it(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    other = new_browser(auth)
    portal = parties.client(auth, platform)
    await parties.sign_in(other, portal, person)
    totp, _ = await bind_totp(other)
    asked = {"acr_values": ACR_TWO_FACTOR}
    assert (await browser.get(portal.authorize(**asked))).url.path == "/one-time-code"
    answer = await browser.submit({"one_time_code": next_code(totp)})
    tokens = (await portal.redeem(parties.answer_of(answer)["code"])).json()
    assert (await parties.claims_of(auth, tokens["access_token"]))["acr"] == ACR_TWO_FACTOR
    assert "code" in parties.answer_of(await browser.get(portal.authorize(**asked, prompt="none")))


async def test_a_factor_alone_answers_no_request_that_wanted_the_password_again(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await signed_in(auth, platform)
    await asking(auth, platform, browser)
    with pytest.raises(NotToBeAnswered):
        await require_factor_due(parts(auth), await visit(auth, browser))
    assert (await browser.get("/one-time-code")).status_code == 400
    await browser.get("/second-factors")
    token = session_token(browser)
    refused = await browser.http.post("/second-factors/continue", data={"form_token": token})
    assert refused.status_code == 400


async def test_nobody_goes_on_from_a_session_that_was_ended_meanwhile_and_that_is_recorded(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await signed_in(auth, platform)
    totp, _ = await bind_totp(browser)
    await asking(auth, platform, browser)
    at = await visit(auth, browser)
    assert at.session is not None
    await auth.database.execute("UPDATE sessions SET ended_at = now(), end_reason = 'ended-by-other'")
    with pytest.raises(SessionOver):
        await give_one_time_code(parts(auth), at, at.session, typed=SecretStr(next_code(totp)))
    assert await auth.database.fetch("SELECT 1 FROM sessions WHERE ended_at IS NULL") == []
    rows = await auth.database.fetch("SELECT action FROM access_records WHERE reason = 'session-over'")
    assert [row["action"] for row in rows] == ["POST /one-time-code"]


async def test_a_session_that_proves_enough_is_asked_for_nothing(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    _, codes = await bind_totp(browser)
    other = new_browser(auth)
    await parties.sign_in(other, parties.client(auth, platform), person)
    await other.submit({"one_time_code": codes[0]})
    await asking(auth, platform, other)
    with pytest.raises(NotToBeAnswered):
        await require_factor_due(parts(auth), await visit(auth, other))


async def test_a_session_that_steps_up_while_its_code_is_suspended_waits_for_it_and_is_over(
    auth: Running, platform: Platform
) -> None:
    """The code's row is held by a third connection, so that both wait for it in this order."""
    first, person = await signed_in(auth, platform)
    session = await find_session(auth.database, first.http.cookies["clicsequr-session"], parts(auth).settings)
    assert session is not None
    call = Call(actor=f"user_code:{person.user_code_id}", at=now(), correlation_id=new_id())

    async def step_up() -> None:
        async with auth.database.transaction() as tx:
            await strengthen_session(tx, call, session, amr=("pwd", "otp"))

    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT id FROM user_codes WHERE id = $1 FOR UPDATE", person.user_code_id)
        suspension = asyncio.create_task(hold(auth, person, auth.tokens.agent("security"), confirm_last=True))
        await until_waiting(gate, 1)
        step = asyncio.create_task(step_up())
        await until_waiting(gate, 2)
        await barrier.commit()
        with pytest.raises(SessionOver):
            await step
        assert (await suspension).status_code == 201
    finally:
        await gate.close()
    assert await open_sessions(auth, person) == 0
