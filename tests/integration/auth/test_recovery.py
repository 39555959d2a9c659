import asyncio
import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.assurance import TWO_FACTOR
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.registry import RegistrationCancelled, RegistrationReactivated
from libs.common.errors import DomainError
from libs.common.ids import new_id
from libs.common.principal import Principal
from services.auth.app import sweep_dormant
from services.auth.pages import long_date
from services.auth.parts import Parts
from services.auth.user_code.recovery import Reset, ResetByProvider, reset_by_provider
from services.auth.user_code.recovery_rules import DocumentKind
from tests.integration.auth import parties
from tests.integration.auth.factors import bind_totp, next_code
from tests.integration.auth.parties import Person, answer_of, new_browser
from tests.integration.auth.test_user_code_holds import (
    as_chief,
    hold,
    new_peer,
    new_user,
    open_sessions,
    told,
    until_waiting,
)
from tests.kit import Headers, Running, idempotent


async def reset(service: Running, person: Person, headers: Headers, **body: Any) -> httpx.Response:
    return await service.public.post(
        f"/v1/user-codes/{person.user_code_id}/one-time-passwords",
        json=body or None,
        headers={**idempotent(), **headers},
    )


async def known_user(service: Running, platform: Platform) -> tuple[Person, Person]:
    """A person in charge, and a user who chose a password."""
    chief = await parties.new_person_in_charge(service)
    user = await new_user(service, chief)
    answer = await parties.first_sign_in(new_browser(service), parties.client(service, platform), user)
    assert answer.status_code == 303
    return chief, user


async def everything_kept(service: Running) -> str:
    rows = [
        *await service.database.fetch("SELECT content FROM evidence_records"),
        *await service.database.fetch("SELECT body FROM idempotency_keys"),
        *await service.database.fetch("SELECT * FROM access_records"),
    ]
    return str([dict(row) for row in rows]) + str(await service.events())


