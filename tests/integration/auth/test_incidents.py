import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.contracts.delegation import UserAdded
from libs.common.ids import new_id
from services.auth.incident.commands import pass_on_silent_incidents
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, new_browser, sign_in
from tests.integration.auth.test_recovery import known_user, reset
from tests.integration.auth.test_user_code_holds import hold, open_sessions
from tests.kit import Headers, Running, idempotent

WORDS = "a return was filed that I know nothing of"


async def new_user(service: Running, chief: Person) -> Person:
    user = await parties.assign(service, applicant_id=chief.applicant_id, by="delegation")
    added = UserAdded(
        applicant_id=chief.applicant_id,
        user_id=new_id(),
        user_code_id=user.user_code_id,
        given_name="Guy",
        family_name="Roy",
        language="fr",
        email="guy@example.org",
    )
    await parties.tell(service, added, publisher="delegation")
    return user


def as_chief(service: Running, person: Person) -> Headers:
    return service.tokens.person_in_charge(person.applicant_id, person.user_code_id)


def as_user(service: Running, person: Person) -> Headers:
    return service.tokens.user(person.applicant_id, person.user_code_id)


async def report(service: Running, person: Person, headers: Headers, **body: Any) -> httpx.Response:
    return await service.public.post(
        f"/v1/applicants/{person.applicant_id}/incidents",
        json={"kind": "unauthorized-use", "description": WORDS, **body},
        headers={**idempotent(), **headers},
    )


async def act(
    service: Running, person: Person, incident: str, verb: str, headers: Headers, **body: Any
) -> httpx.Response:
    return await service.public.post(
        f"/v1/applicants/{person.applicant_id}/incidents/{incident}/{verb}", json=body or None, headers=headers
    )


async def events(service: Running, applicant_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    rows = await service.database.fetch(
        "SELECT type, data FROM outbox WHERE partitionkey = $1 ORDER BY id", f"applicant:{applicant_id}"
    )
    return [(row["type"].split(".")[1], row["data"]) for row in rows]


async def is_admitted(service: Running, platform: Platform, person: Person) -> bool:
    answer = await sign_in(new_browser(service), parties.client(service, platform), person)
    return answer.status_code != 401


async def test_a_users_report_holds_their_code_at_once_and_ends_their_sessions(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), user)
    answer = await report(auth, user, as_user(auth, user))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["reported_to_provider_at"] is None
    assert told["reported_to_person_in_charge_at"] is not None
    assert told["passes_on_at"] is not None
    assert not await is_admitted(auth, platform, user)
    published = [name for name, _ in await events(auth, user.applicant_id)]
    assert {"incident-reported", "user-code-suspended", "session-ended"} <= set(published)


