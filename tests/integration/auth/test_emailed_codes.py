import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.contracts.delegation import UserAdded
from libs.common.contracts.envelope import applicant_key
from libs.common.ids import new_id
from services.auth.app import SERVICE
from tests.integration.auth import parties
from tests.integration.auth.factors import (
    Mails,
    bind_totp,
    claims_after,
    give_password,
    mail_server,
    next_code,
    post,
    signed_in,
)
from tests.integration.auth.parties import Browser, Person, read_page
from tests.kit import Running, running, settings_of


@pytest.fixture
async def mails() -> AsyncIterator[Mails]:
    async with mail_server() as server:
        yield server


@pytest.fixture
async def auth(platform: Platform, mails: Mails) -> AsyncIterator[Running]:
    keys.create(platform.keys)
    chosen = {"argon2_memory_kib": 64, "argon2_passes": 1, "smtp_port": mails.port}
    async with running(SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **chosen) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service


async def bind_email(browser: Browser, mails: Mails) -> httpx.Response:
    await post(browser, "/email", name="")
    return await post(browser, "/email/confirm", code=mails.last_code())


async def with_email(auth: Running, platform: Platform, mails: Mails) -> Person:
    browser, person = await signed_in(auth, platform)
    page = await bind_email(browser, mails)
    assert page.url.path == "/second-factors", page.text
    return person


async def ask_for_mail(browser: Browser) -> httpx.Response:
    token = read_page(browser.page).fields["form_token"]
    answer = await browser.http.post("/one-time-code/email", data={"form_token": token})
    if answer.is_redirect:
        answer = await browser.http.get(answer.headers["location"])
    browser.last = answer
    return answer


async def age_sendings(service: Running) -> None:
    await service.database.execute("UPDATE emailed_codes SET sent_at = sent_at - interval '31 s'")


