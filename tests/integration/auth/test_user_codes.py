import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.environment import Platform
from libs.common.contracts.delegation import PersonInChargeSuspended, UserAdded
from libs.common.contracts.registry import AccessSuspended, DesignationFormAccepted, RegistrationRejected
from libs.common.ids import new_id
from services.auth.app import sweep_codes
from services.auth.user_code.dormancy_store import AT_ONCE
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, new_browser
from tests.integration.auth.test_user_code_holds import open_sessions, until_waiting
from tests.kit import Running, idempotent


async def put(service: Running, user_code_id: UUID, applicant_id: UUID, *, by: str = "registry") -> Any:
    return await service.internal.put(
        f"/internal/v1/user-codes/{user_code_id}",
        json={"applicant_id": str(applicant_id), "language": "fr"},
        headers=service.tokens.service(by, "user-codes"),
    )


async def state_of(service: Running, user_code_id: UUID) -> str | None:
    row = await service.database.fetchrow("SELECT state FROM user_codes WHERE id = $1", user_code_id)
    return None if row is None else str(row["state"])


async def test_a_code_is_assigned_pending_and_repeated_with_a_fresh_one_time_password(auth: Running) -> None:
    user_code_id, applicant_id = new_id(), new_id()
    first = await put(auth, user_code_id, applicant_id)
    second = await put(auth, user_code_id, applicant_id)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["user_code"] == second.json()["user_code"]
    assert first.json()["one_time_password"] != second.json()["one_time_password"]
    assert first.json()["expires_in_days"] == 30
    assert await state_of(auth, user_code_id) == "pending"
    assert [name for name, _ in await auth.events()] == ["user-code-assigned"]


async def test_a_repeated_one_time_password_kills_the_old_one_and_what_it_opened(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    portal = parties.client(auth, platform)
    inside, outside = new_browser(auth), new_browser(auth)
    await parties.sign_in(inside, portal, person)
    fresh = (await put(auth, person.user_code_id, person.applicant_id)).json()
    assert (await parties.sign_in(outside, portal, person)).status_code == 401
    typed = {"new_password": parties.PASSWORD, "repeated_password": parties.PASSWORD}
    assert (await inside.submit(typed)).status_code == 400
    person.password = fresh["one_time_password"]
    assert (await parties.first_sign_in(new_browser(auth), portal, person)).status_code == 303


async def test_what_the_old_slip_opened_while_the_reissue_waited_chooses_no_password(
    auth: Running, platform: Platform
) -> None:
    """The applicant's row is held by a third connection: the reissue waits for it, the sign-in goes by."""
    person = await parties.new_person_in_charge(auth)
    inside = new_browser(auth)
    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT 1 FROM registrations WHERE applicant_id = $1 FOR UPDATE", person.applicant_id)
        reissue = asyncio.create_task(put(auth, person.user_code_id, person.applicant_id))
        await until_waiting(gate, 1)
        page = await parties.sign_in(inside, parties.client(auth, platform), person)
        assert page.url.path == "/change-password"
        await barrier.commit()
        fresh = await reissue
    finally:
        await gate.close()
    assert fresh.status_code == 200
    assert await open_sessions(auth, person) == 0
    typed = {"new_password": parties.PASSWORD, "repeated_password": parties.PASSWORD}
    assert (await inside.submit(typed, page=page)).status_code == 400
    person.password = fresh.json()["one_time_password"]
    assert (
        await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), person)
    ).status_code == 303


