import asyncio
from datetime import timedelta

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.registry import AccessSuspended
from services.auth.authorization.commands import forget_old
from tests.integration.auth import parties
from tests.integration.auth.granting import evidence_of, granted, granted_again
from tests.integration.auth.parties import answer_of, claims_of, new_browser
from tests.kit import Running


def refused(answer: httpx.Response, error: str = "invalid_grant") -> bool:
    return (answer.status_code, answer.json()["error"]) == (400, error)


async def test_a_refresh_token_is_given_only_where_offline_access_was_asked(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform, scope="openid")
    assert "refresh_token" not in given.tokens
    assert given.tokens["scope"] == "openid"
    again = await granted_again(auth, platform, given.person, given.browser)
    assert len(again.refresh_token) >= 43
    assert again.tokens["scope"] == "openid offline_access"


async def test_a_refreshed_token_speaks_of_the_same_session_person_and_grant(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    refreshed = (await given.refresh()).json()
    before, after = await claims_of(auth, given.access_token), await claims_of(auth, refreshed["access_token"])
    same = ("sub", "sid", "applicant", "user_code", "role", "acr", "auth_time", "grant", "aud", "client_id")
    assert {name: before[name] for name in same} == {name: after[name] for name in same}
    assert before["jti"] != after["jti"]
    assert refreshed["refresh_token"] != given.refresh_token
    rows = await auth.database.fetch(
        "SELECT user_code_id FROM access_records WHERE action = 'POST /oauth/token' AND outcome = 'admitted'"
    )
    assert [row["user_code_id"] for row in rows] == [given.person.user_code_id] * 2


async def test_a_refresh_token_used_twice_ends_its_family_and_no_other(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    other = await granted_again(auth, platform, given.person, given.browser)
    following = (await given.refresh()).json()["refresh_token"]
    assert refused(await given.refresh())
    assert refused(await given.refresh(following))
    assert [content["client_id"] for content in await evidence_of(auth, "refuse_reused_refresh_token")] == [
        "portal"
    ]
    assert (await other.refresh()).status_code == 200
    assert "session-ended" not in [name for name, _ in await auth.events()]


async def test_what_comes_twice_is_recorded_about_whose_it_is(auth: Running, platform: Platform) -> None:
    replaying, reusing = await granted(auth, platform), await granted(auth, platform)
    await reusing.refresh()
    for given, answer, command in (
        (replaying, await replaying.client.redeem(replaying.code), "refuse_replayed_code"),
        (reusing, await reusing.refresh(), "refuse_reused_refresh_token"),
    ):
        assert answer.json()["error"] == "invalid_grant"
        kept = await auth.database.fetchrow(
            "SELECT applicant_id FROM evidence_records WHERE command = $1", command
        )
        assert kept is not None
        assert kept["applicant_id"] == given.person.applicant_id
        row = await auth.database.fetchrow(
            "SELECT actor, applicant_id, user_code_id, reason FROM access_records WHERE correlation_id = $1",
            answer.headers["x-correlation-id"],
        )
        assert row is not None
        assert tuple(row.values()) == (
            "service:portal",
            given.person.applicant_id,
            given.person.user_code_id,
            "invalid_grant",
        )


async def test_of_fifty_uses_at_once_one_wins_and_the_others_end_the_family(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    answers = await asyncio.gather(*(given.refresh() for _ in range(50)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert all(refused(answer) for answer in answers if answer is not won[0])
    assert refused(await given.refresh(won[0].json()["refresh_token"]))
    assert len(await evidence_of(auth, "refuse_reused_refresh_token")) == 1


async def test_a_refresh_token_of_another_client_is_not_known_and_not_used_up(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    other = parties.client(auth, platform, parties.CLIC_REVENU)
    stolen = await other.token(grant_type="refresh_token", refresh_token=given.refresh_token)
    unknown = await other.token(grant_type="refresh_token", refresh_token="never given")
    assert refused(stolen)
    assert stolen.json() == unknown.json()
    assert (await given.refresh()).status_code == 200


@pytest.mark.parametrize("token", ["x" * 9000, "\u00e9", "a b"])
async def test_what_is_no_refresh_token_is_refused(auth: Running, platform: Platform, token: str) -> None:
    portal = parties.client(auth, platform)
    assert refused(await portal.token(grant_type="refresh_token", refresh_token=token))


@pytest.mark.parametrize(
    "lacking",
    [
        {"grant_type": None},
        {"grant_type": ""},
        {"code": None},
        {"grant_type": "refresh_token"},
        {"grant_type": "refresh_token", "refresh_token": ""},
    ],
)
async def test_a_parameter_that_is_missing_is_said_to_be(
    auth: Running, platform: Platform, lacking: dict[str, str | None]
) -> None:
    portal = parties.client(auth, platform)
    assert refused(await portal.redeem("never given", **lacking), "invalid_request")


async def test_no_answer_of_the_token_endpoint_is_kept_by_anybody(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    for answer in (await given.refresh(), await given.refresh("never given"), await given.client.redeem("")):
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


async def test_the_scope_may_be_narrowed_and_never_widened(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    assert refused(await given.refresh(scope="openid recourse"), "invalid_scope")
    narrowed = (await given.refresh(scope="openid")).json()
    assert narrowed["scope"] == "openid"
    assert (await claims_of(auth, narrowed["access_token"]))["scope"] == "openid"
    again = await given.refresh(narrowed["refresh_token"])
    assert again.json()["scope"] == "openid offline_access"


async def test_a_scope_that_was_ignored_when_it_was_asked_for_is_ignored_at_a_refresh(
    auth: Running, platform: Platform
) -> None:
    asked = "openid profile email offline_access"
    given = await granted(auth, platform, scope=asked)
    again = await given.refresh(scope=asked)
    assert again.json()["scope"] == given.tokens["scope"] == "openid offline_access"
    follows = again.json()["refresh_token"]
    for wider in ("openid email recourse", "email"):
        assert refused(await given.refresh(follows, scope=wider), "invalid_scope")


async def test_the_audience_is_chosen_among_those_that_were_granted(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform, resource="urn:clicsequr:mailbox")
    assert refused(await given.refresh(resource="urn:clicsequr:registry"), "invalid_target")
    assert refused(await given.refresh(resource="urn:elsewhere"), "invalid_target")
    answer = (await given.refresh(resource="urn:clicsequr:mailbox")).json()
    assert (await claims_of(auth, answer["access_token"]))["aud"] == "urn:clicsequr:mailbox"


async def test_nothing_is_refreshed_after_the_session_ended(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await given.browser.get("/oauth/logout")
    await given.browser.submit({})
    assert refused(await given.refresh())


async def test_nothing_is_refreshed_once_the_session_is_too_old_though_no_sweep_has_run(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    await auth.database.execute("UPDATE sessions SET last_seen_at = last_seen_at - interval '31 min'")
    assert refused(await given.refresh())


async def test_a_refresh_is_a_use_of_the_session(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await auth.database.execute("UPDATE sessions SET last_seen_at = last_seen_at - interval '29 min'")
    assert (await given.refresh()).status_code == 200
    row = await auth.database.fetchrow("SELECT last_seen_at FROM sessions")
    assert row is not None
    assert row["last_seen_at"] > now() - timedelta(minutes=1)


async def test_nothing_is_refreshed_while_the_registration_or_the_person_is_held(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    await auth.database.execute("UPDATE persons SET is_held = true")
    assert refused(await given.refresh())
    await auth.database.execute("UPDATE persons SET is_held = false")
    await parties.tell(auth, AccessSuspended(applicant_id=given.person.applicant_id))
    assert refused(await given.refresh())


async def test_old_facts_refuse_and_leave_the_refresh_token_good(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    auth.resources.freshness.fresh_as_of["registry"] -= timedelta(days=2)
    assert (await given.refresh()).status_code == 503
    auth.resources.freshness.fresh_as_of["registry"] += timedelta(days=2)
    assert (await given.refresh()).status_code == 200


async def test_a_refreshed_token_waits_for_its_second(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('user_code', $1, 'delegation', 'active', date_trunc('second', now()))",
        str(given.person.user_code_id),
    )
    claims = await claims_of(auth, (await given.refresh()).json()["access_token"])
    row = await auth.database.fetchrow("SELECT refuse_issued_before AS bound FROM standing")
    assert row is not None
    assert claims["iat"] > row["bound"].timestamp()


async def test_the_replay_of_a_code_ends_what_it_gave_long_afterwards(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    owner = await asyncpg.connect(auth.owner_url)
    await owner.execute("UPDATE authorization_codes SET expires_at = now() - interval '9 h'")
    await owner.close()
    async with auth.database.transaction() as tx:
        await forget_old(tx, at=now())
    assert refused(await given.client.redeem(given.code))
    assert refused(await given.refresh())
    assert len(await evidence_of(auth, "refuse_replayed_code")) == 1
    assert "session-ended" in [name for name, _ in await auth.events()]


async def test_what_can_give_nothing_any_more_is_forgotten(auth: Running, platform: Platform) -> None:
    await granted(auth, platform)
    async with auth.database.transaction() as tx:
        await forget_old(tx, at=now() + timedelta(hours=12))
    for table in ("token_grants", "refresh_tokens", "authorization_codes"):
        assert await auth.database.fetch(f"SELECT 1 FROM {table}") == []


async def test_refresh_tokens_are_kept_as_hashes_and_stand_in_no_record(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    following = (await given.refresh()).json()["refresh_token"]
    await given.refresh()
    for secret in (given.refresh_token, following):
        for table in ("refresh_tokens", "token_grants", "evidence_records", "access_records", "outbox"):
            rows = await auth.database.fetch(f"SELECT t::text AS text FROM {table} t")
            assert all(secret not in row["text"] for row in rows)


async def test_a_session_of_recourse_is_not_refreshed(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    portal, browser = parties.client(auth, platform), new_browser(auth)
    asked = {"scope": "openid recourse offline_access"}
    code = answer_of(await parties.sign_in(browser, portal, person, **asked))["code"]
    tokens = (await portal.redeem(code)).json()
    assert tokens["scope"] == "recourse"
    assert (await claims_of(auth, tokens["access_token"]))["scope"] == tokens["scope"]
    assert "refresh_token" not in tokens
