"""Enter is pressed twice, or somebody goes back after signing in and sends the form again."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import ConditionsPosted, Translated
from services.auth.app import sweep_expired
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, give_password, next_code, signed_in
from tests.integration.auth.parties import (
    CLIC_REVENU,
    PASSWORD,
    Browser,
    Client,
    Person,
    answer_of,
    claims_of,
    new_browser,
)
from tests.integration.auth.registered import BOOKS, Books, install
from tests.integration.auth.test_sign_in import last_record, suspended
from tests.kit import Running

SESSION, REQUEST = "clicsequr-session", "clicsequr-request"
ALREADY = "This browser is signed in already"


def as_it_is(service: Running, browser: Browser, *, without: tuple[str, ...] = ()) -> Browser:
    """The same browser, to which the first answer never comes."""
    same = new_browser(service)
    for name, value in dict(browser.http.cookies).items():
        if name not in without:
            same.http.cookies.set(name, value, domain="127.0.0.1")
    return same


def typed_by(person: Person, **changes: str) -> dict[str, str]:
    return {"user_code": person.user_code, "password": person.password, **changes}


async def begun(service: Running, portal: Client) -> tuple[Browser, httpx.Response]:
    browser = new_browser(service)
    return browser, await browser.get(portal.authorize())


async def is_good(portal: Client, answer: httpx.Response) -> bool:
    return (await portal.redeem(answer_of(answer)["code"])).status_code == 200


async def count(service: Running, table: str) -> int:
    return len(await service.database.fetch(f"SELECT 1 FROM {table}"))


async def started(service: Running) -> int:
    return [name for name, _ in await service.events()].count("session-started")


async def with_factor(
    service: Running, platform: Platform
) -> tuple[Client, Browser, httpx.Response, dict[str, str]]:
    """At the page of the second factor, with the code that is right."""
    browser, person = await signed_in(service, platform)
    totp, _ = await bind_totp(browser)
    portal = parties.client(service, platform)
    browser = new_browser(service)
    page = await parties.sign_in(browser, portal, person)
    assert page.url.path == "/one-time-code"
    return portal, browser, page, {"one_time_code": next_code(totp)}


async def at_first_use(
    service: Running, platform: Platform
) -> tuple[Client, Browser, httpx.Response, dict[str, str]]:
    """At the page where a password is chosen, with one that will do."""
    person = await parties.new_person_in_charge(service)
    portal, browser = parties.client(service, platform), new_browser(service)
    page = await parties.sign_in(browser, portal, person)
    return portal, browser, page, {"new_password": PASSWORD, "repeated_password": PASSWORD}


async def test_a_password_sent_twice_ends_where_the_first_one_would_have_with_the_one_code_that_is_good(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    sessions, events = await count(auth, "sessions"), await started(auth)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = as_it_is(auth, browser)
    first = await browser.submit(typed_by(person), page=page)
    second = await same.submit(typed_by(person), page=page)
    told = {**answer_of(second), "code": answer_of(first)["code"]}
    assert told == answer_of(first)
    assert answer_of(second)["code"] != answer_of(first)["code"]
    assert urlsplit(second.headers["location"])._replace(query="").geturl() == portal.redirect_uri
    assert not await is_good(portal, first)
    granted = (await portal.redeem(answer_of(second)["code"])).json()
    assert (await claims_of(auth, granted["id_token"]))["nonce"] == portal.nonce
    assert not await is_good(portal, first)
    assert "code" in answer_of(await same.get(portal.authorize(prompt="none"))), "nothing that it gave has ended"
    assert await count(auth, "sessions") == sessions + 1
    assert await started(auth) == events + 1, "one act is told once"


async def test_each_sending_is_recorded_by_itself_and_evidence_of_the_session_is_kept_once(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    kept = "SELECT 1 FROM evidence_records WHERE command = 'start_session'"
    before = len(await auth.database.fetch(kept))
    same = as_it_is(auth, browser)
    await browser.submit(typed_by(person), page=page)
    await same.submit(typed_by(person), page=page)
    assert await last_record(auth) == ("POST /sign-in", "admitted", None, person.applicant_id)
    rows = await auth.database.fetch(
        "SELECT count(*) FROM access_records GROUP BY correlation_id HAVING count(*) > 1"
    )
    assert rows == []
    assert len(await auth.database.fetch(kept)) == before + 1


async def test_whoever_goes_back_and_sends_the_form_again_before_the_code_was_redeemed_goes_on(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    first = await browser.submit(typed_by(person), page=page)
    secret = browser.http.cookies[SESSION]
    second = await browser.submit(typed_by(person), page=page)
    assert browser.http.cookies[SESSION] == secret
    assert not await is_good(portal, first)
    assert await is_good(portal, second)


async def test_the_browser_that_goes_on_has_the_session_and_knows_the_code_from_now_on(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = as_it_is(auth, browser)
    await browser.submit(typed_by(person), page=page)
    await same.submit(typed_by(person), page=page)
    assert "code" in answer_of(await same.get(portal.authorize(prompt="none")))
    assert "clicsequr-devices" in same.http.cookies
    silent = await browser.get(portal.authorize(prompt="none"))
    assert answer_of(silent)["error"] == "login_required", "a session has one secret"


async def test_a_one_time_code_sent_twice_ends_where_the_first_one_would_have(
    auth: Running, platform: Platform
) -> None:
    portal, browser, page, typed = await with_factor(auth, platform)
    events = await started(auth)
    same = as_it_is(auth, browser)
    first = await browser.submit(typed, page=page)
    second = await same.submit(typed, page=page)
    assert not await is_good(portal, first)
    granted = (await portal.redeem(answer_of(second)["code"])).json()
    assert (await claims_of(auth, granted["access_token"]))["amr"] == ["pwd", "otp", "mfa"]
    assert await started(auth) == events + 1
    assert "authentication-failed" not in [name for name, _ in await auth.events()]


async def test_a_chosen_password_sent_twice_ends_where_the_first_one_would_have(
    auth: Running, platform: Platform
) -> None:
    portal, browser, page, chosen = await at_first_use(auth, platform)
    same = as_it_is(auth, browser)
    first = await browser.submit(chosen, page=page)
    second = await same.submit(chosen, page=page)
    assert not await is_good(portal, first)
    assert await is_good(portal, second)
    assert [name for name, _ in await auth.events()].count("password-changed") == 1


async def test_new_conditions_that_are_passed_twice_lead_on_and_are_not_passed_by_the_password(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    url = Translated(fr="https://r.example/fr", en="https://r.example/en")
    posted = ConditionsPosted(owner="clicsequr", version="2030-01-E1", posted_at=now(), url=url)
    await auth.deliver(posted, publisher="registry", partitionkey="provider")
    portal = parties.client(auth, platform)
    browser, sign_in_page = await begun(auth, portal)
    before = as_it_is(auth, browser)
    page = await browser.submit(typed_by(person))
    assert page.url.path == "/conditions"
    same = as_it_is(auth, browser)
    await browser.submit({}, page=page)
    again = await same.submit({}, page=page)
    assert (await before.submit(typed_by(person), page=sign_in_page)).status_code == 400
    assert await is_good(portal, again)


async def test_a_consent_sent_twice_leads_on_while_what_was_allowed_is_not_withdrawn(
    auth: Running, platform: Platform
) -> None:
    await install(auth, BOOKS)
    person = await parties.sessions_person(auth, platform)
    browser, books = new_browser(auth), Books(auth, platform)
    page = await parties.sign_in(browser, books, person, prompt="consent")
    assert page.url.path == "/consent"
    first = await browser.submit({"answer": "allow"}, page=page)
    second = await browser.submit({"answer": "allow"}, page=page)
    assert books.code(second) != books.code(first)
    await auth.database.execute("DELETE FROM software_consents")
    refused = await browser.submit({"answer": "allow"}, page=page)
    assert refused.status_code == 400


@pytest.mark.parametrize("presses", [2, 3])
async def test_of_passwords_sent_at_one_instant_all_lead_on_and_exactly_one_code_is_good(
    auth: Running, platform: Platform, presses: int
) -> None:
    person = await parties.sessions_person(auth, platform)
    sessions, events = await count(auth, "sessions"), await started(auth)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = [as_it_is(auth, browser) for _ in range(presses)]
    answers = await asyncio.gather(*(one.submit(typed_by(person), page=page) for one in same))
    assert await count(auth, "sessions") == sessions + 1
    assert await started(auth) == events + 1
    await _exactly_one_is_good(portal, answers)
    failures = await auth.database.fetch("SELECT 1 FROM sign_in_attempts WHERE failures > 0")
    assert failures == [], "no attempt failed"


async def test_of_one_time_codes_sent_at_one_instant_exactly_one_is_good_and_none_has_failed(
    auth: Running, platform: Platform
) -> None:
    portal, browser, page, typed = await with_factor(auth, platform)
    events = await started(auth)
    same = [as_it_is(auth, browser) for _ in range(2)]
    answers = await asyncio.gather(*(one.submit(typed, page=page) for one in same))
    await _exactly_one_is_good(portal, answers)
    assert await started(auth) == events + 1
    assert "authentication-failed" not in [name for name, _ in await auth.events()]


async def test_of_chosen_passwords_sent_at_one_instant_exactly_one_is_good(
    auth: Running, platform: Platform
) -> None:
    portal, browser, page, chosen = await at_first_use(auth, platform)
    same = [as_it_is(auth, browser) for _ in range(2)]
    answers = await asyncio.gather(*(one.submit(chosen, page=page) for one in same))
    await _exactly_one_is_good(portal, answers)
    assert await started(auth) == 1


async def _exactly_one_is_good(portal: Client, answers: list[httpx.Response]) -> None:
    good = [await is_good(portal, answer) for answer in answers]
    assert sorted(good) == [False] * (len(answers) - 1) + [True]


@pytest.mark.parametrize(
    ("language", "sentence"), [("en", ALREADY), ("fr", "Une session est déjà ouverte dans ce navigateur")]
)
async def test_once_the_code_was_redeemed_the_page_says_that_one_is_signed_in_and_where_to_go_on(
    auth: Running, platform: Platform, language: str, sentence: str
) -> None:
    person = await parties.sessions_person(auth, platform)
    department = parties.client(auth, platform, CLIC_REVENU)
    browser = new_browser(auth)
    page = await browser.get(department.authorize(ui_locales=language))
    answer = await browser.submit(typed_by(person), page=page)
    assert await is_good(department, answer)
    codes = await count(auth, "authorization_codes")
    again = await browser.submit(typed_by(person), page=page)
    assert (await last_record(auth))[:3] == ("POST /sign-in", "refused", "request-answered-before")
    for shown in (again, await browser.get("/sign-in")):
        assert shown.status_code == 409
        assert sentence in shown.text
        assert "Clic Revenu" in shown.text
        assert "http://127.0.0.1:18091/" in parties.read_page(shown).links
        assert "location" not in shown.headers
    assert await count(auth, "authorization_codes") == codes
    assert "code" in answer_of(await browser.get(department.authorize(prompt="none"))), "nothing has ended"


async def test_without_the_session_nobody_is_told_that_somebody_is_signed_in(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = as_it_is(auth, browser)
    assert await is_good(portal, await browser.submit(typed_by(person), page=page))
    for answer in (await same.submit(typed_by(person), page=page), await same.get("/sign-in")):
        assert answer.status_code == 400
        assert "Start again" in answer.text
    assert SESSION not in same.http.cookies
    elsewhere, _ = await signed_in(auth, platform)
    same.http.cookies.set(SESSION, elsewhere.http.cookies[SESSION], domain="127.0.0.1")
    assert (await same.get("/sign-in")).status_code == 400, "another session than was answered in"


@pytest.mark.parametrize("what", ["wrong password", "another person"])
async def test_another_form_is_not_the_first_one_again_and_ends_that_the_first_one_is_answered_again(
    auth: Running, platform: Platform, what: str
) -> None:
    person, other = await parties.sessions_person(auth, platform), await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same, sessions = as_it_is(auth, browser), await count(auth, "sessions")
    first = await browser.submit(typed_by(person), page=page)
    typed = typed_by(person, password="not this one") if what == "wrong password" else typed_by(other)
    for again in (typed, typed_by(person)):
        answer = await same.submit(again, page=page)
        assert answer.status_code == 400
        assert (await last_record(auth))[:3] == ("POST /sign-in", "refused", "request-answered-before")
    assert SESSION not in same.http.cookies
    assert await count(auth, "sessions") == sessions + 1
    assert await is_good(portal, first), "nothing of the first one has ended"


async def test_another_person_in_the_same_browser_is_told_that_it_is_signed_in_and_gets_nothing(
    auth: Running, platform: Platform
) -> None:
    person, other = await parties.sessions_person(auth, platform), await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    first = await browser.submit(typed_by(person), page=page)
    answer = await browser.submit(typed_by(other), page=page)
    assert answer.status_code == 409
    assert ALREADY in answer.text
    assert await is_good(portal, first)


@pytest.mark.parametrize("what", ["another code", "without the session", "the password again"])
async def test_a_second_factor_is_not_passed_by_by_sending_something_else_again(
    auth: Running, platform: Platform, what: str
) -> None:
    browser, person = await signed_in(auth, platform)
    totp, _ = await bind_totp(browser)
    portal = parties.client(auth, platform)
    browser, sign_in_page = await begun(auth, portal)
    at_first = as_it_is(auth, browser)
    page = await browser.submit(typed_by(person))
    same = as_it_is(auth, browser, without=(SESSION,) if what == "without the session" else ())
    typed = {"one_time_code": next_code(totp)}
    first = await browser.submit(typed, page=page)
    if what == "the password again":
        answer = await at_first.submit(typed_by(person), page=sign_in_page)
    else:
        given = {"one_time_code": _other_than(totp, typed)} if what == "another code" else typed
        answer = await same.submit(given, page=page)
    assert answer.status_code == 400
    assert answer.url.path in {"/one-time-code", "/sign-in"}
    assert await is_good(portal, first)


def _other_than(totp: pyotp.TOTP, typed: dict[str, str]) -> str:
    return next(f"{one:06d}" for one in range(3) if f"{one:06d}" not in {totp.now(), typed["one_time_code"]})


async def test_a_form_of_another_browser_repeats_nothing(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    first = await browser.submit(typed_by(person), page=page)
    stranger = as_it_is(auth, browser, without=(REQUEST,))
    assert (await stranger.submit(typed_by(person), page=page)).status_code == 400
    foreign, _ = await begun(auth, portal)
    assert (await foreign.submit(typed_by(person), page=page)).status_code == 400
    assert await is_good(portal, first)


@pytest.mark.parametrize("what", ["signed out", "suspended", "too late"])
async def test_what_has_ended_meanwhile_gives_nothing_when_the_form_comes_again(
    auth: Running, platform: Platform, what: str
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = as_it_is(auth, browser)
    await browser.submit(typed_by(person), page=page)
    if what == "signed out":
        await browser.submit({}, page=await browser.get("/oauth/logout"))
    elif what == "suspended":
        await parties.tell(auth, suspended(person), publisher="delegation")
    else:
        await auth.database.execute("UPDATE sessions SET last_seen_at = now() - interval '31 min'")
    codes = await count(auth, "authorization_codes")
    for again in (same, browser):
        answer = await again.submit(typed_by(person), page=page)
        assert answer.status_code == 400
        assert "Start again" in answer.text
    assert await count(auth, "authorization_codes") == codes


async def test_a_code_that_is_redeemed_and_replaced_at_one_instant_gives_tokens_once(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    first = await browser.submit(typed_by(person), page=page)
    is_redeemed, again = await asyncio.gather(is_good(portal, first), browser.submit(typed_by(person), page=page))
    assert again.status_code == (409 if is_redeemed else 303)
    assert is_redeemed or await is_good(portal, again)
    assert await count(auth, "token_grants") == 1


async def test_what_was_cancelled_is_not_answered_by_sending_a_form_again(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser, page = await begun(auth, portal)
    same = as_it_is(auth, browser)
    token = page.text.rpartition('action="/cancel"')[2].partition('value="')[2].partition('"')[0]
    cancelled = await browser.http.post("/cancel", data={"form_token": token})
    assert answer_of(cancelled)["error"] == "access_denied"
    assert (await same.submit(typed_by(person), page=page)).status_code == 400


async def test_what_was_answered_is_forgotten_when_the_request_would_have_been(
    auth: Running, platform: Platform
) -> None:
    browser = await give_password(auth, platform, await parties.sessions_person(auth, platform))
    await sweep_expired(auth.resources)
    kept = await auth.database.fetch(
        "SELECT expires_at - now() AS time_left, to_jsonb(answered_requests)::text AS told FROM answered_requests"
    )
    assert kept
    assert all(timedelta(0) < row["time_left"] <= timedelta(minutes=15) for row in kept)
    assert not any(PASSWORD in row["told"] for row in kept)
    assert (await browser.get("/sign-in")).status_code == 409
    await _let_them_expire(auth)
    assert (await browser.get("/sign-in")).status_code == 400
    await sweep_expired(auth.resources)
    assert await count(auth, "answered_requests") == 0


async def _let_them_expire(service: Running) -> None:
    """Nobody may update when they do."""
    rows = await service.database.fetch(
        """DELETE FROM answered_requests RETURNING to_jsonb(answered_requests)
            || jsonb_build_object('expires_at', now() - interval '1 s') AS told"""
    )
    for row in rows:
        await service.database.execute(
            "INSERT INTO answered_requests SELECT (jsonb_populate_record(NULL::answered_requests, $1)).*",
            row["told"],
        )
