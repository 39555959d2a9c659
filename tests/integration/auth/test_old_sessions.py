"""What an ended session leaves behind, and for how long."""

from typing import Any

import asyncpg
import pytest

from deploy.local.environment import Platform
from services.auth.app import sweep_disuse, sweep_expired
from tests.integration.auth import parties
from tests.integration.auth.agents import sign_in_installed
from tests.integration.auth.parties import Person, new_browser
from tests.kit import Running


async def sign_in(auth: Running, platform: Platform, person: Person, **asked: str) -> None:
    await parties.sign_in(new_browser(auth), parties.client(auth, platform), person, **asked)


async def grow_old(auth: Running, *, days: float) -> None:
    """Every session ended, and whatever rests on it is as much older."""
    owner = await asyncpg.connect(auth.owner_url)
    try:
        past = f"interval '{days} days'"
        await owner.execute("UPDATE sessions SET ended_at = now(), end_reason = 'expired' WHERE ended_at IS NULL")
        await owner.execute(
            f"UPDATE sessions SET ended_at = ended_at - {past}, authenticated_at = authenticated_at - {past}"
        )
        await owner.execute(f"UPDATE token_grants SET expires_at = expires_at - {past}")
    finally:
        await owner.close()


async def sessions(auth: Running) -> list[dict[str, Any]]:
    rows = await auth.database.fetch(
        "SELECT user_code_id, agent_id, stage, is_recourse, address, user_agent, is_last_use FROM sessions"
        " ORDER BY authenticated_at"
    )
    return [dict(row) for row in rows]


async def test_ended_sessions_go_and_of_each_code_the_last_use_stays_without_place_and_browser(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    await sign_in(auth, platform, person)
    await sign_in_installed(auth, platform, "validator")
    await grow_old(auth, days=31)
    await sweep_expired(auth.resources)
    [left] = await sessions(auth)
    assert (left["user_code_id"], left["is_last_use"]) == (person.user_code_id, True)
    assert (left["address"], left["user_agent"]) == (None, None)


async def test_a_session_that_is_open_or_ended_lately_stays_as_it_was(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await grow_old(auth, days=29)
    await sign_in(auth, platform, person)
    before = await sessions(auth)
    assert {one["address"] for one in before} == {"127.0.0.1"}
    await sweep_expired(auth.resources)
    assert await sessions(auth) == before


async def test_a_later_use_takes_the_place_of_the_one_that_was_kept(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await grow_old(auth, days=31)
    await sweep_expired(auth.resources)
    await sign_in(auth, platform, person)
    await sweep_expired(auth.resources)
    assert [one["is_last_use"] for one in await sessions(auth)] == [True, False]
    await grow_old(auth, days=31)
    await sweep_expired(auth.resources)
    assert [one["is_last_use"] for one in await sessions(auth)] == [True]
    newest = await auth.database.fetchrow("SELECT now() - authenticated_at AS age FROM sessions")
    assert newest is not None
    assert newest["age"].days == 31


async def test_disuse_counts_from_a_use_whose_session_is_forgotten(auth: Running, platform: Platform) -> None:
    await parties.sessions_person(auth, platform)
    await grow_old(auth, days=40)
    owner = await asyncpg.connect(auth.owner_url)
    try:
        await owner.execute(
            "UPDATE user_codes SET activated_at = activated_at - interval '400 d', disuse_due_at = now()"
        )
        await owner.execute("UPDATE registrations SET changed_at = changed_at - interval '400 d'")
    finally:
        await owner.close()
    await sweep_expired(auth.resources)
    await sweep_disuse(auth.resources)
    assert "user-code-disused" not in [name for name, _ in await auth.events()]
    due = await auth.database.fetchrow("SELECT disuse_due_at - now() AS wait FROM user_codes")
    assert due is not None
    assert 255 <= due["wait"].days <= 260


@pytest.mark.parametrize("resting", ["token_grants", "logout_deliveries"])
async def test_a_session_on_which_something_rests_stays(auth: Running, platform: Platform, resting: str) -> None:
    await parties.sessions_person(auth, platform)
    await grow_old(auth, days=31)
    statements = {
        "token_grants": (
            "INSERT INTO token_grants (id, client_id, session_id, scope, resources, code_hash, given_at,"
            " expires_at) SELECT id, 'portal', id, '{}', '{}', 'x', now(), now() + interval '1 h' FROM sessions"
        ),
        "logout_deliveries": (
            "INSERT INTO logout_deliveries (session_id, client_id, ended_at, next_attempt_at)"
            " SELECT id, 'portal', now(), now() + interval '1 h' FROM sessions"
        ),
    }
    await auth.database.execute(statements[resting])
    await sweep_expired(auth.resources)
    assert [one["address"] for one in await sessions(auth)] == ["127.0.0.1"]


async def test_a_session_that_was_never_completed_goes_after_a_day(auth: Running, platform: Platform) -> None:
    person = await parties.new_person_in_charge(auth)
    await sign_in(auth, platform, person)
    await grow_old(auth, days=0.9)
    await sweep_expired(auth.resources)
    assert [one["stage"] for one in await sessions(auth)] == ["change-password"]
    await grow_old(auth, days=0.2)
    await sweep_expired(auth.resources)
    assert await sessions(auth) == []


async def test_many_old_sessions_of_one_code_go_in_one_sweep(auth: Running, platform: Platform) -> None:
    await parties.sessions_person(auth, platform)
    await grow_old(auth, days=31)
    await auth.database.execute(
        "INSERT INTO sessions (id, secret_hash, stage, user_code_id, applicant_id, is_recourse, amr,"
        " authenticated_at, last_seen_at, ended_at, end_reason)"
        " SELECT gen_random_uuid(), gen_random_uuid()::text::bytea, stage, user_code_id, applicant_id, false, amr,"
        " authenticated_at - number * interval '1 min', last_seen_at, ended_at, end_reason"
        " FROM sessions CROSS JOIN generate_series(1, 12000) AS number"
    )
    await sweep_expired(auth.resources)
    assert [one["is_last_use"] for one in await sessions(auth)] == [True]
