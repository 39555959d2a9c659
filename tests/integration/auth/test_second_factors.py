import asyncio
import re
from typing import Any

import asyncpg
import httpx
import pyotp
import pytest

from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from services.auth.second_factor.commands import list_kinds, remove_all_factors
from services.auth.second_factor.rules import FactorKind, Owner
from tests.integration.auth import factors, parties
from tests.integration.auth.factors import bind_totp, claims_after, give_password, next_code, post, signed_in
from tests.integration.auth.parties import Browser, Person, answer_of, new_browser, read_page
from tests.integration.auth.test_agents import give_password as give_agents_password
from tests.integration.auth.test_agents import secret_of
from tests.integration.auth.test_sign_in import suspended
from tests.kit import Running


def owner_of(person: Person) -> Owner:
    return Owner(person.user_code_id, person.applicant_id)


async def events_named(service: Running, *names: str) -> list[tuple[str, dict[str, Any]]]:
    return [(name, told) for name, told in await service.events() if name in names]


async def test_a_person_binds_an_application_and_is_asked_for_its_code_from_then_on(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    assert "You have none yet" in (await browser.get("/second-factors")).text
    totp, codes = await bind_totp(browser)
    assert len(set(codes)) == 10
    told = (await events_named(auth, "second-factor-enrolled"))[0][1]
    assert (told["kind"], told["user_code_id"]) == ("totp", str(person.user_code_id))
    other = await give_password(auth, platform, person)
    assert other.page.url.path == "/one-time-code"
    silent = await other.get(parties.client(auth, platform).authorize(prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    other = await give_password(auth, platform, person)
    assert (await other.submit({"one_time_code": next_code(totp)})).status_code == 303
    claims = await claims_after(auth, platform, other)
    assert (claims["acr"], claims["amr"]) == ("urn:clicsequr:acr:two-factor", ["pwd", "otp", "mfa"])


async def test_the_session_that_binds_a_factor_is_another_one_under_another_secret(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await signed_in(auth, platform)
    before = browser.http.cookies["clicsequr-session"]
    first = await claims_after(auth, platform, browser)
    await bind_totp(browser)
    after = await claims_after(auth, platform, browser)
    assert browser.http.cookies["clicsequr-session"] != before
    assert after["sid"] != first["sid"]
    assert after["acr"] == "urn:clicsequr:acr:two-factor"
    stale = new_browser(auth)
    stale.http.cookies.set("clicsequr-session", before)
    assert (await stale.get("/second-factors")).status_code == 403


async def test_the_picture_holds_the_secret_and_needs_no_inline_style(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    page = await post(browser, "/totp", name="<b>telephone</b>")
    picture = re.search(r"<svg.*?</svg>", page.text, re.DOTALL)
    assert picture
    assert "style" not in picture[0]
    assert "style-src 'self'" in page.headers["content-security-policy"]
    assert person.user_code not in str(page.url)
    row = await auth.database.fetchrow("SELECT sealed_secret, name FROM factor_enrolments")
    shown = re.search(r'class="secret">([^<]+)<', page.text)
    assert row
    assert shown
    assert shown[1].replace(" ", "").encode() not in row["sealed_secret"]


async def test_a_wrong_code_binds_nothing_and_guessing_is_slowed(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await post(browser, "/totp", name="telephone")
    answers = [await post(browser, "/totp/confirm", code="000000") for _ in range(7)]
    assert answers[0].status_code == 400
    assert answers[-1].status_code == 429
    assert await list_kinds(auth.database, owner_of(person)) == frozenset()
    assert not await events_named(auth, "second-factor-enrolled")


async def test_a_code_of_an_application_works_once(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    totp, _ = await bind_totp(browser)
    code = next_code(totp)
    first = await give_password(auth, platform, person)
    second = await give_password(auth, platform, person)
    assert (await first.submit({"one_time_code": code})).status_code == 303
    refused = await second.submit({"one_time_code": code})
    assert refused.status_code == 401
    told = await events_named(auth, "authentication-failed")
    assert [(one["factor"], one["user_code_id"]) for _, one in told] == [("totp", str(person.user_code_id))]


async def test_a_factor_that_is_bound_while_the_password_is_looked_at_is_asked_for(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, person = await signed_in(auth, platform)
    passwords = auth.apps[0].state.parts.passwords
    verify = passwords.verify

    async def bind_meanwhile(*given: Any) -> bool:
        matches: bool = await verify(*given)
        await bind_totp(browser)
        return matches

    monkeypatch.setattr(passwords, "verify", bind_meanwhile)
    other = await give_password(auth, platform, person)
    assert other.page.url.path == "/one-time-code"


async def test_several_named_factors_each_prove_their_owner_and_no_other(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser, "telephone")
    second, codes = await bind_totp(browser, "tablet")
    assert codes == [], "the codes of the first stay good"
    page = await browser.get("/second-factors")
    assert "telephone" in page.text
    assert "tablet" in page.text
    stranger, other = await signed_in(auth, platform)
    await bind_totp(stranger)
    wrong = await give_password(auth, platform, other)
    assert (await wrong.submit({"one_time_code": next_code(second)})).status_code == 401
    right = await give_password(auth, platform, person)
    assert (await right.submit({"one_time_code": next_code(second)})).status_code == 303


@pytest.mark.parametrize("typed", ["000000", "00000000", "AAAA-AAAA-AAAA-AAAA", "", "é" * 40, "١٢٣٤٥٦"])
async def test_whatever_is_wrong_gets_one_same_answer(auth: Running, platform: Platform, typed: str) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    other = await give_password(auth, platform, person)
    answer = await other.submit({"one_time_code": typed})
    assert answer.status_code == 401
    assert "This is not right" in answer.text
    row = await auth.database.fetchrow("SELECT reason FROM access_records ORDER BY at DESC, id DESC LIMIT 1")
    assert row is not None
    assert row["reason"] == "wrong-one-time-code"


async def test_guessing_the_code_of_a_person_is_slowed(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    other = await give_password(auth, platform, person)
    answers = [await other.submit({"one_time_code": "000000"}) for _ in range(7)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_recovery_code_stands_in_once_and_dies_when_new_ones_are_made(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    _, codes = await bind_totp(browser)
    first = await give_password(auth, platform, person)
    assert (await first.submit({"one_time_code": codes[0].lower().replace("-", " ")})).status_code == 303
    assert (await claims_after(auth, platform, first))["acr"] == "urn:clicsequr:acr:two-factor"
    again = await give_password(auth, platform, person)
    assert (await again.submit({"one_time_code": codes[0]})).status_code == 401
    assert [told["remaining"] for _, told in await events_named(auth, "recovery-code-used")] == [9]
    made = factors.CODE.findall((await post(first, "/recovery-codes")).text)
    assert len(set(made)) == 10
    assert not set(made) & set(codes)
    assert (await again.submit({"one_time_code": codes[1]})).status_code == 401
    assert (await again.submit({"one_time_code": made[0]})).status_code == 303


async def test_whoever_mistypes_a_recovery_code_is_asked_for_one_again(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    other = await give_password(auth, platform, person)
    await other.get("/one-time-code?with=recovery-code")
    answer = await other.submit({"one_time_code": "AAAA-AAAA-AAAA-AAAA"})
    assert answer.status_code == 401
    assert "Compare the recovery code" in answer.text
    assert read_page(answer).fields["with"] == "recovery-code"
    assert "/lost?language=en" in read_page(answer).links


async def test_of_two_at_the_same_moment_one_recovery_code_serves_one(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    _, codes = await bind_totp(browser)
    twins = [await give_password(auth, platform, person) for _ in range(2)]
    answers = await asyncio.gather(*(twin.submit({"one_time_code": codes[0]}) for twin in twins))
    assert sorted(answer.status_code for answer in answers) == [303, 401]


async def test_few_recovery_codes_are_warned_about(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    _, codes = await bind_totp(browser)
    for code in codes[:7]:
        other = await give_password(auth, platform, person)
        assert (await other.submit({"one_time_code": code})).status_code == 303
    assert "3 recovery codes left" in (page := (await browser.get("/second-factors")).text)
    assert "shut out" in page


async def test_secrets_stand_nowhere_in_clear(
    auth: Running, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    browser, person = await signed_in(auth, platform)
    totp, codes = await bind_totp(browser)
    other = await give_password(auth, platform, person)
    code = next_code(totp)
    await other.submit({"one_time_code": code})
    await (await give_password(auth, platform, person)).submit({"one_time_code": codes[0]})
    places = ["outbox", "evidence_records", "access_records", "second_factors", "recovery_codes", "sessions"]
    kept = ""
    for place in places:
        rows = await auth.database.fetch(f"SELECT row_to_json(t)::text AS row FROM {place} t")
        kept += "".join(row["row"] for row in rows)
    for secret in (totp.secret, codes[0], codes[0].replace("-", "")):
        assert secret not in kept
        assert secret not in caplog.text


async def test_a_removed_factor_is_asked_for_no_more_and_ends_the_other_sessions(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    totp, codes = await bind_totp(browser)
    other = await give_password(auth, platform, person)
    await other.submit({"one_time_code": codes[0]})
    page = await browser.get("/second-factors")
    found = re.search(r'name="second_factor_id" value="([^"]+)"', page.text)
    assert found
    await post(browser, "/remove", second_factor_id=found[1])
    assert (await other.get("/second-factors")).status_code == 403
    removed = (await events_named(auth, "second-factor-removed"))[0][1]
    assert (removed["kind"], removed["reason"]) == ("totp", "by-owner")
    left = await auth.database.fetch("SELECT 1 FROM recovery_codes")
    assert left == []
    third = new_browser(auth)
    answer = await parties.sign_in(third, parties.client(auth, platform), person)
    assert answer.status_code == 303
    assert next_code(totp)


async def test_another_persons_factor_and_an_unknown_one_are_not_there(auth: Running, platform: Platform) -> None:
    browser, _ = await signed_in(auth, platform)
    await bind_totp(browser)
    stranger, _ = await signed_in(auth, platform)
    row = await auth.database.fetchrow("SELECT id FROM second_factors")
    assert row is not None
    for named in (str(row["id"]), str(new_id()), "no-id"):
        assert (await post(stranger, "/remove", second_factor_id=named)).status_code == 404
    assert len(await auth.database.fetch("SELECT 1 FROM second_factors")) == 1


async def test_nobody_changes_factors_without_a_fresh_session_and_their_own_form(
    auth: Running, platform: Platform
) -> None:
    nobody = new_browser(auth)
    assert (await nobody.get("/second-factors")).status_code == 403
    browser, _ = await signed_in(auth, platform)
    forged = await browser.http.post("/second-factors/totp", data={"form_token": "x", "name": "mine"})
    assert forged.status_code == 400
    assert await auth.database.fetch("SELECT 1 FROM factor_enrolments") == []
    run = await asyncpg_owner(auth)
    await run("UPDATE sessions SET authenticated_at = authenticated_at - interval '11 min'")
    await run("UPDATE user_codes SET password_set_at = password_set_at - interval '1 h'")
    await run("UPDATE registrations SET changed_at = changed_at - interval '1 h'")
    stale = await browser.get("/second-factors")
    assert stale.status_code == 403
    assert "Sign in again" in stale.text
    reasons = await auth.database.fetch("SELECT reason FROM access_records WHERE action LIKE '%second-factors%'")
    assert {row["reason"] for row in reasons} == {"sign-in-first", "start-again", "sign-in-again"}


async def asyncpg_owner(service: Running) -> Any:
    async def run(statement: str) -> None:
        connection = await asyncpg.connect(service.owner_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    return run


async def test_an_agent_adds_a_factor_beside_the_one_that_was_installed(auth: Running, platform: Platform) -> None:
    browser = await give_agents_password(auth, platform)
    installed = pyotp.TOTP(secret_of(platform, "validator", "totp"))
    await browser.submit({"one_time_code": installed.now()})
    own, _ = await bind_totp(browser)
    other = await give_agents_password(auth, platform)
    assert (await other.submit({"one_time_code": next_code(own)})).status_code == 303
    told = (await events_named(auth, "second-factor-enrolled"))[0][1]
    assert told["agent_id"]
    assert "applicant_id" not in told or told["applicant_id"] is None


async def test_lost_factors_are_removed_for_their_owner(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    call = Call(actor="agent:x", at=now(), correlation_id=new_id())
    async with auth.database.transaction() as tx:
        await remove_all_factors(tx, call, owner_of(person))
    assert [told["reason"] for _, told in await events_named(auth, "second-factor-removed")] == ["reset"]
    answer = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert answer.status_code == 303
    assert await auth.database.fetch("SELECT 1 FROM recovery_codes") == []


async def test_no_more_than_ten_factors_are_bound(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    run = await asyncpg_owner(auth)
    await run(
        "INSERT INTO second_factors SELECT gen_random_uuid(), owner_id, applicant_id, kind, name, sealed_secret,"
        " sealing_key_id, 0, NULL, NULL, 0, enrolled_at FROM second_factors, generate_series(1, 9)"
    )
    answer = await post(browser, "/totp", name="one more")
    assert answer.status_code == 409
    assert await list_kinds(auth.database, owner_of(person)) == {FactorKind.TOTP}


async def test_the_page_asks_with_the_field_that_fits(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser)
    other = await give_password(auth, platform, person)
    assert read_page(other.page).inputs["one_time_code"]["inputmode"] == "numeric"
    assert "passkey" not in other.page.text
    recovery: httpx.Response = await other.get("/one-time-code?with=recovery-code")
    assert read_page(recovery).inputs["one_time_code"]["inputmode"] == "text"


async def test_a_person_who_is_held_between_the_steps_goes_no_further(auth: Running, platform: Platform) -> None:
    browser, person = await signed_in(auth, platform)
    totp, _ = await bind_totp(browser)
    other: Browser = await give_password(auth, platform, person)
    await parties.tell(auth, suspended(person), publisher="delegation")
    answer = await other.submit({"one_time_code": next_code(totp)})
    assert answer.status_code in {400, 401}
    assert "clicsequr" not in answer.headers.get("location", "")


async def test_a_portal_is_told_which_factors_its_person_has_and_nothing_of_their_secrets(
    auth: Running, platform: Platform
) -> None:
    browser, person = await signed_in(auth, platform)
    await bind_totp(browser, "telephone")
    mine = auth.tokens.person_in_charge(person.applicant_id, person.user_code_id, iat=int(now().timestamp()) + 2)
    told = (await auth.public.get("/v1/me/second-factors", headers=mine)).json()
    assert (told["recovery_codes_left"], told["has_password"]) == (10, True)
    assert [set(one) for one in told["second_factors"]] == [{"id", "kind", "name", "enrolled_at"}]
    assert told["second_factors"][0]["name"] == "telephone"
    foreign = await auth.public.get("/v1/me/second-factors", headers=auth.tokens.user(new_id(), new_id()))
    assert foreign.json() == {"second_factors": [], "recovery_codes_left": 0, "has_password": False}