async def test_a_used_code_is_not_assigned_again_and_anothers_is_not_known(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    used = await put(auth, person.user_code_id, person.applicant_id)
    assert (used.status_code, used.json()["code"]) == (409, "user-code-already-used")
    assert (await put(auth, person.user_code_id, new_id())).status_code == 404
    pending = await parties.assign(auth, applicant_id=person.applicant_id)
    foreign = await put(auth, pending.user_code_id, person.applicant_id, by="delegation")
    assert foreign.status_code == 404


async def test_delegation_assigns_only_for_applicants_that_are_active(auth: Running) -> None:
    refused = await put(auth, new_id(), new_id(), by="delegation")
    assert (refused.status_code, refused.json()["code"]) == (409, "applicant-not-active")
    person = await parties.new_person_in_charge(auth)
    assert (await put(auth, new_id(), person.applicant_id, by="delegation")).status_code == 201
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    assert (await put(auth, new_id(), person.applicant_id, by="delegation")).status_code == 409


async def test_only_a_service_with_the_purpose_assigns_codes(auth: Running) -> None:
    body = {"applicant_id": str(new_id()), "language": "fr"}
    for headers in (auth.tokens.service("mailbox", "feeds"), auth.tokens.agent("support")):
        answer = await auth.internal.put(f"/internal/v1/user-codes/{new_id()}", json=body, headers=headers)
        assert answer.status_code == 403


def user_added(person: Person) -> UserAdded:
    return UserAdded(
        applicant_id=person.applicant_id,
        user_id=new_id(),
        user_code_id=person.user_code_id,
        given_name="Guy",
        family_name="Roy",
        language="fr",
        email="guy@example.org",
    )


async def test_a_users_code_is_activated_by_the_event_of_delegation_and_sees_a_users_duties(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await parties.assign(auth, applicant_id=chief.applicant_id, by="delegation")
    assert await state_of(auth, user.user_code_id) == "pending"
    await parties.tell(auth, user_added(user), publisher="delegation")
    assert await state_of(auth, user.user_code_id) == "active"
    page = await parties.sign_in(new_browser(auth), parties.client(auth, platform), user)
    assert "Report at once to the person in charge" in page.text


async def test_an_event_of_another_service_or_applicant_activates_nothing(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    own = await parties.assign(auth, applicant_id=chief.applicant_id)
    await parties.tell(auth, user_added(own), publisher="delegation")
    other = await parties.assign(auth, applicant_id=chief.applicant_id)
    foreign = Person(new_id(), other.user_code_id, "", "")
    await parties.tell(auth, parties.designated(foreign))
    await parties.tell(auth, parties.activated(foreign))
    assert await state_of(auth, own.user_code_id) == "pending"
    assert await state_of(auth, other.user_code_id) == "pending"


async def test_a_code_that_awaits_its_own_form_is_activated_by_it(auth: Running) -> None:
    person = await parties.assign(auth, applicant_id=new_id())
    await parties.tell(auth, parties.designated(person))
    activated = parties.activated(person)
    await parties.tell(auth, activated.model_copy(update={"cleared": []}))
    assert await state_of(auth, person.user_code_id) == "pending"
    accepted = DesignationFormAccepted(applicant_id=person.applicant_id, cleared=activated.cleared)
    await parties.tell(auth, accepted)
    assert await state_of(auth, person.user_code_id) == "active"


async def test_a_rejected_file_revokes_its_pending_codes(auth: Running) -> None:
    person = await parties.assign(auth, applicant_id=new_id())
    await parties.tell(auth, parties.designated(person))
    await parties.tell(auth, RegistrationRejected(applicant_id=person.applicant_id))
    assert await state_of(auth, person.user_code_id) == "revoked"


async def assigned_long_ago(auth: Running) -> Person:
    person = await parties.assign(auth, applicant_id=new_id())
    owner = await asyncpg.connect(auth.owner_url)
    await owner.execute("UPDATE user_codes SET assigned_at = now() - interval '25 h'")
    await owner.close()
    return person


async def test_a_pending_code_that_no_event_names_is_removed_after_a_day(auth: Running) -> None:
    named = await assigned_long_ago(auth)
    await parties.tell(auth, parties.designated(named))
    unnamed = await assigned_long_ago(auth)
    new = await parties.assign(auth, applicant_id=new_id())
    await sweep_codes(auth.resources)
    assert await state_of(auth, unnamed.user_code_id) is None
    assert await state_of(auth, named.user_code_id) == await state_of(auth, new.user_code_id) == "pending"


async def test_however_many_unnamed_codes_there_are_they_go_in_rounds(auth: Running) -> None:
    for _ in range(AT_ONCE):
        await parties.assign(auth, applicant_id=new_id())
    await assigned_long_ago(auth)
    await sweep_codes(auth.resources)
    assert await auth.database.fetch("SELECT 1 FROM user_codes WHERE state = 'pending'") == []


async def test_nothing_is_removed_while_the_event_that_names_it_may_be_on_its_way(auth: Running) -> None:
    unnamed = await assigned_long_ago(auth)
    fresh_as_of = auth.resources.freshness.fresh_as_of
    fresh_as_of["registry"] -= timedelta(days=2)
    await sweep_codes(auth.resources)
    fresh_as_of["registry"] += timedelta(days=2)
    assert await state_of(auth, unnamed.user_code_id) == "pending"


async def test_a_code_of_an_applicant_with_a_parked_event_is_not_removed(auth: Running) -> None:
    waiting, unnamed = await assigned_long_ago(auth), await assigned_long_ago(auth)
    await parties.park_an_event_of(auth, waiting.applicant_id)
    await sweep_codes(auth.resources)
    assert await state_of(auth, waiting.user_code_id) == "pending"
    assert await state_of(auth, unnamed.user_code_id) is None


async def test_a_code_about_which_an_incident_was_reported_is_kept_and_stops_no_other(auth: Running) -> None:
    reported, unnamed = await assigned_long_ago(auth), await assigned_long_ago(auth)
    told = await auth.public.post(
        f"/v1/applicants/{reported.applicant_id}/incidents",
        json={
            "user_code_id": str(reported.user_code_id),
            "kind": "attempted-breach",
            "description": "stolen slip",
        },
        headers={**auth.tokens.agent("support"), **idempotent()},
    )
    assert told.status_code == 201, told.text
    await sweep_codes(auth.resources)
    assert await state_of(auth, reported.user_code_id) == "pending"
    assert await state_of(auth, unnamed.user_code_id) is None


@given(
    steps=st.permutations(["assign", "designate", "activate", "assign again"]),
    awaits_form=st.booleans(),
)
@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_code_of_a_person_in_charge_is_active_in_the_end_whatever_came_first(
    auth: Running, steps: Sequence[str], *, awaits_form: bool
) -> None:
    person = Person(new_id(), new_id(), "", "")
    activated = parties.activated(person)
    for step in steps:
        assert await state_of(auth, person.user_code_id) in {None, "pending"} or not awaits_form
        if step.startswith("assign"):
            assert (await put(auth, person.user_code_id, person.applicant_id)).status_code in {200, 201}
        elif step == "designate":
            await parties.tell(auth, parties.designated(person))
        else:
            cleared = [] if awaits_form else activated.cleared
            await parties.tell(auth, activated.model_copy(update={"cleared": cleared}))
    if awaits_form:
        assert await state_of(auth, person.user_code_id) == "pending"
        accepted = DesignationFormAccepted(applicant_id=person.applicant_id, cleared=activated.cleared)
        await parties.tell(auth, accepted)
    assert await state_of(auth, person.user_code_id) == "active"
    born = [data for name, data in await auth.events() if name == "user-code-activated"]
    assert [data["user_code_id"] for data in born].count(str(person.user_code_id)) == 1


@given(steps=st.permutations(["assign", "add", "hold"]))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_users_code_is_active_in_the_end_whatever_came_first(auth: Running, steps: Sequence[str]) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = Person(chief.applicant_id, new_id(), "", "")
    held = PersonInChargeSuspended(
        applicant_id=chief.applicant_id, person_id=new_id(), user_code_id=user.user_code_id
    )
    for step in steps:
        if step == "assign":
            await put(auth, user.user_code_id, user.applicant_id, by="delegation")
        else:
            await parties.tell(auth, held if step == "hold" else user_added(user), publisher="delegation")
    assert await state_of(auth, user.user_code_id) == "active"
