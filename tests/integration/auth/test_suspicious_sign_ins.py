"""A sign-in that may be somebody else's is told, and goes on."""

from typing import Any

from deploy.local.environment import Platform
from libs.common.assurance import TWO_FACTOR
from libs.common.clock import now
from services.auth.app import sweep_expired
from services.auth.session.suspicion import MANY_NETWORKS, SPREAD_OF_FAILURES
from services.auth.session.suspicion_store import SELECT_MARKS_AND_FAILURES
from tests.integration.auth import parties
from tests.integration.auth.parties import Browser, Person
from tests.kit import Running

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0"
HOME, AWAY = "192.0.2.1", "198.51.100.7"


def browser(service: Running, *, address: str = HOME, user_agent: str = "httpx") -> Browser:
    found = parties.new_browser(service, address=address)
    found.http.headers["user-agent"] = user_agent
    return found


async def signed_in(service: Running, platform: Platform, person: Person, *, by: Browser) -> None:
    answer = await parties.sign_in(by, parties.client(service, platform), person)
    assert "code" in parties.answer_of(answer)


async def known_person(service: Running, platform: Platform) -> Person:
    person = await parties.new_person_in_charge(service)
    await parties.first_sign_in(browser(service), parties.client(service, platform), person)
    return person


async def told(service: Running) -> list[dict[str, Any]]:
    return [about for name, about in await service.events() if name == "suspicious-sign-in"]


async def failed(service: Running, platform: Platform, person: Person, *, address: str) -> None:
    wrong = Person(person.applicant_id, person.user_code_id, person.user_code, "not the password at all")
    answer = await parties.sign_in(browser(service, address=address), parties.client(service, platform), wrong)
    assert answer.status_code == 401


async def test_first_use_and_the_own_browser_are_not_told(auth: Running, platform: Platform) -> None:
    person = await known_person(auth, platform)
    await signed_in(auth, platform, person, by=browser(auth))
    assert await told(auth) == []


async def test_a_sign_in_that_stops_at_what_else_was_asked_is_told_like_any_other(
    auth: Running, platform: Platform
) -> None:
    person = await known_person(auth, platform)
    portal, thief = parties.client(auth, platform), browser(auth, address=AWAY, user_agent=FIREFOX)
    stopped = await parties.sign_in(thief, portal, person, acr_values=TWO_FACTOR)
    assert stopped.url.path == "/second-factors"
    [about] = await told(auth)
    assert about["reasons"] == ["new-browser"]
    assert "code" in parties.answer_of(await thief.get(portal.authorize()))
    assert len(await told(auth)) == 1


async def test_a_browser_never_seen_is_told_once_with_its_name_and_without_its_address(
    auth: Running, platform: Platform
) -> None:
    person = await known_person(auth, platform)
    for _ in range(2):
        await signed_in(auth, platform, person, by=browser(auth, address=AWAY, user_agent=FIREFOX))
    [about] = await told(auth)
    assert (about["reasons"], about["browser"], about["system"]) == (["new-browser"], "firefox", "windows")
    assert about["user_code_id"] == str(person.user_code_id)
    rows = await auth.database.fetch("SELECT partitionkey, data FROM outbox")
    assert AWAY not in str([dict(row) for row in rows])
    assert {row["partitionkey"] for row in rows if "reasons" in row["data"]} == {
        f"applicant:{person.applicant_id}"
    }
    marks = str([dict(row) for row in await auth.database.fetch("SELECT * FROM sign_in_marks")])
    assert AWAY not in marks
    assert "Firefox" not in marks


async def test_another_code_in_the_same_browser_is_another_matter(auth: Running, platform: Platform) -> None:
    mine = await known_person(auth, platform)
    theirs = await known_person(auth, platform)
    await signed_in(auth, platform, mine, by=browser(auth, address=AWAY, user_agent=FIREFOX))
    await signed_in(auth, platform, theirs, by=browser(auth, address=AWAY, user_agent=FIREFOX))
    assert {about["user_code_id"] for about in await told(auth)} == {
        str(mine.user_code_id),
        str(theirs.user_code_id),
    }


async def test_sign_ins_from_many_networks_within_an_hour_are_told(auth: Running, platform: Platform) -> None:
    person = await known_person(auth, platform)
    for number in range(2, MANY_NETWORKS + 2):
        await signed_in(auth, platform, person, by=browser(auth, address=f"192.0.2.{number}"))
    assert [about["reasons"] for about in await told(auth)] == [["many-networks"]]


async def test_a_sign_in_after_failures_from_everywhere_is_told_and_goes_on(
    auth: Running, platform: Platform
) -> None:
    person = await known_person(auth, platform)
    for number in range(SPREAD_OF_FAILURES + 1):
        await failed(auth, platform, person, address=f"203.0.113.{number}")
    await signed_in(auth, platform, person, by=browser(auth))
    await signed_in(auth, platform, person, by=browser(auth))
    assert [about["reasons"] for about in await told(auth)] == [["spread-of-failures"]]


async def test_a_refused_sign_in_leaves_no_mark(auth: Running, platform: Platform) -> None:
    person = await known_person(auth, platform)
    before = await auth.database.fetch("SELECT mark FROM sign_in_marks")
    await failed(auth, platform, person, address=AWAY)
    assert await auth.database.fetch("SELECT mark FROM sign_in_marks") == before
    assert await told(auth) == []


async def test_marks_older_than_half_a_year_are_swept(auth: Running, platform: Platform) -> None:
    person = await known_person(auth, platform)
    await auth.database.fetchrow(
        "UPDATE sign_in_marks SET last_at = now() - interval '181 days' WHERE kind = 'network' RETURNING 1"
    )
    await sweep_expired(auth.resources)
    rows = await auth.database.fetch("SELECT kind FROM sign_in_marks WHERE user_code_id = $1", person.user_code_id)
    assert [row["kind"] for row in rows] == ["browser"]


async def test_what_a_sign_in_asks_is_answered_by_indexes(auth: Running, platform: Platform) -> None:
    person = await known_person(auth, platform)
    async with auth.database.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        at = now()
        rows = await tx.fetch(f"EXPLAIN {SELECT_MARKS_AND_FAILURES}", person.user_code_id, at, at, at)
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan
    assert "a_mark_stands_once_for_its_code" in plan
