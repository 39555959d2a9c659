import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended, UserAdded
from libs.common.contracts.registry import AccessReactivated, AccessSuspended, RegistrationRejected
from libs.common.holds import Side
from libs.common.ids import new_id
from services.auth.user_code import suspension
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, answer_of, new_browser
from tests.kit import Headers, Running, idempotent

PAST = datetime(2026, 1, 1, tzinfo=UTC)
GROUNDS = "an order of the court of the third of May"


async def hold(service: Running, person: Person, headers: Headers, **body: object) -> httpx.Response:
    return await service.public.post(
        f"/v1/user-codes/{person.user_code_id}/holds",
        json={"reason_code": "unauthorized-use", "grounds": GROUNDS, **body},
        headers={**idempotent(), **headers},
    )


async def release(service: Running, person: Person, headers: Headers, placed: httpx.Response) -> httpx.Response:
    hold_id = placed.json()["hold_id"]
    return await service.public.post(
        f"/v1/user-codes/{person.user_code_id}/holds/{hold_id}/release", headers=headers
    )


async def revoke(service: Running, person: Person, headers: Headers) -> httpx.Response:
    return await service.public.post(
        f"/v1/user-codes/{person.user_code_id}/revocation",
        json={"reason_code": "left-the-applicant"},
        headers={**idempotent(), **headers},
    )


async def read(service: Running, user_code_id: UUID, headers: Headers) -> httpx.Response:
    return await service.public.get(f"/v1/user-codes/{user_code_id}", headers=headers)


def as_chief(service: Running, person: Person) -> Headers:
    return service.tokens.person_in_charge(person.applicant_id, person.user_code_id)


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


async def new_peer(service: Running, chief: Person) -> Person:
    peer = await parties.assign(service, applicant_id=chief.applicant_id)
    await parties.tell(service, parties.designated(peer))
    await parties.tell(service, parties.activated(peer))
    return peer


async def told(service: Running, person: Person) -> list[str]:
    """What was published of this code's state."""
    states = {"user-code-suspended", "user-code-reactivated", "user-code-revoked"}
    return [
        name
        for name, about in await service.events()
        if name in states and about["user_code_id"] == str(person.user_code_id)
    ]


async def open_sessions(service: Running, person: Person) -> int:
    row = await service.database.fetchrow(
        "SELECT count(*) AS found FROM sessions WHERE user_code_id = $1 AND ended_at IS NULL", person.user_code_id
    )
    assert row is not None
    return int(row["found"])


async def standing_of(service: Running, person: Person) -> str | None:
    row = await service.database.fetchrow(
        "SELECT state FROM standing WHERE subject_kind = 'user_code' AND source = 'auth' AND subject_id = $1",
        str(person.user_code_id),
    )
    return None if row is None else str(row["state"])


