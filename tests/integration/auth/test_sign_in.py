import asyncio
import hashlib
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    ConditionsPosted,
    RegistrationCancelled,
    RegistrationReactivated,
    Translated,
)
from libs.common.ids import new_id
from services.auth.user_code.passwords import HashingBusy, Threads
from tests.integration.auth import parties
from tests.integration.auth.parties import (
    PASSWORD,
    Person,
    answer_of,
    claims_of,
    header_of,
    new_browser,
    read_page,
    without_tokens,
)
from tests.integration.auth.test_user_code_holds import hold
from tests.kit import Running

NEW_PASSWORD = "another lake, further in the north"


def suspended(person: Person) -> PersonInChargeSuspended:
    return PersonInChargeSuspended(
        applicant_id=person.applicant_id, person_id=new_id(), user_code_id=person.user_code_id
    )


async def last_record(service: Running) -> tuple[str, str, str | None, UUID | None]:
    row = await service.database.fetchrow(
        "SELECT action, outcome, reason, applicant_id FROM access_records ORDER BY at DESC, id DESC LIMIT 1"
    )
    assert row is not None
    return row["action"], row["outcome"], row["reason"], row["applicant_id"]


async def test_a_person_in_charge_changes_the_password_at_first_use_and_only_then_gets_tokens(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    page = await parties.sign_in(browser, portal, person)
    assert page.url.path == "/change-password"
    assert "Your responsibilities" in page.text
    silent = await browser.get(portal.authorize(prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    browser = new_browser(auth)
    answer = answer_of(await parties.first_sign_in(browser, portal, person))
    assert answer["state"] == "the-state"
    assert answer["iss"] == auth.settings.issuer
    granted = (await portal.redeem(answer["code"], resource="urn:clicsequr:registry")).json()
    claims = await claims_of(auth, granted["access_token"])
    assert header_of(granted["access_token"])["typ"] == "at+jwt"
    assert claims["aud"] == "urn:clicsequr:registry"
    assert claims["applicant"] == str(person.applicant_id)
    assert claims["user_code"] == str(person.user_code_id)
    assert claims["role"] == "person_in_charge"
    assert claims["exp"] - claims["iat"] == 300
    told = await claims_of(auth, granted["id_token"])
    assert told["sub"] == str(person.user_code_id)
    assert told["nonce"] == portal.nonce
    assert told["aud"] == "portal"
    assert (told["acr"], told["amr"]) == ("urn:clicsequr:acr:password", ["pwd"])
    names = [name for name, _ in await auth.events()]
    assert names == ["user-code-assigned", "user-code-activated", "password-changed", "session-started"]


async def test_the_duties_that_were_shown_are_kept_with_the_conditions_and_shown_to_each_role(
    auth: Running, platform: Platform
) -> None:
    url = Translated(fr="https://r.example/fr", en="https://r.example/en")
    posted = ConditionsPosted(owner="clicsequr", version="2011-11-E1", posted_at=now(), url=url)
    await auth.deliver(posted, publisher="registry", partitionkey="provider")
    person = await parties.new_person_in_charge(auth)
    browser = new_browser(auth)
    page = await parties.sign_in(browser, parties.client(auth, platform), person)
    assert "https://r.example/en" in read_page(page).links
    row = await auth.database.fetchrow("SELECT user_code_id, conditions, role, language FROM duties_shown")
    assert row is not None
    assert tuple(row.values()) == (person.user_code_id, "2011-11-E1", "person_in_charge", "en")
    evidence = await auth.database.fetch("SELECT 1 FROM evidence_records WHERE command = 'show_duties'")
    assert len(evidence) == 1
    answer = await browser.submit({"new_password": PASSWORD, "repeated_password": PASSWORD})
    granted = await parties.client(auth, platform).redeem(answer_of(answer)["code"])
    assert granted.status_code == 400, "another verifier"


@pytest.mark.parametrize(
    "kind",
    ["unknown", "wrong password", "pending", "pending and held", "held", "expired", "unknown portal name"],
)
async def test_unknown_wrong_pending_held_and_expired_get_one_same_answer(
    auth: Running, platform: Platform, kind: str
) -> None:
    typed = await _unusable(auth, kind)
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    before = read_page(browser.page).fields
    answer = await browser.submit(typed)
    assert answer.status_code == 401
    kept = "" if kind == "unknown portal name" else typed["user_code"]
    assert read_page(answer).fields == {**before, "user_code": kept}
    reference = new_browser(auth)
    await reference.get(parties.client(auth, platform).authorize())
    other = await reference.submit({"user_code": "22222-22222", "password": "nothing at all"})
    assert without_tokens(answer) == without_tokens(other)
    assert "clicsequr-session" not in browser.http.cookies


async def _unusable(service: Running, kind: str) -> dict[str, str]:
    if kind in {"unknown", "unknown portal name"}:
        return {"user_code": "23456-789AB" if kind == "unknown" else "validator", "password": PASSWORD}
    if kind in {"pending", "pending and held"}:
        person = await parties.assign(service, applicant_id=new_id())
        if kind == "pending and held":
            assert (await hold(service, person, service.tokens.agent("security"))).status_code == 201
        return {"user_code": person.user_code, "password": person.password}
    person = await parties.new_person_in_charge(service)
    if kind == "held":
        await parties.tell(service, suspended(person), publisher="delegation")
    if kind == "expired":
        await service.database.execute(
            "UPDATE user_codes SET activated_at = now() - interval '31 d', password_set_at = '2026-01-01Z'"
        )
    password = PASSWORD if kind == "wrong password" else person.password
    return {"user_code": person.user_code, "password": password}


async def test_each_attempt_is_recorded_with_its_result_and_the_applicant_when_the_code_is_known(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    await browser.submit({"user_code": "22222-22222", "password": "x"})
    assert await last_record(auth) == ("POST /sign-in", "refused", "unknown-user-code", None)
    await browser.submit({"user_code": person.user_code, "password": "x"})
    assert await last_record(auth) == ("POST /sign-in", "refused", "wrong-password", person.applicant_id)
    await browser.submit({"user_code": person.user_code, "password": person.password})
    assert await last_record(auth) == ("POST /sign-in", "admitted", None, person.applicant_id)
    await browser.submit({"new_password": "short", "repeated_password": "short"})
    assert await last_record(auth) == (
        "POST /change-password",
        "refused",
        "password-too-short",
        person.applicant_id,
    )
    await browser.submit({"new_password": PASSWORD, "repeated_password": PASSWORD})
    assert await last_record(auth) == ("POST /change-password", "admitted", None, person.applicant_id)
    failed = [data for name, data in await auth.events() if name == "authentication-failed"]
    assert [data["user_code_id"] for data in failed] == [str(person.user_code_id)]
    rows = await auth.database.fetch(
        "SELECT count(*) FROM access_records GROUP BY correlation_id HAVING count(*) > 1"
    )
    assert rows == []


async def test_the_code_is_read_however_it_is_written(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    person.user_code = f" {person.user_code.replace('-', ' ').lower()} "
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), parties.client(auth, platform), person))


@pytest.mark.parametrize(
    ("typed", "kept"), [(" ab3cd ef4gh", "AB3CD-EF4GH"), ("AB3CDEF4G0", "AB3CD-EF4G0"), ("a whole password", "")]
)
async def test_who_is_refused_need_not_type_the_code_again_and_nothing_else_is_shown(
    auth: Running, platform: Platform, typed: str, kept: str
) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    answer = await browser.submit({"user_code": typed, "password": "not this one"})
    assert answer.status_code == 401
    assert read_page(answer).fields["user_code"] == kept
    assert read_page(answer).fields["password"] == ""


async def test_the_one_time_password_dies_at_first_use(auth: Running, platform: Platform) -> None:
    person = await parties.new_person_in_charge(auth)
    one_time = person.password
    await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), person)
    person.password = one_time
    assert (await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)).status_code == 401


