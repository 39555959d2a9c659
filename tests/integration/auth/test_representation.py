"""Acting for who gave a power of attorney: delegation is the other side of the arrow here."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import AccessSuspended
from libs.common.ids import new_id
from services.auth.app import SERVICE, sweep_expired
from services.auth.authorization.exchange import ACCESS_TOKEN, GRANT_TYPE
from tests.integration.auth import parties
from tests.integration.auth.parties import CLIC_REVENU, Browser, Person, answer_of, claims_of, new_browser
from tests.integration.auth.registered import BOOKS, Books, install
from tests.integration.auth.test_cancelled_sign_ins import cancel
from tests.integration.auth.test_introspection import ask as introspect
from tests.kit import Running, running


@dataclass
class Delegation:
    """Answers whom somebody may act for; `away` makes it fail so."""

    granted: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)
    away: int | None = None
    asked: list[httpx.Request] = field(default_factory=list)

    def give(self, person: Person, *, name: str = "Boulangerie du Coin inc.", ends_on: date | None = None) -> UUID:
        power = {
            "applicant_id": str(new_id()),
            "power_of_attorney_id": str(new_id()),
            "name": name,
            "number": "1234567890",
            "ends_on": None if ends_on is None else ends_on.isoformat(),
        }
        self.granted.setdefault(person.user_code_id, []).append(power)
        return UUID(str(power["applicant_id"]))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.away is not None:
            return httpx.Response(self.away, json={})
        user_code_id = UUID(urlsplit(str(request.url)).path.split("/")[4])
        return httpx.Response(200, json={"represented_applicants": self.granted.get(user_code_id, [])})


@pytest.fixture
def delegation() -> Delegation:
    return Delegation()


@pytest.fixture
async def auth(platform: Platform, delegation: Delegation) -> AsyncIterator[Running]:
    keys.create(platform.keys)
    async with running(
        SERVICE,
        platform,
        peers={"delegation": delegation.answer},
        keys_dir=platform.keys,
        argon2_memory_kib=64,
        argon2_passes=1,
    ) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service


def power_of(delegation: Delegation, person: Person, number: int = 0) -> str:
    return str(delegation.granted[person.user_code_id][number]["power_of_attorney_id"])


async def signed_in_for(
    service: Running, platform: Platform, person: Person, chosen: str, **asked: str
) -> tuple[Browser, dict[str, Any]]:
    """A browser that chose; the claims of the access token that the portal was given."""
    portal = parties.client(service, platform)
    browser = new_browser(service)
    page = await parties.sign_in(browser, portal, person, **asked)
    assert page.url.path == "/applicant", page.text
    answer = await browser.submit({"applicant": chosen})
    granted = await portal.redeem(answer_of(answer)["code"])
    assert granted.status_code == 200, granted.text
    return browser, await claims_of(service, granted.json()["access_token"])


async def switch(
    service: Running, platform: Platform, browser: Browser, chosen: str
) -> tuple[httpx.Response, dict[str, Any]]:
    portal = parties.client(service, platform)
    page = await browser.get(portal.authorize(prompt="select_account"))
    assert page.url.path == "/applicant", page.text
    granted = await portal.redeem(answer_of(await browser.submit({"applicant": chosen}))["code"])
    assert granted.status_code == 200, granted.text
    return page, await claims_of(service, granted.json()["access_token"])


async def test_who_has_no_power_of_attorney_is_asked_nothing(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.asked.clear()
    portal = parties.client(auth, platform)
    answer = await parties.sign_in(new_browser(auth), portal, person)
    claims = await claims_of(auth, (await portal.redeem(answer_of(answer)["code"])).json()["access_token"])
    assert (claims["applicant"], claims["role"]) == (str(person.applicant_id), "person_in_charge")
    assert "power_of_attorney" not in claims
    (asked,) = delegation.asked
    assert asked.url.path == f"/internal/v1/user-codes/{person.user_code_id}/represented-applicants"
    assert asked.headers["clicsequr-first-actor"] == f"user_code:{person.user_code_id}"


async def test_a_wrong_password_asks_delegation_nothing(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.asked.clear()
    person.password = "not the password at all"
    page = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert page.status_code == 401
    assert delegation.asked == []


async def test_a_person_chooses_and_their_token_says_for_whom_in_which_role_under_which_power(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    power = power_of(delegation, person)
    _, claims = await signed_in_for(auth, platform, person, power)
    assert claims["applicant"] == str(granting)
    assert claims["role"] == "mandatary"
    assert claims["power_of_attorney"] == power
    assert claims["user_code"] == str(person.user_code_id)
    assert claims["user_code_applicant"] == str(person.applicant_id)
    started = [data for name, data in await auth.events() if name == "session-started"][-1]
    assert (started["represented_applicant_id"], started["power_of_attorney_id"]) == (str(granting), power)
    assert started["applicant_id"] == str(person.applicant_id)
    kept = await auth.database.fetchrow(
        "SELECT applicant_id, content FROM evidence_records WHERE command = 'start_session' "
        "ORDER BY at DESC LIMIT 1"
    )
    assert kept is not None
    assert kept["applicant_id"] == person.applicant_id
    named = (kept["content"]["represented_applicant_id"], kept["content"]["power_of_attorney_id"])
    assert named == (str(granting), power)
    mine = auth.tokens.person_in_charge(
        person.applicant_id, person.user_code_id, session_id=UUID(claims["sid"]), iat=int(now().timestamp()) + 2
    )
    listed = (await auth.public.get("/v1/me/sessions", headers=mine)).json()["sessions"]
    assert [one["represented_applicant_id"] for one in listed if one["is_this"]] == [str(granting)]
    evidence = await auth.database.fetchrow(
        "SELECT applicant_id, user_code_applicant_id, power_of_attorney_id, role, content FROM evidence_records "
        "WHERE command = 'choose_applicant'"
    )
    assert evidence is not None
    assert (evidence["applicant_id"], evidence["role"]) == (granting, "mandatary")
    assert evidence["user_code_applicant_id"] == person.applicant_id
    assert str(evidence["power_of_attorney_id"]) == power
    assert evidence["content"] == {
        "session_id": claims["sid"],
        "user_code_id": str(person.user_code_id),
        "power_of_attorney_id": power,
    }
    records = await auth.database.fetch(
        "SELECT action, role, user_code_applicant_id FROM access_records WHERE applicant_id = $1 ORDER BY at",
        granting,
    )
    assert [tuple(row.values()) for row in records] == [
        ("POST /applicant", "mandatary", person.applicant_id),
        ("POST /oauth/token", "mandatary", person.applicant_id),
    ]


async def records_of(service: Running, applicant_id: UUID, *, kind: str) -> list[dict[str, Any]]:
    """As a person in charge of that applicant lists them."""
    headers = service.tokens.headers(
        **issued_now({"applicant": applicant_id, "role": "person_in_charge", "user_code": new_id()})
    )
    page = await service.public.get(f"/v1/applicants/{applicant_id}/{kind}-records", headers=headers)
    assert page.status_code == 200, page.text
    records: list[dict[str, Any]] = page.json()["records"]
    return records


async def test_what_is_done_by_a_code_under_a_power_is_listed_to_who_gave_it_and_to_whose_code_it_is(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    await signed_in_for(auth, platform, person, power_of(delegation, person))
    for one in (granting, person.applicant_id):
        used = [
            (record["action"], record["applicant_id"], record["user_code_applicant_id"])
            for record in await records_of(auth, one, kind="access")
            if record["role"] == "mandatary"
        ]
        both = (str(granting), str(person.applicant_id))
        assert used == [("POST /applicant", *both), ("POST /oauth/token", *both)]
        acts = [
            (record["command"], record["applicant_id"], record["user_code_applicant_id"])
            for record in await records_of(auth, one, kind="evidence")
            if record["role"] == "mandatary"
        ]
        assert ("choose_applicant", *both) in acts


async def test_a_department_is_told_the_power_and_never_the_code_or_its_applicant(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, power_of(delegation, person))
    department = parties.client(auth, platform, CLIC_REVENU)
    granted = (await department.redeem(answer_of(await browser.get(department.authorize()))["code"])).json()
    for token in (granted["access_token"], granted["id_token"]):
        claims = await claims_of(auth, token)
        assert (claims["applicant"], claims["role"]) == (str(granting), "mandatary")
        assert claims["power_of_attorney"] == power_of(delegation, person)
        assert not {str(person.user_code_id), str(person.applicant_id)} & set(map(str, claims.values()))


async def test_the_page_lists_each_power_by_its_own_names_and_keeps_none(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person, name="Boulangerie <du Coin> inc.", ends_on=date(2027, 3, 31))
    delegation.give(person, name="Ferme Gagnon")
    browser = new_browser(auth)
    page = await parties.sign_in(browser, parties.client(auth, platform), person, ui_locales="en")
    for shown in (
        "Boulangerie &lt;du Coin&gt; inc.",
        "Ferme Gagnon",
        "1234567890",
        "March 31, 2027",
        "My own applicant",
    ):
        assert shown in page.text
    assert "checked" not in page.text
    await browser.submit({"applicant": power_of(delegation, person, 1)})
    kept = "\n".join(
        [
            str([dict(row) for row in await auth.database.fetch(f"SELECT * FROM {table}")])
            for table in ("sessions", "outbox", "evidence_records", "access_records")
        ]
    )
    assert "Ferme Gagnon" not in kept
    assert "1234567890" not in kept


@pytest.mark.parametrize("chosen", ["", "own'--", str(UUID(int=7)), "x" * 5000])
async def test_who_is_not_on_the_list_cannot_be_chosen(
    auth: Running, platform: Platform, delegation: Delegation, chosen: str
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    before = await auth.events()
    page = await browser.submit({"applicant": chosen})
    assert page.status_code == 400
    assert "Choose an applicant of the list" in page.text
    assert await auth.events() == before
    assert (await browser.submit({"applicant": "own"})).status_code == 303


async def test_somebody_elses_power_cannot_be_chosen(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person, other = [await parties.sessions_person(auth, platform) for _ in range(2)]
    delegation.give(person)
    delegation.give(other)
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    assert (await browser.submit({"applicant": power_of(delegation, other)})).status_code == 400


async def test_a_switch_is_a_session_of_its_own_and_ends_the_former_one(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    browser, before = await signed_in_for(auth, platform, person, "own")
    assert before["applicant"] == str(person.applicant_id)
    page, after = await switch(auth, platform, browser, power_of(delegation, person))
    assert 'value="own" required checked' in page.text
    assert (after["applicant"], after["role"]) == (str(granting), "mandatary")
    assert after["sid"] != before["sid"]
    assert after["auth_time"] == before["auth_time"]
    ended = [data["session_id"] for name, data in await auth.events() if name == "session-ended"]
    assert ended == [before["sid"]]
    former = auth.tokens.person_in_charge(person.applicant_id, person.user_code_id, session_id=UUID(before["sid"]))
    assert (await auth.public.get("/v1/me/sessions", headers=former)).json()["code"] == "token-refused"
    _, back = await switch(auth, platform, browser, "own")
    assert (back["applicant"], back["role"]) == (str(person.applicant_id), "person_in_charge")
    assert len({before["sid"], after["sid"], back["sid"]}) == 3


async def test_choosing_the_same_applicant_again_changes_nothing(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser, before = await signed_in_for(auth, platform, person, power_of(delegation, person))
    _, after = await switch(auth, platform, browser, power_of(delegation, person))
    assert after["sid"] == before["sid"]
    assert "session-ended" not in [name for name, _ in await auth.events()]
    silent = await browser.get(parties.client(auth, platform).authorize(prompt="none"))
    assert "code" in answer_of(silent)


async def test_a_power_that_is_over_gives_no_more_tokens_and_its_person_chooses_anew(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    portal = parties.client(auth, platform)
    browser, _ = await signed_in_for(auth, platform, person, power_of(delegation, person))
    code = answer_of(await browser.get(portal.authorize()))["code"]
    delegation.granted.clear()
    refused = await portal.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    silent = answer_of(await browser.get(portal.authorize(prompt="none")))
    assert silent["error"] == "login_required"
    page = await browser.get(portal.authorize())
    assert page.url.path == "/applicant"
    granted = await portal.redeem(answer_of(await browser.submit({"applicant": "own"}))["code"])
    claims = await claims_of(auth, granted.json()["access_token"])
    assert (claims["applicant"], claims["role"]) == (str(person.applicant_id), "person_in_charge")


@pytest.mark.parametrize("away", [404, 500, 503])
async def test_while_delegation_is_away_a_person_acts_for_their_own_applicant_alone(
    auth: Running, platform: Platform, delegation: Delegation, away: int
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    portal = parties.client(auth, platform)
    browser, _ = await signed_in_for(auth, platform, person, power_of(delegation, person))
    code = answer_of(await browser.get(portal.authorize()))["code"]
    delegation.away = away
    refused = await portal.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    page = await browser.get(portal.authorize())
    assert "cannot be shown at this moment" in page.text
    assert (await browser.submit({"applicant": power_of(delegation, person)})).status_code == 400
    assert "code" in answer_of(await browser.submit({"applicant": "own"}))
    fresh = await parties.sign_in(new_browser(auth), portal, person)
    claims = await claims_of(auth, (await portal.redeem(answer_of(fresh)["code"])).json()["access_token"])
    assert claims["applicant"] == str(person.applicant_id)
    delegation.away = None
    assert (await portal.redeem(code)).status_code == 400


async def test_the_standing_of_the_represented_applicant_and_of_ones_own_both_count(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    portal = parties.client(auth, platform)
    browser, claims = await signed_in_for(auth, platform, person, power_of(delegation, person))
    await parties.tell(auth, AccessSuspended(applicant_id=granting))
    page = await browser.get(portal.authorize())
    assert page.url.path == "/applicant"
    refused = await browser.submit({"applicant": power_of(delegation, person)})
    assert refused.status_code == 400
    mandatary = {
        "applicant": granting,
        "role": "mandatary",
        "power_of_attorney": claims["power_of_attorney"],
        "user_code": person.user_code_id,
        "user_code_applicant": person.applicant_id,
        "sid": new_id(),
    }
    other = {**mandatary, "applicant": new_id()}
    headers = [auth.tokens.headers(**issued_now(one)) for one in (mandatary, other)]
    codes = [(await auth.public.get("/v1/me/access-records", headers=one)).json()["code"] for one in headers]
    assert codes == ["role-not-admitted", "role-not-admitted"]
    assert await refusal_of(auth, mandatary) == "access-suspended"
    assert (await auth.public.get("/v1/me/sessions", headers=headers[1])).status_code == 200
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    rows = [await refusal_of(auth, one) for one in (mandatary, other)]
    assert rows == ["access-suspended", "access-suspended"]
    assert (await browser.get(portal.authorize())).url.path == "/sign-in"


def issued_now(claims: dict[str, Any]) -> dict[str, Any]:
    """The claims of a token newer than every fact told so far: what it is refused for is a standing alone."""
    return {**claims, "iat": int(now().timestamp()) + 2}


async def refusal_of(service: Running, claims: dict[str, Any]) -> str:
    answer = await service.public.get("/v1/me/sessions", headers=service.tokens.headers(**issued_now(claims)))
    code: str = answer.json()["code"]
    return code


async def test_a_request_for_a_fresh_sign_in_cannot_be_answered_by_choosing(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, "own")
    portal = parties.client(auth, platform)
    for asked in ({"prompt": "login"}, {"prompt": "select_account login"}, {"max_age": "0"}):
        page = await browser.get(portal.authorize(**asked))
        assert page.url.path == "/sign-in"
        assert "Start again" in (await browser.get("/applicant")).text
        forged = await browser.http.post("/applicant", data={"applicant": "own", "form_token": "x"})
        assert forged.status_code == 400


async def test_another_browsers_choice_is_not_ones_own(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person, other = [await parties.sessions_person(auth, platform) for _ in range(2)]
    delegation.give(person)
    browser, _ = await signed_in_for(auth, platform, person, "own")
    portal = parties.client(auth, platform)
    await browser.get(portal.authorize(prompt="select_account"))
    theirs = new_browser(auth)
    await parties.sign_in(theirs, portal, other)
    assert (await theirs.get("/applicant")).status_code == 409, "signed in, with nothing to choose"
    mixed = new_browser(auth)
    mixed.http.cookies.set("clicsequr-request", browser.http.cookies["clicsequr-request"], domain="127.0.0.1")
    mixed.http.cookies.set("clicsequr-session", theirs.http.cookies["clicsequr-session"], domain="127.0.0.1")
    assert (await mixed.get("/applicant")).status_code == 400


async def test_after_the_first_password_whom_to_act_for_is_asked_too(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.new_person_in_charge(auth)
    delegation.give(person)
    page = await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert page.url.path == "/applicant"


async def test_recourse_is_for_ones_own_applicant(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    browser = new_browser(auth)
    portal = parties.client(auth, platform)
    answer = await parties.sign_in(browser, portal, person, scope="openid recourse")
    assert "code" in answer_of(answer)
    page = await browser.get(portal.authorize(scope="openid recourse", prompt="select_account"))
    assert page.url.path == "/sign-in"
    await sweep_expired(auth.resources)


async def test_whatever_is_done_with_a_mandataries_tokens_asks_for_the_power_again(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    granting = delegation.give(person)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await parties.sign_in(browser, portal, person, scope="openid offline_access")
    answer = await browser.submit({"applicant": power_of(delegation, person)})
    granted = (await portal.redeem(answer_of(answer)["code"])).json()
    access_token, refresh_token = granted["access_token"], granted["refresh_token"]

    async def ask() -> list[httpx.Response]:
        return [
            await auth.public.get("/oauth/userinfo", headers={"Authorization": f"Bearer {access_token}"}),
            await introspect(portal, access_token),
            await introspect(portal, refresh_token),
            await portal.token(
                grant_type=GRANT_TYPE,
                subject_token=access_token,
                subject_token_type=ACCESS_TOKEN,
                audience="urn:clicsequr:mailbox",
            ),
            await portal.token(grant_type="refresh_token", refresh_token=refresh_token),
        ]

    delegation.away = 503
    assert [one.status_code for one in await ask()] == [503] * 5
    delegation.away = None
    given, delegation.granted = delegation.granted, {}
    told, access, refresh, exchanged, refreshed = await ask()
    assert told.status_code == 401
    assert (access.json(), refresh.json()) == ({"active": False}, {"active": False})
    assert (exchanged.json()["error"], refreshed.json()["error"]) == ("invalid_request", "invalid_grant")
    delegation.granted = given
    told, access, refresh, exchanged, refreshed = await ask()
    assert told.json()["power_of_attorney"] == power_of(delegation, person)
    assert (access.json()["active"], refresh.json()["active"]) == (True, True)
    for one in (exchanged, refreshed):
        claims = await claims_of(auth, one.json()["access_token"])
        assert (claims["applicant"], claims["role"]) == (str(granting), "mandatary")


async def test_commercial_software_is_allowed_for_each_applicant_by_itself(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    await install(auth, BOOKS)
    person = await parties.sessions_person(auth, platform)
    granting, power = delegation.give(person), power_of(delegation, person)
    browser, relying = new_browser(auth), Books(auth, platform)
    assert (await parties.sign_in(browser, relying, person)).url.path == "/applicant"
    page = await browser.submit({"applicant": power})
    assert "represent under a power of attorney" in page.text
    claims = await claims_of(
        auth,
        (await relying.redeem_code(relying.code(await relying.consented(browser, page)))).json()["access_token"],
    )
    assert (claims["applicant"], claims["software"]) == (str(granting), "clic-books")
    assert (await browser.get(relying.authorize(prompt="select_account"))).url.path == "/applicant"
    page = await browser.submit({"applicant": "own"})
    assert (page.url.path, "represent under" in page.text) == ("/consent", False)
    relying.code(await relying.consented(browser, page))
    rows = await auth.database.fetch("SELECT applicant_id FROM software_consents")
    assert {row["applicant_id"] for row in rows} == {granting, person.applicant_id}
    allowed = await auth.database.fetch(
        "SELECT applicant_id, user_code_applicant_id, power_of_attorney_id FROM evidence_records "
        "WHERE command = 'allow_software' ORDER BY at"
    )
    assert [tuple(row.values()) for row in allowed] == [
        (granting, person.applicant_id, UUID(power)),
        (person.applicant_id, None, None),
    ]


async def test_choosing_for_whom_to_act_authenticates_nobody(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), person)
    (before,) = await auth.database.fetch("SELECT id, authenticated_at FROM sessions WHERE stage = 'applicant'")
    assert "code" in answer_of(await browser.submit({"applicant": power_of(delegation, person)}))
    after = await auth.database.fetchrow(
        "SELECT stage, authenticated_at FROM sessions WHERE id = $1", before["id"]
    )
    assert after is not None
    assert (after["stage"], after["authenticated_at"]) == ("complete", before["authenticated_at"])


async def test_who_chooses_nobody_to_act_for_goes_back_to_the_client(
    auth: Running, platform: Platform, delegation: Delegation
) -> None:
    person = await parties.sessions_person(auth, platform)
    delegation.give(person)
    browser = new_browser(auth)
    page = await parties.sign_in(browser, parties.client(auth, platform), person)
    assert page.url.path == "/applicant"
    assert answer_of(await cancel(browser))["error"] == "access_denied"