async def test_a_hold_ends_sessions_and_tokens_and_is_answered_like_a_wrong_password(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    code = answer_of(await parties.sign_in(browser, portal, person))["code"]
    headers = as_chief(auth, person)
    placed = await hold(auth, person, auth.tokens.agent("security"), confirm_last=True)
    assert (placed.status_code, placed.json()["state"]) == (201, "suspended")
    assert await open_sessions(auth, person) == 0
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    refused = await auth.public.get("/v1/me/access-records", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "token-refused")
    later = auth.tokens.person_in_charge(person.applicant_id, person.user_code_id, iat=now().timestamp() + 4)
    refused = await auth.public.get("/v1/me/access-records", headers=later)
    assert (refused.status_code, refused.json()["code"]) == (403, "access-suspended")
    wrong = Person(person.applicant_id, person.user_code_id, person.user_code, "not the password at all")
    right_page = await parties.sign_in(new_browser(auth), portal, person, scope="openid recourse")
    wrong_page = await parties.sign_in(new_browser(auth), portal, wrong, scope="openid recourse")
    assert right_page.status_code == wrong_page.status_code == 401
    assert len(right_page.text) == len(wrong_page.text)
    assert await told(auth, person) == ["user-code-suspended"]


async def test_access_returns_only_when_the_last_hold_falls_and_only_that_is_told(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    portal = parties.client(auth, platform)
    agent = auth.tokens.agent("decider")
    first = await hold(auth, user, as_chief(auth, chief))
    second = await hold(auth, user, agent)
    refused = await release(auth, user, as_chief(auth, chief), second)
    assert (refused.status_code, refused.json()["code"]) == (403, "hold-of-another-side")
    assert (await release(auth, user, as_chief(auth, chief), first)).json()["state"] == "suspended"
    assert (await parties.sign_in(new_browser(auth), portal, user)).status_code == 401
    assert (await release(auth, user, agent, second)).json()["state"] == "active"
    assert (await parties.sign_in(new_browser(auth), portal, user)).url.path == "/change-password"
    assert await told(auth, user) == ["user-code-suspended", "user-code-reactivated"]
    assert await standing_of(auth, user) == "active"
    again = await release(auth, user, agent, second)
    assert (again.status_code, again.json()["code"]) == (409, "hold-already-released")


async def test_disuse_leaves_recourse_and_another_hold_takes_it_away(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    await by_system(auth, person, "disuse")
    assert await standing_of(auth, person) == "recourse-only"
    assert (await parties.sign_in(new_browser(auth), portal, person)).status_code == 401
    browser = new_browser(auth)
    answer = answer_of(await parties.sign_in(browser, portal, person, scope="openid recourse"))
    granted = (await portal.redeem(answer["code"], resource="urn:clicsequr:registry")).json()
    assert (await parties.claims_of(auth, granted["access_token"]))["scope"] == "recourse"
    await hold(auth, person, auth.tokens.agent("decider"), confirm_last=True)
    assert await open_sessions(auth, person) == 0
    barred = await parties.sign_in(new_browser(auth), portal, person, scope="openid recourse")
    assert barred.status_code == 401
    told_twice = [about for name, about in await auth.events() if name == "user-code-suspended"]
    assert [about["leaves_recourse"] for about in told_twice] == [True, False]


async def by_system(service: Running, person: Person, reason: str) -> None:
    call = Call(actor="system", at=now(), correlation_id=new_id())
    async with service.database.transaction() as tx:
        await suspension.place_hold(
            tx,
            call,
            person.user_code_id,
            side=Side.SYSTEM,
            reason_code=reason,
            grounds="not used for long",
            is_last_confirmed=True,
        )


async def test_a_person_in_charge_suspends_a_peer_but_never_revokes_one(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    peer = await new_peer(auth, chief)
    placed = await hold(auth, peer, as_chief(auth, chief))
    assert placed.status_code == 201
    own = await release(auth, peer, as_chief(auth, peer), placed)
    assert own.status_code == 401, "a held person's token is refused before anything is asked"
    refused = await revoke(auth, peer, as_chief(auth, chief))
    assert (refused.status_code, refused.json()["code"]) == (403, "revocation-belongs-to-provider")
    last = await hold(auth, chief, as_chief(auth, chief))
    assert (last.status_code, last.json()["code"]) == (409, "last-active-person-in-charge")
    assert (await release(auth, peer, as_chief(auth, chief), placed)).status_code == 200
    assert (await hold(auth, chief, as_chief(auth, chief))).status_code == 201


async def test_a_revoked_code_never_works_again(auth: Running, platform: Platform) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    code = answer_of(await parties.first_sign_in(browser, portal, user))["code"]
    placed = await hold(auth, user, as_chief(auth, chief))
    answer = await revoke(auth, user, as_chief(auth, chief))
    assert (answer.status_code, answer.json()) == (200, {"state": "revoked"})
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert (await release(auth, user, as_chief(auth, chief), placed)).json()["state"] == "revoked"
    assert (await parties.sign_in(new_browser(auth), portal, user)).status_code == 401
    assert await told(auth, user) == ["user-code-suspended", "user-code-revoked"]
    assert await standing_of(auth, user) == "revoked"
    shown = (await read(auth, user.user_code_id, as_chief(auth, chief))).json()
    assert shown["state"] == "revoked"
    assert shown["revoked_at"] is not None
    for refused, code_ in (
        (await revoke(auth, user, as_chief(auth, chief)), "user-code-revoked"),
        (await hold(auth, user, as_chief(auth, chief)), "user-code-not-active"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, code_)


async def test_the_provider_alone_does_not_revoke_the_last_person_in_charge(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    refused = await revoke(auth, chief, auth.tokens.agent("decider"))
    assert (refused.status_code, refused.json()["code"]) == (409, "last-person-in-charge-needs-two")
    await new_peer(auth, chief)
    assert (await revoke(auth, chief, auth.tokens.agent("decider"))).status_code == 200


async def test_one_agent_does_not_remove_the_last_person_in_charge_by_suspending_them_first(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    decider = auth.tokens.agent("decider")
    assert (await hold(auth, chief, decider, confirm_last=True)).status_code == 201
    refused = await revoke(auth, chief, decider)
    assert (refused.status_code, refused.json()["code"]) == (409, "last-person-in-charge-needs-two")
    assert await told(auth, chief) == ["user-code-suspended"]


async def test_the_provider_releases_a_peers_hold_and_not_what_a_person_in_charge_placed_on_a_user(
    auth: Running,
) -> None:
    chief = await parties.new_person_in_charge(auth)
    peer, user = await new_peer(auth, chief), await new_user(auth, chief)
    on_peer, on_user = [await hold(auth, person, as_chief(auth, chief)) for person in (peer, user)]
    for role in ("decider", "security"):
        refused = await release(auth, user, auth.tokens.agent(role), on_user)
        assert (refused.status_code, refused.json()["code"]) == (403, "hold-of-another-side")
    assert (await release(auth, peer, auth.tokens.agent("security"), on_peer)).json()["state"] == "active"
    assert (await release(auth, user, as_chief(auth, chief), on_user)).json()["state"] == "active"


async def test_a_foreign_code_and_an_unknown_one_get_the_same_answer(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    foreign = await parties.new_person_in_charge(auth)
    unnamed = await parties.assign(auth, applicant_id=chief.applicant_id)
    unknown = Person(chief.applicant_id, new_id(), "", "")
    headers = as_chief(auth, chief)
    for person in (foreign, unknown, unnamed):
        for answer in (
            await hold(auth, person, headers),
            await revoke(auth, person, headers),
            await read(auth, person.user_code_id, headers),
            await auth.public.post(
                f"/v1/user-codes/{person.user_code_id}/holds/{new_id()}/release", headers=headers
            ),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_roles_that_may_not_are_refused_and_staff_state_a_purpose(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    as_user = auth.tokens.user(user.applicant_id, user.user_code_id)
    for headers in (as_user, auth.tokens.agent("support"), auth.tokens.agent("decider", side="revenu-quebec")):
        for answer in (await hold(auth, user, headers), await revoke(auth, user, headers)):
            assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
    silent = {name: value for name, value in auth.tokens.agent("decider").items() if name == "Authorization"}
    refused = await hold(auth, user, silent)
    assert (refused.status_code, refused.json()["code"]) == (400, "purpose-missing")


async def test_what_is_seen_of_a_hold_depends_on_who_looks_and_grounds_are_read_on_the_record(
    auth: Running,
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    placed = await hold(auth, user, auth.tokens.agent("decider"))
    own = await hold(auth, user, as_chief(auth, chief), reason_code="on-leave")
    shown = (await read(auth, user.user_code_id, as_chief(auth, chief))).json()
    assert [(one["side"], one["reason_code"]) for one in shown["holds"]] == [
        ("provider", None),
        ("applicant", "on-leave"),
    ]
    staff = (await read(auth, user.user_code_id, auth.tokens.agent("auditor"))).json()
    assert [one["reason_code"] for one in staff["holds"]] == ["unauthorized-use", "on-leave"]
    assert GROUNDS not in str(shown) + str(staff)
    address = f"/v1/user-codes/{user.user_code_id}/holds/{placed.json()['hold_id']}/grounds"
    for role in ("support", "security"):
        assert (await auth.public.get(address, headers=auth.tokens.agent(role))).status_code == 403
    assert (await auth.public.get(address, headers=as_chief(auth, chief))).status_code == 403
    grounds = (await auth.public.get(address, headers=auth.tokens.agent("auditor"))).json()
    assert grounds["grounds"] == GROUNDS
    kept = await auth.database.fetch("SELECT command, content FROM evidence_records")
    assert [row["command"] for row in kept].count("read_grounds") == 1
    everything = str([row["content"] for row in kept]) + str(await auth.events())
    assert GROUNDS not in everything
    assert "unauthorized-use" not in everything
    assert own.status_code == 201


async def test_a_repeated_hold_is_placed_once_and_a_malformed_one_never(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    headers = {**as_chief(auth, chief), **idempotent("once")}
    answers = await asyncio.gather(*(hold(auth, user, headers) for _ in range(4)))
    assert len({answer.json()["hold_id"] for answer in answers}) == 1
    for body in (
        {"grounds": "\0\0\0"},
        {"grounds": "x" * 4001},
        {"reason_code": "Not A Code"},
        {"side": "provider"},
    ):
        assert (await hold(auth, user, as_chief(auth, chief), **body)).status_code == 422
    rows = await auth.database.fetch("SELECT id FROM user_code_holds")
    assert len(rows) == 1


async def test_a_hold_is_placed_whatever_the_age_of_facts(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    auth.resources.freshness.fresh_as_of = {}
    placed = await hold(auth, user, as_chief(auth, chief))
    assert placed.status_code == 201
    assert (await release(auth, user, as_chief(auth, chief), placed)).status_code == 503


async def test_a_rejected_files_codes_are_told_as_revoked(auth: Running) -> None:
    person = await parties.assign(auth, applicant_id=new_id())
    await parties.tell(auth, parties.designated(person))
    await parties.tell(auth, RegistrationRejected(applicant_id=person.applicant_id))
    assert await told(auth, person) == ["user-code-revoked"]


async def test_of_two_who_suspend_each_other_at_once_one_stays_active(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    peer = await new_peer(auth, chief)
    answers = await asyncio.gather(
        hold(auth, peer, as_chief(auth, chief)), hold(auth, chief, as_chief(auth, peer))
    )
    assert min(answer.status_code for answer in answers) == 201
    assert max(answer.status_code for answer in answers) in {401, 403}


async def test_of_two_releases_at_once_one_counts_and_one_event_leaves(auth: Running) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    agent = auth.tokens.agent("decider")
    one, other = await hold(auth, user, agent), await hold(auth, user, as_chief(auth, chief))
    answers = await asyncio.gather(
        release(auth, user, agent, one),
        release(auth, user, agent, one),
        release(auth, user, as_chief(auth, chief), other),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409]
    assert await told(auth, user) == ["user-code-suspended", "user-code-reactivated"]


@pytest.mark.parametrize("is_hold_first", [True, False])
async def test_a_hold_placed_while_a_sign_in_is_under_way_leaves_no_session_and_no_token(
    auth: Running, platform: Platform, *, is_hold_first: bool
) -> None:
    """The code's row is held by a third connection, so that both wait for it in the order that is tested."""
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(portal.authorize())
    typed = {"user_code": person.user_code, "password": person.password}
    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT id FROM user_codes WHERE id = $1 FOR UPDATE", person.user_code_id)
        steps: list[Any] = [
            lambda: hold(auth, person, auth.tokens.agent("security"), confirm_last=True),
            lambda: browser.submit(typed),
        ]
        tasks = []
        for step in steps if is_hold_first else reversed(steps):
            tasks.append(asyncio.create_task(step()))
            await until_waiting(gate, len(tasks))
        await barrier.commit()
        answers = await asyncio.gather(*tasks)
    finally:
        await gate.close()
    placed, signed_in = answers if is_hold_first else reversed(answers)
    assert placed.status_code == 201
    assert await open_sessions(auth, person) == 0
    if signed_in.status_code == 303:
        assert (await portal.redeem(answer_of(signed_in)["code"])).json()["error"] == "invalid_grant"
    else:
        assert is_hold_first
        assert signed_in.status_code == 401


async def until_waiting(gate: asyncpg.Connection, number: int) -> None:
    async with asyncio.timeout(10):
        while await gate.fetchval("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted") < number:
            pass


async def test_a_suspended_registration_and_a_held_code_are_two_things(auth: Running, platform: Platform) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    await hold(auth, person, auth.tokens.agent("decider"), confirm_last=True)
    await parties.tell(auth, AccessSuspended(applicant_id=person.applicant_id))
    answer = await parties.sign_in(new_browser(auth), portal, person, scope="openid recourse")
    assert answer.status_code == 401


STEPS = st.lists(
    st.sampled_from(
        [
            *("hold by the applicant", "hold by the provider", "hold for disuse", "release one", "revoke"),
            *("hold the person", "release the person", "suspend the registration", "give the registration back"),
        ]
    ),
    min_size=1,
    max_size=7,
)


@dataclass
class Life:
    """One user's code through whatever happens to it, beside a plain account of what stands against it."""

    service: Running
    platform: Platform
    chief: Person
    user: Person
    opened: list[tuple[str, str]] = field(default_factory=list)
    against: set[str] = field(default_factory=set)
    visits: int = 0

    async def follow(self, step: str) -> None:
        agent, chief = self.service.tokens.agent("decider"), as_chief(self.service, self.chief)
        about = {"applicant_id": self.user.applicant_id}
        person = {**about, "person_id": self.user.user_code_id, "user_code_id": self.user.user_code_id}
        match step:
            case "hold by the provider" if "revoked" not in self.against:
                await self._held(agent, by="provider")
            case "hold by the applicant" if not {"revoked", "registration"} & self.against:
                await self._held(chief, by="applicant")
            case "hold for disuse" if "revoked" not in self.against:
                await by_system(self.service, self.user, "disuse")
                row = await self.service.database.fetchrow(
                    "SELECT id FROM user_code_holds ORDER BY placed_at DESC, id DESC"
                )
                assert row is not None
                self.opened.append(("disuse", str(row["id"])))
            case "release one" if self.opened:
                await self._released(agent, chief)
            case "revoke" if "revoked" not in self.against:
                assert (await revoke(self.service, self.user, agent)).status_code == 200
                self.against.add("revoked")
            case "hold the person" | "release the person":
                is_held = step == "hold the person"
                event = PersonInChargeSuspended(**person) if is_held else PersonInChargeReactivated(**person)
                await parties.tell(self.service, event, publisher="delegation", time=PAST)
                (self.against.add if is_held else self.against.discard)("person")
            case "suspend the registration":
                await parties.tell(self.service, AccessSuspended(**about), time=PAST)
                self.against.add("registration")
            case "give the registration back":
                await parties.tell(self.service, AccessReactivated(**about), time=PAST)
                self.against.discard("registration")

    async def _held(self, headers: Headers, *, by: str) -> None:
        placed = await hold(self.service, self.user, headers)
        assert placed.status_code == 201, placed.text
        self.opened.append((by, placed.json()["hold_id"]))

    async def _released(self, agent: Headers, chief: Headers) -> None:
        by, hold_id = self.opened[0]
        address = f"/v1/user-codes/{self.user.user_code_id}/holds/{hold_id}/release"
        own, other = (chief, agent) if by == "applicant" else (agent, chief)
        stranger = await self.service.public.post(address, headers=other)
        assert stranger.status_code == 403
        if by == "applicant" and "registration" in self.against:
            return
        assert (await self.service.public.post(address, headers=own)).status_code == 200
        self.opened.pop(0)

    async def enters(self, *, scope: str) -> bool:
        self.visits += 1
        browser = new_browser(self.service, address=f"192.0.2.{self.visits}")
        answer = await parties.sign_in(
            browser, parties.client(self.service, self.platform), self.user, scope=scope
        )
        return answer.status_code == 303

    async def check(self) -> None:
        is_shut = bool(self.against & {"revoked", "person"}) or any(by != "disuse" for by, _ in self.opened)
        is_free = not is_shut and not self.opened and "registration" not in self.against
        if is_shut:
            assert await open_sessions(self.service, self.user) == 0
        assert await self.enters(scope="openid") == is_free
        assert await self.enters(scope="openid recourse") == (not is_shut)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_to_a_code_nobody_enters_who_must_not_and_no_session_outlives_a_suspension(
    auth: Running, platform: Platform, steps: list[str]
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), user)
    life = Life(auth, platform, chief, user)
    await life.check()
    for step in steps:
        await life.follow(step)
        await life.check()