async def test_the_new_password_may_not_be_the_one_time_password(auth: Running, platform: Platform) -> None:
    person = await parties.new_person_in_charge(auth)
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    spaced = person.password.replace("-", " ").lower()
    answer = await browser.submit({"new_password": spaced, "repeated_password": spaced})
    assert answer.status_code == 400
    assert "must differ" in answer.text


async def test_the_session_gets_a_new_secret_at_sign_in_and_after_the_password_change(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    browser = new_browser(auth)
    browser.http.cookies.set("clicsequr-session", "chosen-by-somebody-else", domain="127.0.0.1")
    await parties.sign_in(browser, parties.client(auth, platform), person)
    seen = {cookie.value for cookie in browser.http.cookies.jar if cookie.name == "clicsequr-session"}
    await browser.submit({"new_password": PASSWORD, "repeated_password": PASSWORD})
    after = {cookie.value for cookie in browser.http.cookies.jar if cookie.name == "clicsequr-session"}
    assert after - seen
    stored = await auth.database.fetch("SELECT id FROM sessions")
    assert len(stored) == 1


async def test_a_form_of_another_browser_signs_nobody_in(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    attacker, victim = new_browser(auth), new_browser(auth)
    page = await attacker.get(parties.client(auth, platform).authorize())
    typed = {"user_code": person.user_code, "password": person.password}
    answer = await victim.submit(typed, page=page)
    assert answer.status_code == 400
    await victim.get(parties.client(auth, platform).authorize())
    answer = await victim.submit(typed, page=page)
    assert answer.status_code == 400
    assert (await last_record(auth))[:3] == ("POST /sign-in", "refused", "start-again")


async def test_pages_have_a_strict_policy_that_lets_the_answer_reach_the_client_and_no_script_but_the_passkeys(
    auth: Running, platform: Platform
) -> None:
    page = await new_browser(auth).get(parties.client(auth, platform).authorize())
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert policy.endswith("form-action 'self' https: http://127.0.0.1:18090")
    assert policy.startswith("script-src 'self'; connect-src 'self'; default-src 'none'")
    assert page.text.count("<script") == 1
    script = await auth.public.get("/assets/passkey.js")
    assert script.headers["content-type"].startswith("text/javascript")
    other = await new_browser(auth).get("/second-factors")
    assert "script" not in other.headers["content-security-policy"] + other.text
    assert page.headers["cache-control"] == "no-store"
    inputs = read_page(page).inputs
    assert inputs["user_code"]["autocomplete"] == "username"
    assert inputs["password"]["autocomplete"] == "current-password"
    for kind, name in (("text/css", "clicsequr.css"), ("image/svg+xml", "clicsequr.svg")):
        asset = await auth.public.get(f"/assets/{name}")
        assert asset.headers["content-type"].startswith(kind)
        assert f'href="/assets/{name}?v={hashlib.sha256(asset.content).hexdigest()[:12]}"' in page.text


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [(None, "de", "fr"), (None, "en", "en"), ("fr-CA en", "en", "fr"), ("en", "fr", "en"), ("de", "fr", "fr")],
)
async def test_pages_speak_the_language_that_was_asked_for(
    auth: Running, platform: Platform, asked: str | None, accepted: str, language: str
) -> None:
    browser = new_browser(auth)
    browser.http.headers["accept-language"] = accepted
    page = await browser.get(parties.client(auth, platform).authorize(ui_locales=asked))
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}">' in page.text
    assert ("Ouvrir une session" in page.text) == (language == "fr")