async def test_a_person_in_charge_resets_a_users_password_and_the_old_one_is_dead_at_once(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    portal = parties.client(auth, platform)
    code = answer_of(await parties.sign_in(new_browser(auth), portal, user))["code"]
    answer = await reset(auth, user, as_chief(auth, chief))
    assert answer.status_code == 201
    shown = answer.json()
    assert shown["user_code"] == user.user_code
    assert shown["expires_in_days"] == 30
    assert await open_sessions(auth, user) == 0
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert (await parties.sign_in(new_browser(auth), portal, user)).status_code == 401
    user.password = shown["one_time_password"]
    again = "a mountain that nobody else has climbed"
    browser = new_browser(auth)
    assert (await parties.sign_in(browser, portal, user)).url.path == "/change-password"
    changed = answer_of(await browser.submit({"new_password": again, "repeated_password": again}))
    assert (await portal.redeem(changed["code"])).status_code == 200
    assert ("credentials-reset", "person-in-charge") in [
        (name, about.get("by")) for name, about in await auth.events()
    ]
    assert shown["one_time_password"] not in await everything_kept(auth)


async def test_a_reset_one_time_password_expires_like_a_first_one(auth: Running, platform: Platform) -> None:
    chief, user = await known_user(auth, platform)
    user.password = (await reset(auth, user, as_chief(auth, chief))).json()["one_time_password"]
    await as_owner(auth, "UPDATE user_codes SET activated_at = now() - interval '90 days'")
    portal = parties.client(auth, platform)
    assert (await parties.sign_in(new_browser(auth), portal, user)).url.path == "/change-password"
    await as_owner(auth, "UPDATE user_codes SET password_set_at = now() - interval '31 days'")
    assert (await parties.sign_in(new_browser(auth), portal, user)).status_code == 401


async def as_owner(service: Running, statement: str) -> None:
    owner = await asyncpg.connect(service.owner_url)
    try:
        await owner.execute(statement)
    finally:
        await owner.close()


async def test_a_repeated_reset_is_done_once_and_its_secret_is_not_shown_again(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    headers = {**as_chief(auth, chief), **idempotent("once")}
    answers = await asyncio.gather(*(reset(auth, user, headers) for _ in range(3)))
    shown = [answer.json()["one_time_password"] for answer in answers]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len([secret for secret in shown if secret is not None]) == 1
    assert [name for name, _ in await auth.events()].count("credentials-reset") == 1


async def test_a_peer_a_stranger_and_oneself_are_not_reset(auth: Running, platform: Platform) -> None:
    chief, user = await known_user(auth, platform)
    peer = await new_peer(auth, chief)
    for person in (peer, chief):
        refused = await reset(auth, person, as_chief(auth, chief))
        assert (refused.status_code, refused.json()["code"]) == (403, "reset-belongs-to-provider")
    foreign = await parties.new_person_in_charge(auth)
    unnamed = await parties.assign(auth, applicant_id=chief.applicant_id, by="delegation")
    unknown = Person(chief.applicant_id, new_id(), "", "")
    for person in (foreign, unnamed, unknown):
        refused = await reset(auth, person, as_chief(auth, chief))
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    as_user = auth.tokens.user(user.applicant_id, user.user_code_id)
    for headers in (as_user, auth.tokens.agent("decider"), auth.tokens.service("delegation", "user-codes")):
        assert (await reset(auth, user, headers)).status_code == 403


async def test_second_factors_outlive_a_reset_unless_they_are_lost(auth: Running, platform: Platform) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    browser = new_browser(auth)
    await parties.first_sign_in(browser, parties.client(auth, platform), user)
    await bind_totp(browser)
    for body, next_page in (({}, "/one-time-code"), ({"second_factors_lost": True}, "/change-password")):
        answer = await reset(auth, user, as_chief(auth, chief), **body)
        assert answer.status_code == 201, answer.text
        user.password = answer.json()["one_time_password"]
        page = await parties.sign_in(new_browser(auth), parties.client(auth, platform), user)
        assert page.url.path == next_page
    assert [about["reason"] for name, about in await auth.events() if name == "second-factor-removed"] == ["reset"]
    assert await auth.database.fetch("SELECT 1 FROM recovery_codes") == []


async def test_a_reset_lifts_no_hold(auth: Running, platform: Platform) -> None:
    chief, user = await known_user(auth, platform)
    await hold(auth, user, auth.tokens.agent("decider"))
    user.password = (await reset(auth, user, as_chief(auth, chief))).json()["one_time_password"]
    answer = await parties.sign_in(new_browser(auth), parties.client(auth, platform), user)
    assert answer.status_code == 401


async def test_a_code_in_use_is_not_reissued_by_another_service_after_a_reset(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    await reset(auth, user, as_chief(auth, chief))
    answer = await auth.internal.put(
        f"/internal/v1/user-codes/{user.user_code_id}",
        json={"applicant_id": str(user.applicant_id), "language": "fr"},
        headers=auth.tokens.service("delegation", "user-codes"),
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "user-code-already-used")


async def test_the_slip_is_a_page_to_print_without_script_in_the_language_of_its_person(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    page = await reset(auth, user, {**as_chief(auth, chief), "Accept": "text/html,application/json"})
    assert (page.status_code, page.headers["content-language"]) == (201, "fr")
    assert user.user_code in page.text
    assert "Mot de passe à usage unique" in page.text
    good_until = re.search(r'<time datetime="([0-9-]+)">([^<]+)</time>', page.text)
    assert good_until
    assert good_until[2] == long_date(date.fromisoformat(good_until[1]), language="fr")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    style = (await auth.public.get("/assets/clicsequr.css")).text
    assert "@media print" in style
    await as_owner(auth, "UPDATE user_codes SET language = 'en'")
    page = await reset(auth, user, {**as_chief(auth, chief), "Accept": "text/html"})
    assert "Destroy this page." in page.text


@pytest.mark.parametrize("is_reset_first", [True, False])
async def test_a_sign_in_under_way_while_the_password_is_reset_gives_no_token(
    auth: Running, platform: Platform, *, is_reset_first: bool
) -> None:
    chief, user = await known_user(auth, platform)
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(portal.authorize())
    typed = {"user_code": user.user_code, "password": user.password}
    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT id FROM user_codes WHERE id = $1 FOR UPDATE", user.user_code_id)
        steps: list[Any] = [lambda: reset(auth, user, as_chief(auth, chief)), lambda: browser.submit(typed)]
        tasks = []
        for step in steps if is_reset_first else reversed(steps):
            tasks.append(asyncio.create_task(step()))
            await until_waiting(gate, len(tasks))
        await barrier.commit()
        answers = await asyncio.gather(*tasks)
    finally:
        await gate.close()
    done, signed_in = answers if is_reset_first else reversed(answers)
    assert done.status_code == 201
    if is_reset_first:
        assert signed_in.status_code == 401
    else:
        assert (await portal.redeem(answer_of(signed_in)["code"])).json()["error"] == "invalid_grant"
    assert (await browser.get(portal.authorize())).url.path == "/sign-in"


def approving(agent_id: UUID) -> Call:
    principal = Principal(
        actor=f"agent:{agent_id}",
        admitted_as=frozenset({"agent:decider"}),
        issued_at=now(),
        agent_id=agent_id,
        agent_side="provider",
    )
    return Call(actor=principal.actor, at=now(), correlation_id=new_id(), principal=principal)


async def by_provider(service: Running, content: ResetByProvider, *, approver: UUID) -> Reset:
    parts: Parts = service.apps[0].state.parts
    async with service.database.transaction() as tx:
        return await reset_by_provider(
            tx, approving(approver), content, passwords=parts.passwords, settings=parts.settings
        )


async def test_the_provider_resets_a_person_in_charge_after_two_agents_checked_who_that_is(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    first, second = new_id(), new_id()
    content = ResetByProvider(
        user_code_id=person.user_code_id, checked_by=[first, second], documents=[DocumentKind.PASSPORT]
    )
    with pytest.raises(DomainError, match="identity-not-checked-by-two"):
        await by_provider(auth, content, approver=new_id())
    done = await by_provider(auth, content, approver=second)
    assert (await parties.sign_in(new_browser(auth), portal, person)).status_code == 401
    person.password = done.answer.one_time_password.get_secret_value()
    assert (await parties.sign_in(new_browser(auth), portal, person)).url.path == "/change-password"
    kept = await auth.database.fetchrow(
        "SELECT content, actor FROM evidence_records WHERE command = 'reset_credentials'"
    )
    assert kept is not None
    assert kept["content"]["documents"] == ["passport"]
    assert kept["content"]["checked_by"] == [str(first), str(second)]
    assert [about["by"] for name, about in await auth.events() if name == "credentials-reset"] == ["provider"]
    assert person.password not in await everything_kept(auth)


async def test_a_second_factor_that_is_used_while_it_is_taken_away_waits_for_that_and_proves_nobody(
    auth: Running, platform: Platform
) -> None:
    """The code's row is held by a third connection, so that both wait for it in this order."""
    chief, user = await known_user(auth, platform)
    portal, early, browser = parties.client(auth, platform), new_browser(auth), new_browser(auth)
    for one in (early, browser):
        await parties.sign_in(one, portal, user)
    totp, _ = await bind_totp(browser)
    assert (await early.get(portal.authorize(acr_values=TWO_FACTOR))).url.path == "/one-time-code"
    gate = await asyncpg.connect(auth.owner_url)
    try:
        barrier = gate.transaction()
        await barrier.start()
        await gate.execute("SELECT id FROM user_codes WHERE id = $1 FOR UPDATE", user.user_code_id)
        resetting = asyncio.create_task(reset(auth, user, as_chief(auth, chief), second_factors_lost=True))
        await until_waiting(gate, 1)
        using = asyncio.create_task(early.submit({"one_time_code": next_code(totp)}))
        await until_waiting(gate, 2)
        await barrier.commit()
        assert (await resetting).status_code == 201
        assert (await using).status_code == 401
    finally:
        await gate.close()


async def test_the_provider_does_not_reset_a_user(auth: Running, platform: Platform) -> None:
    _, user = await known_user(auth, platform)
    agents = [new_id(), new_id()]
    content = ResetByProvider(user_code_id=user.user_code_id, checked_by=agents, documents=[DocumentKind.PASSPORT])
    with pytest.raises(DomainError, match="reset-belongs-to-person-in-charge"):
        await by_provider(auth, content, approver=agents[0])


async def test_codes_of_a_cancelled_registration_sleep_for_the_window_and_are_then_revoked(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    kept = await parties.new_person_in_charge(auth)
    for person in (chief, kept):
        cancelled = RegistrationCancelled(applicant_id=person.applicant_id, cancelled_by="applicant")
        await parties.tell(auth, cancelled, time=now() - timedelta(days=731 if person is chief else 729))
    await sweep_dormant(auth.resources)
    assert await told(auth, chief) == await told(auth, user) == ["user-code-revoked"]
    assert await told(auth, kept) == []
    await sweep_dormant(auth.resources)
    assert await told(auth, user) == ["user-code-revoked"]
    barred = await parties.sign_in(
        new_browser(auth), parties.client(auth, platform), user, scope="openid recourse"
    )
    assert barred.status_code == 401


async def test_codes_are_revoked_only_on_facts_that_are_fresh_and_of_which_nothing_is_parked(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    cancelled = RegistrationCancelled(applicant_id=chief.applicant_id, cancelled_by="applicant")
    await parties.tell(auth, cancelled, time=now() - timedelta(days=900))
    auth.resources.freshness.fresh_as_of["delegation"] -= timedelta(days=2)
    await sweep_dormant(auth.resources)
    assert await told(auth, user) == []
    auth.resources.freshness.fresh_as_of["delegation"] += timedelta(days=2)
    await parties.park_an_event_of(auth, chief.applicant_id)
    await sweep_dormant(auth.resources)
    assert await told(auth, user) == []
    await auth.database.execute("DELETE FROM parked_events")
    await sweep_dormant(auth.resources)
    assert await told(auth, user) == ["user-code-revoked"]


async def test_a_reactivation_within_the_window_wakes_the_codes_and_asks_for_a_new_password(
    auth: Running, platform: Platform
) -> None:
    chief, user = await known_user(auth, platform)
    cancelled = RegistrationCancelled(applicant_id=chief.applicant_id, cancelled_by="applicant")
    await parties.tell(auth, cancelled, time=now() - timedelta(days=900))
    await parties.tell(auth, RegistrationReactivated(applicant_id=chief.applicant_id))
    await sweep_dormant(auth.resources)
    assert await told(auth, user) == []
    page = await parties.sign_in(new_browser(auth), parties.client(auth, platform), user)
    assert page.url.path == "/change-password"
