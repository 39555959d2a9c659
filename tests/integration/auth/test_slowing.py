"""Guessing is slowed without a stranger locking an owner out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.access_records import Circumstances
from libs.common.clock import now
from libs.common.ids import new_id
from services.auth.app import SERVICE
from services.auth.parts import Parts
from services.auth.session import attempts, devices, slowing
from services.auth.session.attempts import Heard, Subjects
from services.auth.session.devices import Binding
from services.auth.user_code.passwords import HashingBusy, Threads
from services.auth.user_code.rules import normalise_code
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, post, session_token, signed_in
from tests.integration.auth.parties import PASSWORD, Browser, Person, answer_of, new_browser
from tests.kit import Running, running

DEVICES = "clicsequr-devices"
STRANGER, ELSEWHERE = "192.0.2.9", "203.0.113.7"
GUESSES, AT_ONCE = 2_000, 50
OTHER = "sept corneilles lisent le journal"


def parts_of(service: Running) -> Parts:
    parts: Parts = service.apps[0].state.parts
    return parts


def subjects(service: Running, code: str, *, address: str = STRANGER, at: datetime) -> Subjects:
    circumstances = Circumstances(new_id(), at, "POST /sign-in", address=address)
    return attempts.subjects_of(parts_of(service).passwords, circumstances, name=normalise_code(code))


async def guess(browser: Browser, code: str) -> httpx.Response:
    return await browser.submit({"user_code": code, "password": "not the one"})


async def stranger_at(service: Running, platform: Platform, *, address: str = STRANGER) -> Browser:
    browser = new_browser(service, address=address)
    await browser.get(parties.client(service, platform).authorize())
    return browser


async def owner_with_cookie(service: Running, platform: Platform) -> tuple[Person, Browser]:
    """Signed out, in the browser of the first sign-in."""
    person = await parties.new_person_in_charge(service)
    browser = new_browser(service)
    await parties.first_sign_in(browser, parties.client(service, platform), person)
    browser.http.cookies.delete("clicsequr-session")
    return person, browser


async def fail_from_many_networks(service: Running, code: str, count: int, *, at: datetime) -> list[int]:
    """The waits that as many networks are told, one attempt each, by the real decision."""
    return [
        (
            await attempts.count_attempt(
                service.database,
                subjects(service, code, address=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", at=at),
                at=at,
            )
        ).wait
        for n in range(count)
    ]


async def grow_old(service: Running, by: timedelta) -> None:
    """As if that time had passed for every count."""
    await service.database.execute(
        "UPDATE sign_in_attempts SET last_at = last_at - $1::interval,"
        " blocked_until = blocked_until - $1::interval, kept_until = kept_until - $1::interval",
        by,
    )


async def signs_in(browser: Browser, service: Running, platform: Platform, person: Person) -> httpx.Response:
    return await parties.sign_in(browser, parties.client(service, platform), person)


@asynccontextmanager
async def second_replica(service: Running, platform: Platform) -> AsyncIterator[Running]:
    """Another api on the same database."""
    name = urlsplit(service.settings.database_url.get_secret_value()).path.lstrip("/")
    cheap = {"argon2_memory_kib": 64, "argon2_passes": 1}
    async with running(SERVICE, platform, peers=None, database=name, keys_dir=platform.keys, **cheap) as other:
        yield other


async def test_thousands_of_wrong_passwords_from_one_network_do_not_stop_the_owner(
    auth: Running, platform: Platform
) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    stranger = await stranger_at(auth, platform)
    form, statuses, began = parties.read_page(stranger.page), [], now()
    wrong = {**form.fields, "user_code": person.user_code, "password": "not the one"}
    for _ in range(GUESSES // AT_ONCE):
        answers = await asyncio.gather(*(stranger.http.post(form.action, data=wrong) for _ in range(AT_ONCE)))
        statuses += [answer.status_code for answer in answers]
    assert set(statuses) == {401, 429}
    doublings = int((now() - began).total_seconds() + 1).bit_length()
    assert statuses.count(401) <= slowing.OF_CODE_AND_NETWORK.free + doublings
    assert "code" in answer_of(await signs_in(owners, auth, platform, person))
    elsewhere = new_browser(auth, address=ELSEWHERE)
    assert "code" in answer_of(await signs_in(elsewhere, auth, platform, person))


async def test_ten_thousand_wrong_passwords_from_many_networks_do_not_stop_the_owner(
    auth: Running, platform: Platform
) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    at = now()
    waits = await fail_from_many_networks(auth, person.user_code, 1_000, at=at)
    assert waits.count(0) == slowing.OF_CODE.free
    spent = subjects(auth, person.user_code, at=at).name
    await auth.database.execute("UPDATE sign_in_attempts SET failures = 10000 WHERE subject = $1", spent)
    assert "code" in answer_of(await signs_in(owners, auth, platform, person)), "with the cookie: at once"

    anew = new_browser(auth, address=ELSEWHERE)
    told = await signs_in(anew, auth, platform, person)
    assert told.status_code == 429
    wait = int(told.headers["retry-after"])
    assert 0 < wait <= slowing.LONGEST_WAIT_WITHOUT_DEVICE.total_seconds() + 1
    await grow_old(auth, timedelta(seconds=wait))
    await fail_from_many_networks(auth, person.user_code, 100, at=now())
    assert "code" in answer_of(await signs_in(anew, auth, platform, person)), "without it: after one bounded wait"


async def test_a_code_that_does_not_exist_is_slowed_alike(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    told = {}
    for code in (person.user_code, "22222-22222"):
        await fail_from_many_networks(auth, code, slowing.OF_CODE.free, at=now())
        answer = await guess(await stranger_at(auth, platform), code)
        told[code] = (answer.status_code, answer.headers["retry-after"], parties.without_tokens(answer))
    known, unknown = told.values()
    assert known == unknown
    assert known[0] == 429


async def test_a_flood_makes_strangers_wait_a_little_and_no_known_browser(
    auth: Running, platform: Platform
) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    for at in (now(), now() + timedelta(minutes=1)):
        everybody = subjects(auth, "any", at=at).everybody
        await auth.database.execute(
            "INSERT INTO sign_in_attempts (subject, failures, last_at, blocked_until, kept_until)"
            " VALUES ($1, $2, now(), now(), now() + interval '1 h')"
            " ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures",
            everybody,
            slowing.OF_ALL.free,
        )
    told = await guess(await stranger_at(auth, platform), "22222-22222")
    assert told.status_code == 429
    assert int(told.headers["retry-after"]) <= slowing.OF_ALL.longest.total_seconds() + 1
    assert "code" in answer_of(await signs_in(owners, auth, platform, person))


async def test_replicas_hear_together_no_more_than_one_would(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    at = now()
    async with second_replica(auth, platform) as other:
        heard = await asyncio.gather(
            *(
                attempts.count_attempt(one.database, subjects(one, person.user_code, at=at), at=at)
                for one in (auth, other) * 100
            )
        )
        assert [one.wait for one in heard].count(0) == slowing.OF_CODE_AND_NETWORK.free
        stranger = await stranger_at(other, platform)
        assert (await guess(stranger, person.user_code)).status_code == 429


async def test_replicas_know_each_others_devices(auth: Running, platform: Platform) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    await fail_from_many_networks(auth, person.user_code, slowing.OF_CODE.free, at=now())
    async with second_replica(auth, platform) as other:
        there = new_browser(other, address=ELSEWHERE)
        there.http.cookies = owners.http.cookies
        assert "code" in answer_of(await signs_in(there, other, platform, person))


async def test_the_cookie_lasts_is_for_this_host_alone_and_names_nobody(auth: Running, platform: Platform) -> None:
    person = await parties.new_person_in_charge(auth)
    browser, portal = new_browser(auth), parties.client(auth, platform)
    await parties.sign_in(browser, portal, person)
    assert DEVICES not in browser.http.cookies, "only a sign-in that is complete"
    answer = await browser.submit({"new_password": parties.PASSWORD, "repeated_password": parties.PASSWORD})
    given = next(line for line in answer.headers.get_list("set-cookie") if line.startswith(DEVICES))
    assert f"Max-Age={int(devices.LIFE.total_seconds())}" in given
    assert "HttpOnly" in given
    assert "Path=/" in given
    assert "samesite=lax" in given.lower()
    for secret in (person.user_code, normalise_code(person.user_code), str(person.user_code_id)):
        assert secret not in given


async def _pressed_person(service: Running, platform: Platform) -> tuple[Person, Browser]:
    """Whose code strangers try at this moment, so that it shows whether a browser is known."""
    person, owners = await owner_with_cookie(service, platform)
    await fail_from_many_networks(service, person.user_code, slowing.OF_CODE.free, at=now())
    owners.http.cookies.delete("clicsequr-request")
    return person, owners


async def _status_with(service: Running, platform: Platform, person: Person, cookie: str | None) -> int:
    browser = new_browser(service, address=ELSEWHERE)
    if cookie is not None:
        browser.http.cookies.set(DEVICES, cookie, domain="127.0.0.1")
    return (await signs_in(browser, service, platform, person)).status_code


async def test_the_cookie_of_another_code_is_worth_nothing(auth: Running, platform: Platform) -> None:
    person, owners = await _pressed_person(auth, platform)
    _, others = await owner_with_cookie(auth, platform)
    assert await _status_with(auth, platform, person, others.http.cookies[DEVICES]) == 429
    assert await _status_with(auth, platform, person, owners.http.cookies[DEVICES]) == 303


async def test_a_forged_cookie_is_worth_nothing(auth: Running, platform: Platform) -> None:
    person, owners = await _pressed_person(auth, platform)
    row = await auth.database.fetchrow("SELECT password_set_at FROM user_codes")
    assert row is not None
    binding = Binding(f"user_code:{person.user_code_id}", row["password_set_at"].isoformat())
    forged = devices.renew(None, binding, tag=lambda text: text.encode()[:16].ljust(16), at=now())
    for cookie in (None, forged, "x" * devices.LONGEST, owners.http.cookies[DEVICES].swapcase()):
        assert await _status_with(auth, platform, person, cookie) == 429
        await auth.database.execute(
            "DELETE FROM sign_in_attempts WHERE subject = $1",
            subjects(auth, person.user_code, address=ELSEWHERE, at=now()).name_and_network,
        )
    made_here = devices.renew(None, binding, tag=parts_of(auth).passwords.device_tag, at=now())
    assert await _status_with(auth, platform, person, made_here) == 303


async def test_the_cookie_of_a_code_whose_password_was_reset_is_worth_nothing(
    auth: Running, platform: Platform
) -> None:
    person, owners = await _pressed_person(auth, platform)
    await auth.database.execute("UPDATE user_codes SET password_set_at = password_set_at + interval '1 s'")
    assert await _status_with(auth, platform, person, owners.http.cookies[DEVICES]) == 429


async def test_a_stolen_cookie_is_put_out_and_the_owner_gets_another(auth: Running, platform: Platform) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    stolen = owners.http.cookies[DEVICES]
    thief = await stranger_at(auth, platform)
    thief.http.cookies.set(DEVICES, stolen, domain="127.0.0.1")
    answers = [(await guess(thief, person.user_code)).status_code for _ in range(25)]
    assert answers[: slowing.FAILURES_OF_DEVICE] == [401] * slowing.FAILURES_OF_DEVICE
    assert answers.count(401) <= slowing.FAILURES_OF_DEVICE + slowing.OF_CODE_AND_NETWORK.free + 1
    assert answers[-1] == 429
    await grow_old(auth, timedelta(days=40))
    await fail_from_many_networks(auth, person.user_code, slowing.OF_CODE.free, at=now())
    assert await _status_with(auth, platform, person, stolen) == 429, "for as long as it would have lived"
    await grow_old(auth, slowing.OF_CODE.longest)
    anew = new_browser(auth, address=ELSEWHERE)
    assert "code" in answer_of(await signs_in(anew, auth, platform, person))
    assert anew.http.cookies[DEVICES] != stolen
    await fail_from_many_networks(auth, person.user_code, slowing.OF_CODE.free, at=now())
    anew.http.cookies.delete("clicsequr-session")
    assert "code" in answer_of(await signs_in(anew, auth, platform, person))


async def test_a_success_gives_the_browser_its_whole_budget_back(auth: Running, platform: Platform) -> None:
    person, owners = await owner_with_cookie(auth, platform)
    for _ in range(3):
        await owners.get(parties.client(auth, platform).authorize(prompt="login"))
        for _ in range(slowing.FAILURES_OF_DEVICE - 1):
            assert (await guess(owners, person.user_code)).status_code == 401
        right = {"user_code": person.user_code, "password": person.password}
        assert "code" in answer_of(await owners.submit(right))
    rows = await auth.database.fetch("SELECT max(failures) AS most FROM sign_in_attempts")
    assert rows[0]["most"] == 0


async def test_an_agents_browser_is_known_too(auth: Running, platform: Platform) -> None:
    parts = parts_of(auth)
    row = await auth.database.fetchrow("SELECT id, password_hash FROM agent_accounts WHERE name = 'decider'")
    assert row is not None
    binding = Binding(f"agent:{row['id']}", row["password_hash"])
    await fail_from_many_networks(auth, "decider", slowing.OF_CODE.free, at=now())
    browser = await stranger_at(auth, platform)
    assert (await guess(browser, "decider")).status_code == 429
    cookie = devices.renew(None, binding, tag=parts.passwords.device_tag, at=now())
    browser.http.cookies.set(DEVICES, cookie, domain="127.0.0.1")
    assert (await guess(browser, "decider")).status_code == 401


async def test_a_network_that_must_wait_leaves_no_rows_behind(auth: Running) -> None:
    at = now()
    heard = [
        await attempts.count_attempt(auth.database, subjects(auth, f"name {number}", at=at), at=at)
        for number in range(3 * slowing.OF_NETWORK.free)
    ]
    assert [one.wait for one in heard].count(0) == slowing.OF_NETWORK.free
    assert await _rows(auth) == 2 * slowing.OF_NETWORK.free + 2


async def test_what_nothing_hangs_on_any_more_is_swept_and_a_put_out_device_is_not(auth: Running) -> None:
    at = now()
    await attempts.count_attempt(auth.database, subjects(auth, "some name", at=at), at=at)
    out = replace(subjects(auth, "some name", at=at), device=b"device", device_expires_at=at + timedelta(days=180))
    for _ in range(slowing.FAILURES_OF_DEVICE):
        await attempts.count_attempt(auth.database, out, at=at)
    await auth.database.execute(
        "INSERT INTO sign_in_attempts (subject, failures, last_at, blocked_until) VALUES ('old', 3, $1, $1)",
        at - timedelta(hours=2),
    )
    await _sweep(auth, at=at)
    assert await _rows(auth) == 5
    await _sweep(auth, at=at + timedelta(hours=2))
    assert await _rows(auth) == 1
    await _sweep(auth, at=at + timedelta(days=181))
    assert await _rows(auth) == 0


async def _rows(service: Running) -> int:
    found: int = (await service.database.fetch("SELECT count(*) AS rows FROM sign_in_attempts"))[0]["rows"]
    return found


async def _sweep(service: Running, *, at: datetime) -> None:
    async with service.database.transaction() as tx:
        await attempts.forget_old(tx, at=at)


async def test_attempts_that_come_together_on_the_same_counts_never_stop_each_other(auth: Running) -> None:
    at = now()
    names: Sequence[str] = [f"name {number}" for number in range(20)]

    async def attempt(number: int) -> Heard:
        address = f"198.51.100.{number % 7}"
        subject = subjects(auth, names[number % len(names)], address=address, at=at)
        heard = await attempts.count_attempt(auth.database, subject, at=at)
        await (attempts.take_back if heard.wait else attempts.forgive)(auth.database, heard.by)
        return heard

    heard = await asyncio.gather(*(attempt(number) for number in range(600)))
    assert len([one for one in heard if not one.wait]) >= len(names)
    left = await auth.database.fetch("SELECT failures FROM sign_in_attempts")
    assert all(0 <= row["failures"] <= 600 for row in left)


async def test_failures_on_the_pages_of_others_slow_nobody_on_another_network(
    auth: Running, platform: Platform
) -> None:
    failing, _ = await signed_in(auth, platform, address=STRANGER)
    beside, _ = await signed_in(auth, platform, address=STRANGER)
    elsewhere, _ = await signed_in(auth, platform, address=ELSEWHERE)
    assert (await change_password(failing, present="not the present password")).status_code == 400
    await post(failing, "/totp", name="telephone")
    assert (await post(failing, "/totp/confirm", code="12")).status_code != 429
    await auth.database.execute(
        "UPDATE sign_in_attempts SET blocked_until = now() + interval '1 min' WHERE failures > 0"
    )
    assert (await change_password(beside, present=PASSWORD)).status_code == 429
    assert (await change_password(elsewhere, present=PASSWORD)).status_code == 200
    await bind_totp(elsewhere)


async def change_password(browser: Browser, *, present: str) -> httpx.Response:
    new = {"new_password": OTHER, "repeated_password": OTHER}
    typed = {"form_token": session_token(browser), "present_password": present, **new}
    answer = await browser.http.post("/password", data=typed)
    browser.last = answer
    return answer


async def test_a_sign_in_that_could_not_be_judged_is_not_counted(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await parties.sessions_person(auth, platform)
    browser = new_browser(auth)

    def full(_: Threads) -> None:
        raise HashingBusy(retry_after=2)

    with monkeypatch.context() as patched:
        patched.setattr(Threads, "_require_place", full)
        for _ in range(2 * slowing.OF_CODE_AND_NETWORK.free):
            assert (await signs_in(browser, auth, platform, person)).status_code == 503
    assert "code" in answer_of(await signs_in(browser, auth, platform, person))