async def test_a_code_by_mail_is_bound_by_giving_one_back_and_asked_for_from_then_on(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    assert browser.page.url.path == "/one-time-code"
    page = await ask_for_mail(browser)
    assert page.status_code == 200
    assert "a…@example.org" in page.text
    assert "ada@example.org" not in page.text
    assert (await browser.submit({"one_time_code": mails.last_code()})).status_code == 303


async def test_mail_proves_no_device_so_the_level_stays_that_of_the_password(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    await ask_for_mail(browser)
    await browser.submit({"one_time_code": mails.last_code()})
    claims = await claims_after(auth, platform, browser)
    assert (claims["acr"], claims["amr"]) == ("urn:clicsequr:acr:password", ["pwd", "mca"])


async def test_the_mail_speaks_the_persons_language_and_holds_no_link_and_no_code_in_its_subject(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    await with_email(auth, platform, mails)
    (mail,) = mails.kept
    assert mail["Subject"] == "clicSÉQUR\u00a0: votre code à usage unique"
    assert mail["To"] == "ada@example.org"
    assert "Entrez-le" in mail.get_content()
    assert "http" not in mail.get_content()
    assert not any(letter.isdigit() for letter in mail["Subject"])


async def test_a_users_address_is_the_one_that_delegation_told(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    browser, person = await signed_in(auth, platform)
    added = UserAdded(
        applicant_id=person.applicant_id,
        user_id=new_id(),
        user_code_id=person.user_code_id,
        given_name="Ada",
        family_name="Tremblay",
        language="en",
        email="new@example.org",
    )
    await auth.deliver(added, publisher="delegation", partitionkey=applicant_key(person.applicant_id))
    await post(browser, "/email", name="")
    assert mails.kept[-1]["To"] == "new@example.org"
    assert mails.kept[-1]["Subject"] == "clicSÉQUR: your one-time code"


async def test_an_address_told_for_another_applicant_changes_nothing(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    browser, person = await signed_in(auth, platform)
    foreign = parties.designated(Person(new_id(), person.user_code_id, "", "")).model_copy(
        update={"email": "thief@example.org"}
    )
    await parties.tell(auth, foreign)
    await post(browser, "/email", name="")
    assert mails.kept[-1]["To"] == "ada@example.org"


async def test_a_mailed_code_works_once_three_times_wrong_kills_it_and_it_ages(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    await ask_for_mail(browser)
    code = mails.last_code()
    wrong = "1" + code[1:] if code[0] != "1" else "2" + code[1:]
    for _ in range(3):
        assert (await browser.submit({"one_time_code": wrong})).status_code == 401
    assert (await browser.submit({"one_time_code": code})).status_code == 401
    await age_sendings(auth)
    await ask_for_mail(browser)
    await auth.database.execute("UPDATE emailed_codes SET expires_at = now()")
    assert (await browser.submit({"one_time_code": mails.last_code()})).status_code == 401


async def test_the_page_that_says_where_the_code_went_may_be_loaded_again_and_says_it_while_it_is_so(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    sent = await ask_for_mail(browser)
    assert "A code was sent" in sent.text
    again = await browser.get(str(sent.url))
    assert again.text == sent.text
    assert len(mails.kept) == 2
    await auth.database.execute("UPDATE emailed_codes SET tries = 3")
    assert "A code was sent" not in (await browser.get(str(sent.url))).text


async def test_nobody_is_asked_for_a_mailed_code_before_it_was_sent(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    shown = read_page(browser.page)
    assert "one_time_code" not in shown.inputs
    assert "We send a code to a…@example.org" in browser.page.text
    assert "one_time_code" in read_page(await ask_for_mail(browser)).inputs
    refused = await browser.submit({"one_time_code": "12345678"})
    assert "the newest e-mail" in refused.text
    assert "one_time_code" in read_page(refused).inputs


async def test_what_was_begun_by_mail_is_gone_on_with_after_the_page_was_loaded_again(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    browser, _ = await signed_in(auth, platform)
    begun = await post(browser, "/email", name="")
    assert (await browser.get(str(begun.url))).text == begun.text
    assert len(mails.kept) == 1
    assert (await post(browser, "/email/confirm", code=mails.last_code())).url.path == "/second-factors"
    late = [await browser.get("/second-factors/email")]
    late += [await post(browser, f"/{kind}/confirm", code="12345678") for kind in ("email", "totp")]
    for page in late:
        assert (page.status_code, "Begin again" in page.text) == (409, True)


async def test_a_code_mailed_for_one_sign_in_is_of_no_use_in_another(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    first, second = [await give_password(auth, platform, person) for _ in range(2)]
    await ask_for_mail(first)
    assert (await second.submit({"one_time_code": mails.last_code()})).status_code == 401
    assert (await first.submit({"one_time_code": mails.last_code()})).status_code == 303


async def test_sending_is_bounded_per_sign_in_and_per_person(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    assert (await ask_for_mail(browser)).status_code == 200
    assert (await ask_for_mail(browser)).status_code == 429, "a moment ago"
    for expected in (200, 200, 429):
        await age_sendings(auth)
        assert (await ask_for_mail(browser)).status_code == expected
    await auth.database.execute("UPDATE emailed_codes SET sendings = 9")
    other = await give_password(auth, platform, person)
    assert (await ask_for_mail(other)).status_code == 429
    assert len(mails.kept) == 4


async def test_of_many_at_once_one_mail_is_sent(auth: Running, platform: Platform, mails: Mails) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    answers = await asyncio.gather(*(ask_for_mail(browser) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429, 429]
    assert len(mails.kept) == 2


async def test_when_mail_fails_the_page_says_so_and_offers_the_other_factor(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_email(browser, mails)
    totp, _ = await bind_totp(browser)
    other = await give_password(auth, platform, person)
    mails.refuses = True
    page = await ask_for_mail(other)
    assert page.status_code == 503
    assert "could not be sent" in page.text
    assert (await other.submit({"one_time_code": next_code(totp)})).status_code == 303
    mails.refuses = False


async def test_mail_is_not_asked_for_by_whoever_has_not_bound_it(
    auth: Running, platform: Platform, mails: Mails
) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    other = await give_password(auth, platform, person)
    assert "by e-mail" not in other.page.text
    assert (await ask_for_mail(other)).status_code == 409
    assert mails.kept == []


async def test_neither_code_nor_address_stands_in_records_events_or_logs(
    auth: Running, platform: Platform, mails: Mails, caplog: pytest.LogCaptureFixture
) -> None:
    person = await with_email(auth, platform, mails)
    browser = await give_password(auth, platform, person)
    await ask_for_mail(browser)
    kept = ""
    for place in ("outbox", "evidence_records", "access_records", "emailed_codes"):
        rows = await auth.database.fetch(f"SELECT row_to_json(t)::text AS row FROM {place} t")
        kept += "".join(row["row"] for row in rows)
    for secret in (mails.last_code(), mails.last_code().replace(" ", ""), "ada@example.org"):
        assert secret not in kept
        assert secret not in caplog.text


async def test_codes_by_mail_are_off_without_a_mail_server(platform: Platform) -> None:
    keys.create(platform.keys)
    chosen = {"argon2_memory_kib": 64, "argon2_passes": 1, "smtp_host": None}
    async with running(SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **chosen) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        browser, _ = await signed_in(service, platform)
        assert "by e-mail" not in (await browser.get("/second-factors")).text
        assert (await post(browser, "/email", name="")).status_code == 409


def test_mail_in_clear_is_for_a_loopback_address_alone(platform: Platform) -> None:
    keys.create(platform.keys)
    with pytest.raises(ValueError, match="loopback"):
        settings_of(SERVICE, platform, smtp_host="mail.example.org", smtp_tls="none")


async def test_a_mail_server_that_answers_slowly_is_given_up_in_time(platform: Platform) -> None:
    async def dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        while await reader.readline():
            await asyncio.sleep(0.4)
            writer.write(b"250 yes\r\n")
        writer.close()

    server = await asyncio.start_server(dawdle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    chosen = {"argon2_memory_kib": 64, "argon2_passes": 1, "smtp_port": port, "smtp_timeout_seconds": 1.0}
    keys.create(platform.keys)
    async with (
        server,
        running(SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **chosen) as service,
    ):
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        browser, _ = await signed_in(service, platform)
        async with asyncio.timeout(5):
            answer = await post(browser, "/email", name="")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
