"""A code that nobody uses is warned about, held, and given back on its person's word."""

import time
from typing import Any

import asyncpg
import httpx

from deploy.local.environment import Platform
from services.auth.app import sweep_disuse
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, answer_of, new_browser
from tests.kit import Headers, Running

RECOURSE = "openid recourse"


async def idle(auth: Running, days: int) -> None:
    """Everything that counts as use moves into the past."""
    owner = await asyncpg.connect(auth.owner_url)
    try:
        past = f"interval '{days} days'"
        await owner.execute(f"UPDATE user_codes SET activated_at = activated_at - {past}, disuse_due_at = now()")
        await owner.execute(f"UPDATE sessions SET authenticated_at = authenticated_at - {past}")
        await owner.execute(f"UPDATE registrations SET changed_at = changed_at - {past}")
        await owner.execute(f"UPDATE user_code_holds SET released_at = released_at - {past}")
    finally:
        await owner.close()


async def told(auth: Running) -> list[str]:
    names = {"user-code-disused", "user-code-suspended", "user-code-reactivated"}
    return [name for name, _ in await auth.events() if name in names]


async def held(auth: Running, platform: Platform) -> Person:
    person = await parties.sessions_person(auth, platform)
    for days in (300, 50, 15):
        await idle(auth, days)
        await sweep_disuse(auth.resources)
    return person


async def release(auth: Running, headers: Headers, body: dict[str, Any] | None = None) -> httpx.Response:
    confirmed = {"file_confirmed": True} if body is None else body
    return await auth.public.post("/v1/me/disuse-release", json=confirmed, headers=headers)


def in_recourse(auth: Running, person: Person) -> Headers:
    """Issued once the clock has passed the hold, as auth does."""
    return auth.tokens.person_in_charge(
        person.applicant_id, person.user_code_id, scope="recourse", iat=int(time.time()) + 2
    )


async def test_a_code_in_use_is_neither_warned_nor_held(auth: Running, platform: Platform) -> None:
    await parties.sessions_person(auth, platform)
    await sweep_disuse(auth.resources)
    await idle(auth, 299)
    await sweep_disuse(auth.resources)
    assert await told(auth) == []


async def test_two_warnings_then_a_hold_that_leaves_recourse(auth: Running, platform: Platform) -> None:
    person = await held(auth, platform)
    assert await told(auth) == ["user-code-disused", "user-code-disused", "user-code-suspended"]
    suspended = [about for name, about in await auth.events() if name == "user-code-suspended"]
    assert suspended[0]["leaves_recourse"] is True
    portal = parties.client(auth, platform)
    assert (await parties.sign_in(new_browser(auth), portal, person)).status_code != 303
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person, scope=RECOURSE))
    await sweep_disuse(auth.resources)
    assert (await told(auth)).count("user-code-suspended") == 1


async def test_a_sign_in_between_warnings_begins_anew(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await idle(auth, 300)
    await sweep_disuse(auth.resources)
    await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    await idle(auth, 65)
    await sweep_disuse(auth.resources)
    assert await told(auth) == ["user-code-disused"]


async def test_only_the_persons_word_lifts_it_never_a_mere_sign_in(auth: Running, platform: Platform) -> None:
    person = await held(auth, platform)
    portal = parties.client(auth, platform)
    await parties.sign_in(new_browser(auth), portal, person, scope=RECOURSE)
    await sweep_disuse(auth.resources)
    assert (await told(auth))[-1] == "user-code-suspended"
    headers = in_recourse(auth, person)
    for body in ({}, {"file_confirmed": False}):
        assert (await release(auth, headers, body)).status_code == 422
    answer = await release(auth, headers)
    assert (answer.status_code, answer.json()["state"]) == (200, "active")
    assert (await told(auth))[-1] == "user-code-reactivated"
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))
    await sweep_disuse(auth.resources)
    assert (await told(auth))[-1] == "user-code-reactivated"


async def test_who_is_not_held_for_disuse_releases_nothing(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    headers = auth.tokens.person_in_charge(person.applicant_id, person.user_code_id)
    answer = await release(auth, headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-held-for-disuse")
    assert (await release(auth, auth.tokens.agent("decider"))).status_code == 403
