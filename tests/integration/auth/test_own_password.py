"""A password as its person changes it, gives it up and chooses it again."""

import asyncio
from typing import Any

import httpx
import pyotp
import pytest

from deploy.local.environment import Platform
from services.auth.user_code.passwords import HashingBusy, Threads
from tests.integration.auth import parties
from tests.integration.auth.authenticator import Authenticator
from tests.integration.auth.factors import (
    bind_passkey,
    bind_totp,
    claims_after,
    give_passkey,
    give_password,
    new_authenticator,
    next_code,
    passkey_options,
    post,
    session_token,
    signed_in,
)
from tests.integration.auth.parties import PASSWORD, Browser, Person, answer_of, new_browser
from tests.integration.auth.test_recovery import reset
from tests.integration.auth.test_second_factors import events_named
from tests.integration.auth.test_user_code_holds import as_chief, new_user
from tests.kit import Running

OTHER = "sept corneilles lisent le journal"
SHORT = "k7 Rv9!q"


async def send(browser: Browser, path: str, **fields: str) -> httpx.Response:
    answer = await browser.http.post(path, data={"form_token": session_token(browser), **fields})
    browser.last = answer
    return answer


async def change(browser: Browser, *, present: str = "", to: str = OTHER, credential: str = "") -> httpx.Response:
    return await send(
        browser,
        "/password",
        present_password=present,
        new_password=to,
        repeated_password=to,
        credential=credential,
    )


async def assertion(browser: Browser, device: Authenticator) -> str:
    options = (await send(browser, "/password/passkey-options")).json()
    return device.get(options)


async def give_up(browser: Browser, device: Authenticator) -> httpx.Response:
    return await send(browser, "/password/give-up", credential=await assertion(browser, device))


async def without_password(service: Running, platform: Platform) -> tuple[Browser, Person, Authenticator]:
    browser, person = await signed_in(service, platform)
    device = new_authenticator(service)
    await bind_passkey(browser, device)
    answer = await give_up(browser, device)
    assert answer.status_code == 200, answer.text
    return browser, person, device


async def by_passkey(service: Running, platform: Platform, device: Authenticator) -> Browser:
    browser = new_browser(service)
    await browser.get(parties.client(service, platform).authorize())
    options = await passkey_options(browser, "/sign-in")
    await give_passkey(browser, "/sign-in", device.get(options))
    return browser


async def evidence_of(service: Running, command: str) -> list[Any]:
    rows = await service.database.fetch("SELECT content FROM evidence_records WHERE command = $1", command)
    return [row["content"] for row in rows]


async def refusals_of(service: Running, person: Person) -> list[str]:
    """What stands among a person's own records as refused of their page."""
    rows = await service.database.fetch(
        "SELECT reason FROM access_records WHERE actor = $1 AND outcome = 'refused' ORDER BY at",
        f"user_code:{person.user_code_id}",
    )
    return [row["reason"] for row in rows]


