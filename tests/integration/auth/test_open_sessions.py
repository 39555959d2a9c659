from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import AccessSuspended
from libs.common.ids import new_id
from tests.integration.auth import company, parties
from tests.integration.auth.parties import CLIC_REVENU, Browser, Person, answer_of, claims_of, new_browser
from tests.kit import Headers, Running

MINE = "/v1/me/sessions"
BROWSER = "Mozilla/5.0 (a test)"


async def signed_in(
    service: Running, platform: Platform, person: Person, *, address: str = "192.0.2.7", **asked: str
) -> tuple[Browser, UUID]:
    """A browser of this person with a session of its own, which the portal was granted a token in."""
    portal = parties.client(service, platform)
    browser = new_browser(service, address=address)
    browser.http.headers["user-agent"] = BROWSER
    answer = await parties.sign_in(browser, portal, person, **asked)
    granted = (await portal.redeem(answer_of(answer)["code"])).json()
    return browser, UUID((await claims_of(service, granted["access_token"]))["sid"])


def as_person(service: Running, person: Person, session_id: UUID, **claims: Any) -> Headers:
    return service.tokens.person_in_charge(
        person.applicant_id, person.user_code_id, session_id=session_id, iat=int(now().timestamp()) + 2, **claims
    )


async def listed(service: Running, headers: Headers, address: str = MINE) -> list[dict[str, Any]]:
    answer = await service.public.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


def of_applicant(person: Person, *rest: object) -> str:
    return "/".join(["/v1/applicants", str(person.applicant_id), "sessions", *map(str, rest)])


async def reasons(service: Running) -> list[tuple[str, str]]:
    return [
        (data["session_id"], data["reason"]) for name, data in await service.events() if name == "session-ended"
    ]


async def living(browser: Browser, service: Running, platform: Platform) -> bool:
    answer = await browser.get(parties.client(service, platform).authorize(prompt="none"))
    return "code" in answer_of(answer)