async def test_the_hold_says_that_the_incident_tells_the_persons_in_charge(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    await act(auth, user, incident, "resolution", as_chief(auth, chief), outcome="unfounded")
    changes = {"user-code-suspended", "user-code-reactivated"}
    told = [about["told_otherwise"] for name, about in await events(auth, user.applicant_id) if name in changes]
    assert told == [True, True]


async def test_one_press_passes_it_on_and_both_instants_are_evidence(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = (await report(auth, user, as_user(auth, user))).json()
    passed = await act(auth, user, incident["incident_id"], "passing-on", as_chief(auth, chief))
    assert passed.status_code == 200, passed.text
    assert passed.json()["reported_to_provider_at"] is not None
    again = await act(auth, user, incident["incident_id"], "passing-on", as_chief(auth, chief))
    assert (again.status_code, again.json()["code"]) == (409, "incident-already-passed-on")
    rows = await auth.database.fetch(
        "SELECT command, content FROM evidence_records WHERE applicant_id = $1 AND content ? 'incident_id'",
        user.applicant_id,
    )
    told = [(row["command"], row["content"]["reported_to_provider_at"] is not None) for row in rows]
    assert sorted(told) == [("pass_on_incident", True), ("report_incident", False)]


async def test_access_returns_only_when_both_sides_are_done(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    await act(auth, user, incident, "passing-on", as_chief(auth, chief))
    mine = await act(auth, user, incident, "resolution", as_chief(auth, chief), outcome="unfounded")
    assert (mine.status_code, mine.json()["code"]) == (403, "incident-with-provider")
    done = await act(auth, user, incident, "resolution", auth.tokens.agent("security"), outcome="unfounded")
    assert done.status_code == 200, done.text
    assert not await is_admitted(auth, platform, user)
    [left] = (await auth.public.get(f"/v1/user-codes/{user.user_code_id}", headers=as_chief(auth, chief))).json()[
        "holds"
    ]
    freed = await auth.public.post(
        f"/v1/user-codes/{user.user_code_id}/holds/{left['hold_id']}/release", headers=as_chief(auth, chief)
    )
    assert freed.status_code == 200, freed.text
    assert await is_admitted(auth, platform, user)


async def test_what_is_confirmed_is_over_only_once_the_password_was_reset_since(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    stolen = Person(user.applicant_id, user.user_code_id, user.user_code, user.password)
    security = auth.tokens.agent("security")
    reported = await report(auth, user, auth.tokens.agent("support"), user_code_id=str(user.user_code_id))
    incident = reported.json()["incident_id"]
    early = await act(auth, user, incident, "resolution", security, outcome="confirmed")
    assert (early.status_code, early.json()["code"]) == (409, "credentials-not-reset-since-incident")
    user.password = (await reset(auth, user, as_chief(auth, chief))).json()["one_time_password"]
    assert not await is_admitted(auth, platform, user)
    assert await known_browsers(auth, user)
    done = await act(auth, user, incident, "resolution", security, outcome="confirmed")
    assert (done.status_code, done.json()["outcome"]) == (200, "confirmed")
    assert not await known_browsers(auth, user)
    assert not await is_admitted(auth, platform, stolen)
    assert await is_admitted(auth, platform, user)


async def known_browsers(service: Running, person: Person) -> int:
    rows = await service.database.fetch("SELECT 1 FROM sign_in_marks WHERE user_code_id = $1", person.user_code_id)
    return len(rows)


async def test_what_a_person_in_charge_finds_confirmed_goes_to_the_provider(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    await reset(auth, user, as_chief(auth, chief))
    refused = await act(auth, user, incident, "resolution", as_chief(auth, chief), outcome="confirmed")
    assert (refused.status_code, refused.json()["code"]) == (409, "confirmed-incident-not-passed-on")
    shown = await seen_by(auth, user, incident, as_chief(auth, chief))
    assert (shown["resolved_at"], shown["outcome"]) == (None, None)
    assert shown["passes_on_at"] is not None
    passed = await act(auth, user, incident, "passing-on", as_chief(auth, chief))
    assert passed.status_code == 200, passed.text
    done = await act(auth, user, incident, "resolution", auth.tokens.agent("decider"), outcome="confirmed")
    assert done.status_code == 200, done.text


async def seen_by(service: Running, person: Person, incident: str, headers: Headers) -> dict[str, Any]:
    address = f"/v1/applicants/{person.applicant_id}/incidents/{incident}"
    whole: dict[str, Any] = (await service.public.get(address, headers=headers)).json()
    return whole


async def test_the_provider_that_resolves_what_nobody_passed_on_knows_of_it(
    auth: Running, platform: Platform
) -> None:
    _, user = await known_user(auth, platform)
    decider = auth.tokens.agent("decider")
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    done = await act(auth, user, incident, "resolution", decider, outcome="unfounded")
    assert done.status_code == 200, done.text
    whole = await seen_by(auth, user, incident, decider)
    assert whole["reported_to_provider_at"] is not None
    assert [one["step"] for one in whole["timeline"]] == ["reported", "passed-on", "resolved"]
    told = [(name, about) for name, about in await events(auth, user.applicant_id) if name.startswith("incident-")]
    assert [name for name, _ in told] == ["incident-reported", "incident-passed-on", "incident-resolved"]
    assert told[1][1]["by_silence"] is False
    kept = await auth.database.fetch(
        "SELECT command FROM evidence_records WHERE content ? 'reported_to_provider_at'"
    )
    assert "pass_on_incident" in [row["command"] for row in kept]
    assert not await is_admitted(auth, platform, user)
    [left] = (await auth.public.get(f"/v1/user-codes/{user.user_code_id}", headers=decider)).json()["holds"]
    assert left["side"] == "applicant"


async def test_what_an_agent_found_confirmed_is_not_closed_by_others_while_the_password_is_awaited(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    early = await act(auth, user, incident, "resolution", auth.tokens.agent("decider"), outcome="confirmed")
    assert early.status_code == 409
    whole = await seen_by(auth, user, incident, as_chief(auth, chief))
    assert whole["reported_to_provider_at"] is not None
    refused = await act(auth, user, incident, "resolution", as_chief(auth, chief), outcome="unfounded")
    assert (refused.status_code, refused.json()["code"]) == (403, "incident-with-provider")


async def test_a_person_in_charge_resolves_what_was_not_passed_on(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    done = await act(
        auth, user, incident, "resolution", as_chief(auth, chief), outcome="unfounded", note="it was me"
    )
    assert done.status_code == 200, done.text
    assert await is_admitted(auth, platform, user)
    whole = await auth.public.get(
        f"/v1/applicants/{user.applicant_id}/incidents/{incident}", headers=as_chief(auth, chief)
    )
    assert [(one["step"], one["note"]) for one in whole.json()["timeline"]] == [
        ("reported", None),
        ("resolved", "it was me"),
    ]


async def test_silence_passes_it_on_once_however_many_workers_look(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = UUID((await report(auth, user, as_user(auth, user))).json()["incident_id"])
    await pass_on_silent_incidents(auth.database)
    assert "incident-passed-on" not in [name for name, _ in await events(auth, user.applicant_id)]
    await auth.database.execute(
        "UPDATE incidents SET passes_on_at = $2 WHERE id = $1", incident, now() - timedelta(seconds=1)
    )
    await asyncio.gather(*(pass_on_silent_incidents(auth.database) for _ in range(4)))
    passed = [content for name, content in await events(auth, user.applicant_id) if name == "incident-passed-on"]
    assert [one["by_silence"] for one in passed] == [True]


async def test_a_person_in_charge_reports_straight_to_the_provider_also_the_last_one(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.sessions_person(auth, platform)
    answer = await report(auth, chief, as_chief(auth, chief), kind="attempted-breach")
    assert answer.status_code == 201, answer.text
    assert answer.json()["reported_to_provider_at"] is not None
    assert not await is_admitted(auth, platform, chief)


async def test_who_cannot_sign_in_reports_by_telephone(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    support = auth.tokens.agent("support")
    nothing = await report(auth, chief, support)
    assert (nothing.status_code, nothing.json()["code"]) == (400, "concerned-user-code-missing")
    answer = await report(auth, chief, support, user_code_id=str(chief.user_code_id))
    assert (answer.status_code, answer.json()["channel"]) == (201, "telephone")
    assert not await is_admitted(auth, platform, chief)


async def test_a_code_that_is_still_pending_is_held_at_once_and_born_suspended(
    auth: Running, platform: Platform
) -> None:
    slip = await parties.assign(auth, applicant_id=new_id())
    await parties.tell(auth, parties.designated(slip))
    answer = await report(auth, slip, auth.tokens.agent("support"), user_code_id=str(slip.user_code_id))
    assert answer.status_code == 201, answer.text
    decider = auth.tokens.agent("decider")
    shown = (await auth.public.get(f"/v1/user-codes/{slip.user_code_id}", headers=decider)).json()
    assert (shown["state"], [one["side"] for one in shown["holds"]]) == ("pending", ["provider"])
    assert not await is_admitted(auth, platform, slip)
    await parties.tell(auth, parties.activated(slip))
    assert not await is_admitted(auth, platform, slip)
    published = [(name, about) for name, about in await events(auth, slip.applicant_id) if "user-code" in name]
    assert [name for name, _ in published] == ["user-code-assigned", "user-code-activated", "user-code-suspended"]
    assert (published[-1][1]["leaves_recourse"], published[-1][1]["told_otherwise"]) == (False, False)
    stands = await auth.database.fetchrow(
        "SELECT state FROM standing WHERE subject_kind = 'user_code' AND subject_id = $1", str(slip.user_code_id)
    )
    assert stands is not None
    assert stands["state"] == "suspended"
    await act(auth, slip, answer.json()["incident_id"], "resolution", decider, outcome="unfounded")
    assert await is_admitted(auth, platform, slip)


async def test_a_hold_on_a_pending_code_that_is_released_before_it_is_active_is_never_told(
    auth: Running, platform: Platform
) -> None:
    slip = await parties.assign(auth, applicant_id=new_id())
    await parties.tell(auth, parties.designated(slip))
    answer = await report(auth, slip, auth.tokens.agent("support"), user_code_id=str(slip.user_code_id))
    incident = answer.json()["incident_id"]
    await act(auth, slip, incident, "resolution", auth.tokens.agent("security"), outcome="unfounded")
    await parties.tell(auth, parties.activated(slip))
    assert await is_admitted(auth, platform, slip)
    published = {name for name, _ in await events(auth, slip.applicant_id)}
    assert published.isdisjoint({"user-code-suspended", "user-code-reactivated"})


async def test_a_user_reports_about_nobody_elses_code_and_sees_nobody_elses_incident(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.sessions_person(auth, platform)
    user, other = await new_user(auth, chief), await new_user(auth, chief)
    about_other = await report(auth, user, as_user(auth, user), user_code_id=str(other.user_code_id))
    assert (about_other.status_code, about_other.json()["code"]) == (403, "only-own-user-code")
    incident = (await report(auth, other, as_user(auth, other))).json()["incident_id"]
    seen = await auth.public.get(
        f"/v1/applicants/{user.applicant_id}/incidents/{incident}", headers=as_user(auth, user)
    )
    assert seen.status_code == 404
    listed = await auth.public.get(f"/v1/applicants/{user.applicant_id}/incidents", headers=as_user(auth, user))
    assert listed.json() == {"incidents": [], "next": None}


async def test_a_code_of_another_applicant_is_unknown(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    stranger = await parties.sessions_person(auth, platform)
    answer = await report(auth, chief, as_chief(auth, chief), user_code_id=str(stranger.user_code_id))
    assert answer.status_code == 404
    assert await is_admitted(auth, platform, stranger)


async def test_a_report_sent_twice_is_one_incident(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    headers = {**as_user(auth, user), **idempotent("once")}
    first, second = await report(auth, user, headers), await report(auth, user, headers)
    assert first.json()["incident_id"]
    assert second.status_code in {201, 401, 403}
    rows = await auth.database.fetch("SELECT id FROM incidents WHERE user_code_id = $1", user.user_code_id)
    assert len(rows) == 1


async def test_what_was_described_stands_in_no_event_and_no_evidence(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    await report(auth, chief, as_chief(auth, chief))
    for table in ("outbox", "evidence_records", "access_records"):
        rows = await auth.database.fetch(f"SELECT {table}::text AS whole FROM {table}")
        assert rows
        assert not [row for row in rows if WORDS in row["whole"]]


async def test_nobody_resolves_an_incident_of_their_own_code(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    incident = (await report(auth, user, as_user(auth, user))).json()["incident_id"]
    as_if = auth.tokens.person_in_charge(user.applicant_id, user.user_code_id, iat=int(now().timestamp()) + 3)
    answer = await act(auth, user, incident, "resolution", as_if, outcome="unfounded")
    assert answer.status_code in {401, 403}
    assert not await is_admitted(auth, platform, user)


async def test_ten_reports_about_one_code_at_once_are_ten_incidents(auth: Running, platform: Platform) -> None:
    chief = await parties.sessions_person(auth, platform)
    user = await new_user(auth, chief)
    about = {"user_code_id": str(user.user_code_id)}
    answers = await asyncio.gather(*(report(auth, user, as_chief(auth, chief), **about) for _ in range(10)))
    assert [answer.status_code for answer in answers] == [201] * 10
    assert len({answer.json()["incident_id"] for answer in answers}) == 10


async def test_a_report_a_suspension_and_a_reset_at_once_are_all_done(auth: Running, platform: Platform) -> None:
    chief, user = await known_user(auth, platform)
    await parties.sign_in(new_browser(auth), parties.client(auth, platform), user)
    about = {"user_code_id": str(user.user_code_id)}
    answers = await asyncio.gather(
        *(report(auth, user, as_chief(auth, chief), **about) for _ in range(3)),
        *(hold(auth, user, auth.tokens.agent("security")) for _ in range(2)),
        *(reset(auth, user, as_chief(auth, chief)) for _ in range(2)),
    )
    assert [answer.status_code for answer in answers] == [201] * 7
    assert await open_sessions(auth, user) == 0