async def test_a_person_changes_the_password_at_any_time_and_is_out_everywhere_else(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    elsewhere = await give_password(auth, platform, person)
    before = browser.http.cookies["clicsequr-session"]
    answer = await change(browser, present=PASSWORD)
    assert answer.status_code == 200, answer.text
    assert "Your password was changed" in answer.text
    assert browser.http.cookies["clicsequr-session"] != before
    assert (await claims_after(auth, platform, browser))["user_code"] == str(person.user_code_id)
    portal = parties.client(auth, platform)
    assert answer_of(await elsewhere.get(portal.authorize(prompt="none")))["error"] == "login_required"
    assert (await parties.sign_in(new_browser(auth), portal, person)).status_code == 401
    person.password = OTHER
    assert "code" in answer_of(await parties.sign_in(browser, portal, person, prompt="login"))
    assert [told["was_first_use"] for _, told in await events_named(auth, "password-changed")] == [True, False]
    assert len(await evidence_of(auth, "change_password")) == 2


async def test_whoever_finds_an_open_browser_changes_no_password(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    answer = await change(browser, present="not the present password")
    assert (answer.status_code, "not right" in answer.text) == (400, True)
    assert OTHER not in answer.text
    assert [told["factor"] for _, told in await events_named(auth, "authentication-failed")] == ["password"]
    for _ in range(30):
        answer = await change(browser, present="not the present password")
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    refused = await refusals_of(auth, person)
    assert set(refused) == {"present-password-wrong", "too-many-second-factor-tries"}
    failed = await events_named(auth, "authentication-failed")
    assert refused.count("present-password-wrong") == len(failed)
    portal = parties.client(auth, platform)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


@pytest.mark.parametrize("new", ["short", PASSWORD])
async def test_a_new_password_obeys_the_rules_here_too(auth: Running, platform: Platform, new: str) -> None:
    browser, person = await signed_in(auth, platform)
    answer = await change(browser, present=PASSWORD, to=new)
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    portal = parties.client(auth, platform)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


async def test_a_code_without_password_is_opened_by_passkey_alone(auth: Running, platform: Platform) -> None:
    browser, person, device = await without_password(auth, platform)
    assert (await claims_after(auth, platform, browser))["acr"] == "urn:clicsequr:acr:passkey"
    portal = parties.client(auth, platform)
    unknown = Person(**{**vars(person), "user_code": "22222-22222"})
    answers = [await parties.sign_in(new_browser(auth), portal, one) for one in (person, unknown)]
    assert [answer.status_code for answer in answers] == [401, 401]
    other = await by_passkey(auth, platform, device)
    assert (await claims_after(auth, platform, other))["user_code"] == str(person.user_code_id)
    assert len(await events_named(auth, "password-given-up")) == 1
    assert await evidence_of(auth, "give_up_password") == [{"user_code_id": str(person.user_code_id)}]
    again = await give_up(other, device)
    assert again.status_code == 409


async def test_periodic_change_and_reactivation_ask_nothing_of_a_code_without_password(
    auth: Running, platform: Platform
) -> None:
    _, person, device = await without_password(auth, platform)
    await auth.database.execute("UPDATE user_codes SET password_set_at = now() - interval '3000 d'")
    await auth.database.execute("UPDATE registrations SET reactivated_at = now() - interval '1 s'")
    other = await by_passkey(auth, platform, device)
    assert (await claims_after(auth, platform, other))["user_code"] == str(person.user_code_id)


async def test_only_a_right_passkey_of_the_person_gives_the_password_up(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    device, stranger = new_authenticator(auth), new_authenticator(auth)
    await bind_passkey(browser, device)
    options = (await send(browser, "/password/passkey-options")).json()
    stranger.user_handle = device.user_handle
    assert (await send(browser, "/password/give-up", credential=stranger.get(options))).status_code == 409
    # The challenge is used up, so even the right one says too late what it was asked.
    assert (await send(browser, "/password/give-up", credential=device.get(options))).status_code == 409
    assert (await send(browser, "/password/give-up", credential="")).status_code == 409
    failed = [told["factor"] for _, told in await events_named(auth, "authentication-failed")]
    assert failed == ["passkey"] * 3
    assert await refusals_of(auth, person) == ["passkey-not-proved"] * 3
    assert (await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)).status_code == 200


async def test_somebody_without_a_passkey_keeps_the_password(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    await bind_totp(browser)
    page = await browser.get("/password")
    assert "give-up" not in page.text
    assert (await send(browser, "/password/give-up", credential="{}")).status_code == 409
    assert (await change(browser, present=PASSWORD)).status_code == 200


async def test_the_last_passkey_of_a_code_without_password_stays_and_two_removals_leave_one(
    auth: Running, platform: Platform
) -> None:
    browser, _, _ = await without_password(auth, platform)
    assert "only passkey" in (await remove(browser, await first_factor(auth))).text
    await bind_passkey(browser, new_authenticator(auth))
    rows = await auth.database.fetch("SELECT id FROM second_factors ORDER BY enrolled_at")
    answers = await asyncio.gather(*(raw_remove(browser, str(row["id"])) for row in rows))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert len(await auth.database.fetch("SELECT 1 FROM second_factors")) == 1


async def first_factor(service: Running) -> str:
    row = await service.database.fetchrow("SELECT id FROM second_factors")
    assert row is not None
    return str(row["id"])


async def remove(browser: Browser, factor_id: str) -> httpx.Response:
    return await post(browser, "/remove", second_factor_id=factor_id)


async def raw_remove(browser: Browser, factor_id: str) -> httpx.Response:
    data = {"form_token": session_token(browser), "second_factor_id": factor_id}
    return await browser.http.post("/second-factors/remove", data=data)


async def test_a_password_is_chosen_again_by_passkey_and_not_a_former_one(
    auth: Running, platform: Platform
) -> None:
    browser, person, device = await without_password(auth, platform)
    page = await browser.get("/password")
    assert "present_password" not in page.text
    assert (await change(browser)).status_code == 409
    former = await change(browser, to=PASSWORD, credential=await assertion(browser, device))
    assert (former.status_code, "differ from" in former.text) == (400, True)
    answer = await change(browser, credential=await assertion(browser, device))
    assert answer.status_code == 200, answer.text
    person.password = OTHER
    shown = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert shown.url.path == "/one-time-code"


async def test_a_lost_passkey_is_replaced_by_a_one_time_password(auth: Running, platform: Platform) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    browser = new_browser(auth)
    await parties.first_sign_in(browser, parties.client(auth, platform), user)
    device = new_authenticator(auth)
    await bind_passkey(browser, device)
    await give_up(browser, device)
    given = await reset(auth, user, as_chief(auth, chief), second_factors_lost=True)
    assert given.status_code == 201, given.text
    user.password = given.json()["one_time_password"]
    fresh = new_browser(auth)
    answer = await parties.first_sign_in(fresh, parties.client(auth, platform), user)
    assert answer.status_code == 400, "the password that was given up is a former one"
    again = await fresh.submit({"new_password": OTHER, "repeated_password": OTHER})
    assert "code" in answer_of(again)


async def test_a_session_that_was_ended_meanwhile_changes_nothing(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    hash_and_save = auth.apps[0].state.parts.passwords.hash

    async def ended_meanwhile(*given: Any, **named: Any) -> Any:
        await auth.database.execute(
            "UPDATE sessions SET ended_at = now(), end_reason = 'ended-by-other' WHERE ended_at IS NULL"
        )
        return await hash_and_save(*given, **named)

    auth.apps[0].state.parts.passwords.hash = ended_meanwhile
    try:
        answer = await change(browser, present=PASSWORD)
    finally:
        auth.apps[0].state.parts.passwords.hash = hash_and_save
    assert (answer.status_code, "has ended meanwhile" in answer.text) == (409, True)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), parties.client(auth, platform), person))


async def test_an_attempt_that_could_not_be_judged_counts_for_nothing(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, _ = await signed_in(auth, platform)

    def full(_: Threads) -> None:
        raise HashingBusy(retry_after=2)

    with monkeypatch.context() as busy:
        busy.setattr(Threads, "_require_place", full)
        for _ in range(30):
            answer = await change(browser, present=PASSWORD)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await change(browser, present=PASSWORD)).status_code == 200


async def test_an_agent_or_a_stranger_finds_no_page(auth: Running) -> None:
    browser = new_browser(auth)
    assert (await browser.get("/password")).status_code == 403
    answer = await browser.http.get("/.well-known/change-password")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{auth.settings.issuer}/password")


async def test_another_sites_form_changes_nothing(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    for path in ("/password", "/password/give-up", "/password/passkey-options"):
        assert (await browser.http.post(path, data={"form_token": "x"})).status_code == 400


async def with_short_password(service: Running, platform: Platform) -> tuple[Browser, Person, pyotp.TOTP]:
    """Chosen beside an application."""
    browser, person = await signed_in(service, platform)
    totp, _ = await bind_totp(browser)
    assert (await change(browser, present=PASSWORD, to=SHORT)).status_code == 200
    person.password = SHORT
    return browser, person, totp


async def test_a_password_chosen_beside_a_factor_is_changed_once_the_factor_is_gone(
    auth: Running, platform: Platform
) -> None:
    browser, person, totp = await with_short_password(auth, platform)
    portal = parties.client(auth, platform)
    other = await give_password(auth, platform, person)
    assert "code" in answer_of(await other.submit({"one_time_code": next_code(totp)})), "it serves beside one"
    await remove(browser, await first_factor(auth))
    alone = new_browser(auth)
    page = await parties.sign_in(alone, portal, person)
    assert page.url.path == "/change-password"
    assert "beside a second factor" in page.text
    assert answer_of(await alone.get(portal.authorize(prompt="none")))["error"] == "login_required"
    await parties.sign_in(alone, portal, person)
    refused = await alone.submit({"new_password": "z3 Qm8?k", "repeated_password": "z3 Qm8?k"})
    assert "at least 15 characters" in refused.text
    assert "code" in answer_of(await alone.submit({"new_password": OTHER, "repeated_password": OTHER}))
    person.password = OTHER
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


async def test_a_password_that_was_chosen_alone_survives_its_factor(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    await remove(browser, await first_factor(auth))
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), parties.client(auth, platform), person))


async def test_a_short_password_of_which_nothing_was_noted_shows_itself_at_the_sign_in(
    auth: Running, platform: Platform
) -> None:
    browser, person, _ = await with_short_password(auth, platform)
    await remove(browser, await first_factor(auth))
    await auth.database.execute("UPDATE user_codes SET password_may_stand_alone = true")
    page = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert page.url.path == "/change-password"
    assert "beside a second factor" in page.text


async def test_a_reset_ends_what_was_noted_of_the_former_password(auth: Running, platform: Platform) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), user)
    await auth.database.execute("UPDATE user_codes SET password_may_stand_alone = false")
    await reset(auth, user, as_chief(auth, chief))
    row = await auth.database.fetchrow(
        "SELECT password_may_stand_alone AS may FROM user_codes WHERE id = $1", user.user_code_id
    )
    assert row is not None
    assert row["may"]
