"""What delegation decides about a person bars their code here: suspension, its end, revocation, removal."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.environment import Platform
from libs.common.contracts.delegation import (
    PersonInChargeReactivated,
    PersonInChargeRemoved,
    PersonInChargeSuspended,
    UserReactivated,
    UserRevoked,
    UserSuspended,
)
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.ids import new_id
from tests.integration.auth import parties
from tests.integration.auth.company import new_peer, new_user
from tests.integration.auth.granting import OFFLINE, evidence_of
from tests.integration.auth.parties import Person, answer_of, new_browser
from tests.integration.auth.test_user_code_holds import PAST, hold, open_sessions, release, told, until_waiting
from tests.integration.auth.test_user_codes import put, state_of, user_added
from tests.kit import Running

HELD: dict[str, type[Event]] = {"user": UserSuspended, "person_in_charge": PersonInChargeSuspended}
RELEASED: dict[str, type[Event]] = {"user": UserReactivated, "person_in_charge": PersonInChargeReactivated}
GONE: dict[str, type[Event]] = {"user": UserRevoked, "person_in_charge": PersonInChargeRemoved}
ROLES = pytest.mark.parametrize("role", list(HELD))


def about(person: Person, event: type[Event]) -> Event:
    named = "person_id" if "person_id" in event.model_fields else "user_id"
    ids = {"applicant_id": person.applicant_id, "user_code_id": person.user_code_id, named: new_id()}
    return event.model_validate(ids)


async def tell(service: Running, person: Person, event: type[Event], **members: Any) -> None:
    await parties.tell(service, about(person, event), publisher="delegation", **members)


async def new_person(service: Running, platform: Platform, role: str) -> Person:
    chief = await parties.sessions_person(service, platform)
    return await (new_user if role == "user" else new_peer)(service, platform, chief)


async def enters(service: Running, platform: Platform, person: Person) -> bool:
    answer = await parties.sign_in(new_browser(service), parties.client(service, platform), person)
    return answer.status_code == 303


@ROLES
async def test_who_is_held_by_delegation_is_signed_out_and_signs_in_no_more_until_it_releases_them(
    auth: Running, platform: Platform, role: str
) -> None:
    person = await new_person(auth, platform, role)
    portal = parties.client(auth, platform)
    answer = answer_of(await parties.sign_in(new_browser(auth), portal, person, scope=OFFLINE))
    granted = (await portal.redeem(answer["code"])).json()
    await tell(auth, person, HELD[role], time=PAST)
    assert await open_sessions(auth, person) == 0
    token = granted["refresh_token"]
    refused = await portal.token(grant_type="refresh_token", refresh_token=token)
    assert refused.json()["error"] == "invalid_grant"
    ended = [data["reason"] for name, data in await auth.events() if name == "session-ended"]
    assert ended[-1] == "suspended"
    assert not await enters(auth, platform, person)
    await tell(auth, person, RELEASED[role], time=PAST)
    assert await enters(auth, platform, person)
    refused = await portal.token(grant_type="refresh_token", refresh_token=token)
    assert refused.json()["error"] == "invalid_grant"


@ROLES
async def test_who_is_gone_has_a_code_that_is_revoked_for_good(
    auth: Running, platform: Platform, role: str
) -> None:
    person = await new_person(auth, platform, role)
    assert await enters(auth, platform, person)
    for event in (GONE[role], GONE[role], RELEASED[role], HELD[role], RELEASED[role]):
        await tell(auth, person, event, time=PAST)
        assert await state_of(auth, person.user_code_id) == "revoked"
        assert await open_sessions(auth, person) == 0
        assert not await enters(auth, platform, person)
    assert await told(auth, person) == ["user-code-revoked"]
    (content,) = await evidence_of(auth, "revoke_user_code")
    reason = "user-revoked" if role == "user" else "person-in-charge-removed"
    assert content == {"user_code_id": str(person.user_code_id), "side": "system", "reason_code": reason}


@given(
    steps=st.permutations(["hold here", "release here", "hold there", "release there"]).filter(
        lambda steps: steps.index("hold here") < steps.index("release here")
    )
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_delegation_and_this_service_each_lift_what_they_placed(
    auth: Running, platform: Platform, steps: Sequence[str]
) -> None:
    person, agent = await new_person(auth, platform, "user"), auth.tokens.agent("decider")
    against: set[str] = set()
    placed = None
    for step in steps:
        act, _, where = step.partition(" ")
        if where == "there":
            await tell(auth, person, HELD["user"] if act == "hold" else RELEASED["user"], time=PAST)
        elif act == "hold":
            placed = await hold(auth, person, agent)
        elif placed is not None:
            await release(auth, person, agent, placed)
        (against.add if act == "hold" else against.discard)(where)
        assert await enters(auth, platform, person) == (not against)


@given(steps=st.permutations(["assign", "add", "revoke"]))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_user_who_is_revoked_has_no_code_in_the_end_whatever_came_first(
    auth: Running, steps: Sequence[str]
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = Person(chief.applicant_id, new_id(), "", "")
    for step in steps:
        if step == "assign":
            answer = await put(auth, user.user_code_id, user.applicant_id, by="delegation")
            is_late = steps.index("revoke") < steps.index("assign")
            assert answer.status_code == (404 if is_late else 201)
        else:
            event = user_added(user) if step == "add" else about(user, UserRevoked)
            await parties.tell(auth, event, publisher="delegation")
    assert await state_of(auth, user.user_code_id) in {None, "revoked"}


async def test_a_repeated_event_does_nothing_again(auth: Running, platform: Platform) -> None:
    person = await new_person(auth, platform, "user")
    key = applicant_key(person.applicant_id)
    held = auth.envelope(about(person, UserSuspended), publisher="delegation", partitionkey=key, time=PAST)
    await auth.inbox.receive("delegation", held)
    await tell(auth, person, UserReactivated, time=PAST)
    await auth.inbox.receive("delegation", held)
    assert await enters(auth, platform, person)


@pytest.mark.parametrize("event", [UserSuspended, UserRevoked, PersonInChargeRemoved])
async def test_what_is_told_for_another_applicant_than_the_codes_ends_neither_its_sessions_nor_it(
    auth: Running, platform: Platform, event: type[Event]
) -> None:
    person = await new_person(auth, platform, "user")
    assert await enters(auth, platform, person)
    stranger = Person(new_id(), person.user_code_id, "", "")
    before = await open_sessions(auth, person)
    await tell(auth, stranger, event, time=PAST)
    assert await open_sessions(auth, person) == before
    assert await state_of(auth, person.user_code_id) == "active"


async def test_a_sign_in_under_way_while_delegation_holds_its_person_leaves_no_session(
    auth: Running, platform: Platform
) -> None:
    person = await new_person(auth, platform, "user")
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(portal.authorize())
    typed = {"user_code": person.user_code, "password": person.password}
    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT id FROM user_codes WHERE id = $1 FOR UPDATE", person.user_code_id)
        signing_in = asyncio.create_task(browser.submit(typed))
        await until_waiting(gate, 1)
        holding = asyncio.create_task(tell(auth, person, UserSuspended))
        await until_waiting(gate, 2)
        await barrier.commit()
        await asyncio.gather(signing_in, holding)
    finally:
        await gate.close()
    assert await open_sessions(auth, person) == 0