async def test_a_stranger_on_another_network_does_not_lock_the_owner_out(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    answers = {}
    for name, typed in (("known", person.user_code), ("unknown", "22222-22222")):
        stranger = new_browser(auth, address="192.0.2.9")
        await stranger.get(portal.authorize())
        answers[name] = [(await stranger.submit({"user_code": typed, "password": "x"})) for _ in range(7)]
    assert [a.status_code for a in answers["known"]] == [a.status_code for a in answers["unknown"]]
    assert answers["known"][-1].status_code == 429
    assert int(answers["known"][-1].headers["retry-after"]) >= 1
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


async def test_a_suspended_registration_is_told_to_the_right_password_alone_with_who_can_lift_it(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    browser = new_browser(auth)
    page = await parties.sign_in(browser, portal, person)
    assert page.status_code == 403
    assert "Who can lift it" in page.text
    assert await last_record(auth) == ("POST /sign-in", "refused", "registration-suspended", person.applicant_id)
    elsewhere = await parties.sign_in(
        new_browser(auth), parties.client(auth, platform, parties.CLIC_REVENU), person
    )
    assert not any("recourse" in link for link in read_page(elsewhere).links)
    assert "Call Revenu Québec" in elsewhere.text
    assert read_page(elsewhere).action == "/cancel", "there is a way back"
    await browser.get(next(link for link in read_page(page).links if "recourse" in link))
    answer = answer_of(await browser.submit({"user_code": person.user_code, "password": person.password}))
    granted = (await portal.redeem(answer["code"], resource="urn:clicsequr:registry")).json()
    claims = await claims_of(auth, granted["access_token"])
    assert (claims["scope"], claims["role"]) == ("recourse", "person_in_charge")
    assert answer_of(await browser.get(portal.authorize(prompt="none")))["error"] == "login_required"
    again = answer_of(await browser.get(portal.authorize(scope="openid recourse", prompt="none")))
    assert "code" in again


async def test_recourse_is_not_for_held_persons_nor_for_other_clients(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await parties.tell(auth, RegistrationCancelled(applicant_id=person.applicant_id, cancelled_by="provider"))
    await parties.tell(auth, suspended(person), publisher="delegation")
    portal = parties.client(auth, platform)
    answer = await parties.sign_in(new_browser(auth), portal, person, scope="openid recourse")
    assert answer.status_code == 401
    clic_revenu = parties.client(auth, platform, parties.CLIC_REVENU)
    refused = answer_of(await new_browser(auth).get(clic_revenu.authorize(scope="openid recourse")))
    assert refused["error"] == "invalid_scope"


async def test_after_a_release_a_fresh_sign_in_works_at_once_with_the_same_password(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    code = answer_of(await parties.first_sign_in(browser, portal, person))["code"]
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    await parties.tell(auth, AccessReactivated(applicant_id=person.applicant_id))
    assert (await browser.get(portal.authorize())).url.path == "/sign-in"
    answer = answer_of(await browser.submit({"user_code": person.user_code, "password": person.password}))
    granted = await portal.redeem(answer["code"])
    assert granted.status_code == 200
    bound = await auth.database.fetchrow("SELECT max(refuse_issued_before) AS bound FROM standing")
    assert bound is not None
    claims = await claims_of(auth, granted.json()["access_token"])
    assert claims["iat"] > bound["bound"].timestamp()


async def test_after_a_reactivation_everyone_chooses_a_new_password(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    await parties.tell(auth, RegistrationCancelled(applicant_id=person.applicant_id, cancelled_by="applicant"))
    page = await parties.sign_in(new_browser(auth), portal, person)
    assert "Who can reactivate it" in page.text
    await parties.tell(auth, RegistrationReactivated(applicant_id=person.applicant_id))
    browser = new_browser(auth)
    page = await parties.sign_in(browser, portal, person)
    assert page.url.path == "/change-password"
    assert "reactivated" in page.text
    assert "Your responsibilities" not in page.text
    same = await browser.submit({"new_password": PASSWORD, "repeated_password": PASSWORD})
    assert same.status_code == 400
    answer = await browser.submit({"new_password": NEW_PASSWORD, "repeated_password": NEW_PASSWORD})
    assert (await portal.redeem(answer_of(answer)["code"])).status_code == 200
    changed = [data["was_first_use"] for name, data in await auth.events() if name == "password-changed"]
    assert changed == [True, False]


async def test_a_person_who_is_suspended_loses_every_session_and_may_sign_in_again_once_reactivated(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    code = answer_of(await parties.first_sign_in(browser, portal, person))["code"]
    await parties.tell(auth, suspended(person), publisher="delegation")
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    ended = [data["reason"] for name, data in await auth.events() if name == "session-ended"]
    assert ended == ["suspended"]
    held = suspended(person)
    await parties.tell(auth, PersonInChargeReactivated.model_validate(held.model_dump()), publisher="delegation")
    answer = answer_of(await parties.sign_in(new_browser(auth), portal, person))
    assert (await portal.redeem(answer["code"])).status_code == 200


async def test_a_parked_event_of_the_applicant_stops_its_sign_in(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await parties.park_an_event_of(auth, person.applicant_id)
    answer = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert answer.status_code == 503
    assert await last_record(auth) == ("POST /sign-in", "refused", "facts-too-old", person.applicant_id)


async def test_more_sign_ins_than_can_be_hashed_are_asked_to_wait(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await parties.sessions_person(auth, platform)

    def full(_: Threads) -> None:
        raise HashingBusy(retry_after=2)

    monkeypatch.setattr(Threads, "_require_place", full)
    answer = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "/sign-in" in read_page(answer).links, "nobody has to find the way back by themselves"
    assert await last_record(auth) == ("POST /sign-in", "refused", "hashing-busy", person.applicant_id)


async def test_of_tabs_that_sign_in_at_once_one_opens_a_session_and_the_others_go_on_in_it(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    before = await auth.database.fetch("SELECT id FROM sessions")
    browser = new_browser(auth)
    page = await browser.get(parties.client(auth, platform).authorize())
    typed = {"user_code": person.user_code, "password": person.password}
    answers = await asyncio.gather(*(browser.submit(typed, page=page) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert len(await auth.database.fetch("SELECT id FROM sessions")) == len(before) + 1
    refused = await auth.database.fetch("SELECT 1 FROM access_records WHERE outcome = 'refused'")
    assert refused == []
    failures = await auth.database.fetch("SELECT 1 FROM sign_in_attempts WHERE failures > 0")
    assert failures == [], "no attempt failed"


async def test_a_sign_in_that_took_too_long_starts_again(auth: Running, platform: Platform) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    await auth.database.execute(
        "DELETE FROM authorization_requests WHERE expires_at < $1", now() + timedelta(hours=1)
    )
    answer = await browser.submit({"user_code": "22222-22222", "password": "x"})
    assert answer.status_code == 400
    assert "Start again" in answer.text