async def test_a_person_sees_where_they_are_signed_in_and_to_what(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    browser, first = await signed_in(auth, platform, person)
    department = parties.client(auth, platform, CLIC_REVENU)
    await department.redeem(answer_of(await browser.get(department.authorize()))["code"])
    _, second = await signed_in(auth, platform, person, address="198.51.100.9")
    found = await listed(auth, as_person(auth, person, first))
    assert [one["session_id"] for one in found] == sorted((one["session_id"] for one in found), reverse=True)
    by_id = {one["session_id"]: one for one in found}
    mine, other = by_id[str(first)], by_id[str(second)]
    assert (mine["is_this"], other["is_this"]) == (True, False)
    assert (mine["address"], other["address"]) == ("192.0.2.7", "198.51.100.9")
    assert mine["user_agent"] == BROWSER
    assert mine["acr"] == "urn:clicsequr:acr:password"
    assert [one["client_id"] for one in mine["clients"]] == ["portal", "clic-revenu"]
    assert mine["started_at"] <= mine["last_seen_at"]


async def test_pages_of_sessions_are_bounded_and_lead_on(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    for _ in range(2):
        await signed_in(auth, platform, person)
    headers = as_person(auth, person, new_id())
    whole = [one["session_id"] for one in await listed(auth, headers)]
    assert len(whole) == 3
    seen: list[str] = []
    page = (await auth.public.get(MINE, params={"limit": 2}, headers=headers)).json()
    seen += [one["session_id"] for one in page["sessions"]]
    page = (await auth.public.get(MINE, params={"limit": 2, "before": page["next"]}, headers=headers)).json()
    seen += [one["session_id"] for one in page["sessions"]]
    assert (seen, page["next"]) == (whole, None)
    for fault in ({"limit": "0"}, {"limit": "201"}, {"before": "x"}):
        assert (await auth.public.get(MINE, params=fault, headers=headers)).status_code == 422


async def test_a_session_is_ended_from_another_one_for_good_and_once(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    here, this = await signed_in(auth, platform, person)
    there, other = await signed_in(auth, platform, person)
    for _ in range(2):
        answer = await auth.public.delete(f"{MINE}/{other}", headers=as_person(auth, person, this))
        assert answer.status_code == 204
    assert await reasons(auth) == [(str(other), "signed-out")]
    assert not await living(there, auth, platform)
    assert await living(here, auth, platform)
    refused = await auth.public.get(
        MINE, headers=auth.tokens.person_in_charge(person.applicant_id, person.user_code_id, session_id=other)
    )
    assert refused.status_code == 401
    evidence = await auth.database.fetchrow(
        "SELECT actor, content FROM evidence_records WHERE command = 'end_session'"
    )
    assert evidence is not None
    assert evidence["actor"] == f"user_code:{person.user_code_id}"
    assert evidence["content"] == {"session_id": str(other), "reason": "signed-out"}


async def test_all_others_end_and_this_one_stays(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    stranger = await parties.sessions_person(auth, platform)
    elsewhere, _ = await signed_in(auth, platform, stranger)
    here, this = await signed_in(auth, platform, person)
    there, _ = await signed_in(auth, platform, person)
    assert (await auth.public.delete(MINE, headers=as_person(auth, person, this))).status_code == 204
    assert [await living(one, auth, platform) for one in (here, there, elsewhere)] == [True, False, True]
    assert [one["session_id"] for one in await listed(auth, as_person(auth, person, this))] == [str(this)]


async def test_a_strangers_session_and_none_get_one_answer(auth: Running, platform: Platform) -> None:
    person, stranger = [await parties.sessions_person(auth, platform) for _ in range(2)]
    _, this = await signed_in(auth, platform, person)
    browser, foreign = await signed_in(auth, platform, stranger)
    mine = as_person(auth, person, this)
    answers = [
        await auth.public.delete(f"{MINE}/{foreign}", headers=mine),
        await auth.public.delete(f"{MINE}/{new_id()}", headers=mine),
        await auth.public.delete(of_applicant(person, foreign), headers=mine),
        await auth.public.delete(of_applicant(stranger, foreign), headers=mine),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not-found")}
    assert await living(browser, auth, platform)


async def test_a_person_in_charge_sees_and_ends_sessions_of_users_and_not_of_peers(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    peer = await company.new_peer(auth, platform, person)
    user = await company.new_user(auth, platform, person)
    _, this = await signed_in(auth, platform, person)
    peers_browser, peers = await signed_in(auth, platform, peer)
    users_browser, users = await signed_in(auth, platform, user)
    mine = as_person(auth, person, this)
    found = await listed(auth, mine, of_applicant(person))
    assert str(users) in {one["session_id"] for one in found}
    assert {one["user_code_id"] for one in found} == {str(user.user_code_id)}
    of_user = f"{of_applicant(person)}?user_code_id={user.user_code_id}"
    assert await listed(auth, mine, of_user) == found
    for hidden in (peer.user_code_id, new_id(), person.user_code_id):
        answer = await auth.public.get(of_applicant(person), params={"user_code_id": str(hidden)}, headers=mine)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert (await auth.public.delete(of_applicant(person, peers), headers=mine)).status_code == 404
    for _ in range(2):
        assert (await auth.public.delete(of_applicant(person, users), headers=mine)).status_code == 204
    assert await reasons(auth) == [(str(users), "ended-by-other")]
    assert [await living(one, auth, platform) for one in (peers_browser, users_browser)] == [True, False]


@pytest.mark.parametrize(
    ("role", "status"), [("support", 204), ("security", 204), ("validator", 403), ("auditor", 403)]
)
async def test_the_provider_ends_anybodys_session_for_a_stated_purpose(
    auth: Running, platform: Platform, role: str, status: int
) -> None:
    person = await parties.sessions_person(auth, platform)
    _, session_id = await signed_in(auth, platform, person)
    headers = auth.tokens.agent(role)
    answer = await auth.public.delete(of_applicant(person, session_id), headers=headers)
    assert answer.status_code == status
    if status == 204:
        unsaid = {"Authorization": headers["Authorization"]}
        for refused in (
            await auth.public.get(of_applicant(person), headers=unsaid),
            await auth.public.delete(of_applicant(person, session_id), headers=unsaid),
        ):
            assert refused.json()["code"] == "purpose-missing"
        left = {one["session_id"] for one in await listed(auth, headers, of_applicant(person))}
        assert left
        assert str(session_id) not in left


async def test_a_user_sees_and_ends_nobody_elses(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    user = await company.new_user(auth, platform, person)
    headers = auth.tokens.user(user.applicant_id, user.user_code_id, iat=int(now().timestamp()) + 2)
    assert (await auth.public.get(of_applicant(person), headers=headers)).status_code == 403
    assert {one["user_code_id"] for one in await listed(auth, headers)} == {str(user.user_code_id)}


async def test_an_agent_sees_and_ends_their_own(auth: Running) -> None:
    headers = auth.tokens.agent("validator")
    assert await listed(auth, headers) == []
    assert (await auth.public.delete(MINE, headers=headers)).status_code == 204


async def test_in_recourse_and_with_old_facts_sessions_are_still_ended(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    suspended = AccessSuspended(applicant_id=person.applicant_id)
    await parties.tell(auth, suspended)
    browser, this = await signed_in(auth, platform, person, scope="openid recourse")
    auth.resources.freshness.fresh_as_of.clear()
    found = await listed(auth, as_person(auth, person, this, scope="recourse"))
    assert [one["is_recourse"] for one in found if one["is_this"]] == [True]
    answer: httpx.Response = await auth.public.delete(
        MINE, headers=as_person(auth, person, this, scope="recourse")
    )
    assert answer.status_code == 204
    assert browser.http.cookies


async def test_a_session_that_is_over_is_not_listed(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await signed_in(auth, platform, person)
    await auth.database.execute("UPDATE sessions SET last_seen_at = now() - interval '31 min'")
    assert await listed(auth, as_person(auth, person, new_id())) == []
