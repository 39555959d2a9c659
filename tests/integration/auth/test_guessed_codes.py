"""Whoever has the password finds no second factor by trying, from however many networks."""

from datetime import timedelta

import httpx
import pyotp
from pydantic import SecretStr

from deploy.local.environment import Platform
from libs.common.ids import new_id
from services.auth.session import one_time_code, slowing
from services.auth.session.commands import find_session
from services.auth.session.rules import ACR_TWO_FACTOR
from services.auth.session.visit import Next
from tests.integration.auth import parties
from tests.integration.auth.factors import (
    bind_passkey,
    bind_totp,
    give_passkey,
    new_authenticator,
    next_code,
    passkey_options,
    signed_in,
)
from tests.integration.auth.parties import Browser, Person, new_browser, read_page
from tests.integration.auth.test_agents import secret_of
from tests.integration.auth.test_second_factors import asyncpg_owner, events_named
from tests.integration.auth.test_slowing import grow_old, second_replica
from tests.integration.auth.test_step_up import asking, parts, visit
from tests.kit import Running

NETWORKS = 40
FREE = slowing.OF_OWNER.free
WRONG = "000000"


async def with_totp(service: Running, platform: Platform) -> tuple[Person, pyotp.TOTP, list[str]]:
    browser, person = await signed_in(service, platform)
    totp, codes = await bind_totp(browser)
    return person, totp, codes


async def at_second_step(service: Running, platform: Platform, person: Person, *, network: int) -> Browser:
    browser = new_browser(service, address=f"198.51.100.{network}")
    await parties.sign_in(browser, parties.client(service, platform), person)
    assert browser.page.url.path == "/one-time-code", browser.page.text
    return browser


async def guess(service: Running, platform: Platform, person: Person, *, network: int) -> httpx.Response:
    browser = await at_second_step(service, platform, person, network=network)
    return await browser.submit({"one_time_code": WRONG})


async def guess_until_slowed(service: Running, platform: Platform, person: Person) -> list[httpx.Response]:
    return [await guess(service, platform, person, network=number) for number in range(FREE)]


async def tries_heard(service: Running) -> int:
    rows = await service.database.fetch("SELECT 1 FROM access_records WHERE reason = 'wrong-one-time-code'")
    return len(rows)


async def test_many_networks_together_are_heard_no_more_often_than_one_and_nobody_else_waits(
    auth: Running, platform: Platform
) -> None:
    person, _, _ = await with_totp(auth, platform)
    other, others, _ = await with_totp(auth, platform)
    answers = [await guess(auth, platform, person, network=number) for number in range(NETWORKS)]
    # Each further one doubles the wait, so a slow run hears a few.
    assert FREE <= await tries_heard(auth) <= FREE + 5
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    elsewhere = await at_second_step(auth, platform, other, network=NETWORKS)
    assert (await elsewhere.submit({"one_time_code": next_code(others)})).status_code == 303


async def test_even_the_right_code_waits_once_codes_are_slowed(auth: Running, platform: Platform) -> None:
    person, totp, _ = await with_totp(auth, platform)
    await guess_until_slowed(auth, platform, person)
    await grow_old(auth, -timedelta(minutes=1))
    browser = await at_second_step(auth, platform, person, network=100)
    assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 429
    await grow_old(auth, timedelta(minutes=2))
    assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 303


async def test_every_replica_counts_alike(auth: Running, platform: Platform) -> None:
    person, totp, _ = await with_totp(auth, platform)
    await guess_until_slowed(auth, platform, person)
    await grow_old(auth, -timedelta(minutes=1))
    async with second_replica(auth, platform) as other:
        browser = await at_second_step(other, platform, person, network=100)
        assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 429


async def test_a_success_gives_the_owner_every_try_back(auth: Running, platform: Platform) -> None:
    person, totp, _ = await with_totp(auth, platform)
    for number in range(FREE - 1):
        assert (await guess(auth, platform, person, network=number)).status_code == 401
    browser = await at_second_step(auth, platform, person, network=100)
    assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 303
    assert (await guess(auth, platform, person, network=101)).status_code == 401
    assert await events_named(auth, "second-factor-guessed") == []


async def test_when_slowing_begins_the_sign_in_ends_and_the_owner_is_told_once(
    auth: Running, platform: Platform
) -> None:
    person, _, _ = await with_totp(auth, platform)
    answers = await guess_until_slowed(auth, platform, person)
    assert [answer.status_code for answer in answers] == [401] * (FREE - 1) + [429]
    assert "This sign-in was ended" in answers[-1].text
    assert "one_time_code" not in read_page(answers[-1]).inputs
    assert int(answers[-1].headers["retry-after"]) > 0
    for number in range(3):
        await grow_old(auth, timedelta(minutes=16))
        last = await at_second_step(auth, platform, person, network=50 + number)
        page = last.page
        assert (await last.submit({"one_time_code": WRONG})).status_code == 429
        assert (await last.submit({"one_time_code": WRONG}, page=page)).status_code == 400, "nothing is left of it"
    [(_, told)] = await events_named(auth, "second-factor-guessed")
    assert told == {
        "applicant_id": str(person.applicant_id),
        "user_code_id": str(person.user_code_id),
        "agent_id": None,
    }
    rows = await auth.database.fetch("SELECT 1 FROM sessions WHERE end_reason = 'ended-by-other'")
    assert len(rows) == 4


async def test_a_passkey_and_a_recovery_code_are_not_found_by_trying_and_do_not_wait(
    auth: Running, platform: Platform
) -> None:
    first, person = await signed_in(auth, platform)
    _, codes = await bind_totp(first)
    device = new_authenticator(auth)
    await bind_passkey(first, device)
    await guess_until_slowed(auth, platform, person)
    spent = parts(auth).passwords.digest(f"name second factor {person.user_code_id}")
    await auth.database.execute("UPDATE sign_in_attempts SET failures = 1000 WHERE subject = $1", spent)
    await grow_old(auth, -timedelta(minutes=1))
    by_passkey = await at_second_step(auth, platform, person, network=100)
    options = await passkey_options(by_passkey, "/one-time-code")
    assert (await give_passkey(by_passkey, "/one-time-code", device.get(options))).status_code == 303
    by_recovery = await at_second_step(auth, platform, person, network=101)
    assert (await by_recovery.submit({"one_time_code": codes[0]})).status_code == 303
    typed = await at_second_step(auth, platform, person, network=102)
    assert (await typed.submit({"one_time_code": WRONG})).status_code == 429, "neither ends the wait of the others"


async def test_wrong_recovery_codes_spend_nothing_of_the_other_codes(auth: Running, platform: Platform) -> None:
    person, totp, _ = await with_totp(auth, platform)
    for number in range(FREE + 2):
        browser = await at_second_step(auth, platform, person, network=number)
        assert (await browser.submit({"one_time_code": "AAAA-AAAA-AAAA-AAAA"})).status_code == 401
    browser = await at_second_step(auth, platform, person, network=100)
    assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 303


async def test_another_password_ends_the_wait_for_whoever_knew_the_former_one(
    auth: Running, platform: Platform
) -> None:
    person, totp, _ = await with_totp(auth, platform)
    await guess_until_slowed(auth, platform, person)
    await grow_old(auth, -timedelta(minutes=1))
    run = await asyncpg_owner(auth)
    await run("UPDATE user_codes SET password_set_at = password_set_at + interval '1 us'")
    browser = await at_second_step(auth, platform, person, network=100)
    assert (await browser.submit({"one_time_code": next_code(totp)})).status_code == 303


async def test_a_complete_session_that_steps_up_waits_and_stays(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    await guess_until_slowed(auth, platform, person)
    await grow_old(auth, -timedelta(minutes=1))
    await asking(auth, platform, browser)
    seen = await visit(auth, browser, acr=ACR_TWO_FACTOR)
    assert seen.session is not None
    outcome = await one_time_code.give_one_time_code(parts(auth), seen, seen.session, typed=SecretStr(WRONG))
    assert outcome.next is Next.WAIT
    await grow_old(auth, timedelta(minutes=2))
    outcome = await one_time_code.give_one_time_code(parts(auth), seen, seen.session, typed=SecretStr(WRONG))
    assert outcome.next is Next.REFUSED
    assert await find_session(auth.database, browser.http.cookies["clicsequr-session"], parts(auth).settings)


async def test_the_codes_of_an_agent_are_guessed_no_faster(auth: Running, platform: Platform) -> None:
    agent = Person(new_id(), new_id(), "validator", secret_of(platform, "validator", "password"))
    answers = [await guess(auth, platform, agent, network=number) for number in range(NETWORKS)]
    assert FREE <= await tries_heard(auth) <= FREE + 5
    assert answers[-1].status_code == 429
    [(_, told)] = await events_named(auth, "second-factor-guessed")
    assert told["agent_id"]
    assert told["applicant_id"] is None
