"""Steps 7 to 9: suspension, release, and what persons in charge may do to each other and to the registration."""

import asyncio

import httpx
from aiokafka.errors import TopicAuthorizationFailedError

from deploy.demo.acting import use_each_token
from deploy.demo.world import PORTAL_CALLBACK, Person, World, answered, expect
from deploy.local import keys
from examples.clic_revenu.notices import listening
from examples.clic_revenu.relying_party import SignInRefused


async def provider_suspends(world: World) -> str:
    applicant_id = world.journal.about = world.applicants["A"]
    emile, decider = world.people["Émile"], await world.agent("decider")
    await world.sign_in_to_portal(emile)
    await use_each_token(world, emile, status=200)
    placed = answered(
        await world.call(
            decider,
            "POST",
            "registry",
            f"/v1/applicants/{applicant_id}/holds",
            body={"reason_code": "requirements-not-met", "grounds": "Pièce justificative attendue."},
        ),
        201,
    )
    world.remembered["hold"] = placed["hold_id"]
    heard = await world.notice("access-suspended", applicant_id)
    await world.until("all four tokens to be refused", lambda: _all_refused(world, emile))
    await use_each_token(world, emile, status=401)
    await _expect_no_sign_in(world, emile)
    subject = world.remembered[f"subject {emile.name}"]
    decision = await world.revenu_quebec.evaluate(
        subject, applicant_id=applicant_id, online_service="clic-revenu", task="file-returns"
    )
    expect(decision == {"decision": False, "context": {"reason": "access-suspended"}}, f"denied: {decision}")
    await _expect_the_other_department_hears_nothing(world)
    return (
        f"notice after {heard.delay_ms:.0f} ms; four live tokens, sign-in and decision refused; "
        "cnesst hears nothing and may not read the topic"
    )


async def _all_refused(world: World, person: Person) -> bool:
    answers = [
        await world.call(person, "GET", service, "/v1/me/access-records?limit=1") for service in person.tokens
    ]
    return all(answer.status_code == httpx.codes.UNAUTHORIZED for answer in answers)


async def _expect_no_sign_in(world: World, person: Person) -> None:
    attempt, page = await world.begin_sign_in(person, world.clic_revenu)
    if page.address.startswith(world.clic_revenu.redirect_uri):
        try:
            await world.clic_revenu.redeem(attempt, page.address)
        except SignInRefused:
            return
        expect(condition=False, sentence=f"{person.name} should not be able to sign in")
    expect("new_password" not in page.fields, "a suspended registration asks for no new password")


async def _expect_the_other_department_hears_nothing(world: World) -> None:
    platform = world.platform
    password = platform.kafka_password("cnesst")
    prefix = platform.topic_prefix
    async with listening(
        "cnesst", bootstrap=platform.kafka_bootstrap, password=password, group="demo", topic_prefix=prefix
    ) as own:
        fetched = await own.getmany(timeout_ms=500)
        expect(not fetched, "a department where A is not enrolled should hear nothing")
    try:
        async with listening(
            "revenu-quebec",
            user="cnesst",
            bootstrap=platform.kafka_bootstrap,
            password=password,
            group="demo",
            topic_prefix=prefix,
        ) as foreign:
            async with asyncio.timeout(10):
                await foreign.getmany(timeout_ms=2000)
    except TopicAuthorizationFailedError:
        return
    expect(condition=False, sentence="another department's topic should be refused")


async def provider_releases(world: World) -> str:
    applicant_id = world.applicants["A"]
    emile, decider = world.people["Émile"], await world.agent("decider")
    path = f"/v1/applicants/{applicant_id}/holds/{world.remembered['hold']}/release"
    answered(await world.call(decider, "POST", "registry", path, body={"grounds": "Pièce reçue."}), 200)
    await world.notice("access-reactivated", applicant_id)
    old = Person(emile.name, emile.code, emile.password, tokens=dict(emile.tokens))

    async def signs_in() -> bool:
        _, page = await world.begin_sign_in(emile, world.portal)
        expect("new_password" not in page.fields, "a mere release asks for no new password")
        return page.address.startswith(PORTAL_CALLBACK)

    await world.until("auth to hear of the release", signs_in)
    await world.sign_in_to_portal(emile)
    await use_each_token(world, emile, status=200)
    await use_each_token(world, old, status=401)
    return "a fresh sign-in works at once with the same password; the old tokens stay dead"


async def persons_in_charge_govern(world: World) -> str:
    applicant_id = world.applicants["A"]
    amelie, bruno = world.people["Amélie"], world.people["Bruno"]
    await world.sign_in_to_portal(amelie)
    place = f"/v1/applicants/{applicant_id}/persons-in-charge/{bruno.person_id}"
    removed = await world.call(amelie, "DELETE", "delegation", place)
    answered(removed, 403, code="removal-belongs-to-representative-or-provider")
    held = answered(
        await world.call(
            amelie,
            "POST",
            "delegation",
            f"{place}/holds",
            body={"reason_code": "absence", "grounds": "Absence prolongée."},
        ),
        201,
    )
    await world.until("the other's sign-in to be refused", lambda: _cannot_sign_in(world, bruno))
    answered(
        await world.call(amelie, "POST", "delegation", f"{place}/holds/{held['hold_id']}/release", body={}), 200
    )
    await world.until("the other's sign-in to work again", lambda: _can_sign_in(world, bruno))
    await _cancel_and_come_back(world, amelie)
    return "suspended and released a peer, could not remove them; cancelled, asked back, everybody new password"


async def _cannot_sign_in(world: World, person: Person) -> bool:
    return not await _can_sign_in(world, person)


async def _can_sign_in(world: World, person: Person) -> bool:
    _, page = await world.begin_sign_in(person, world.portal)
    return page.address.startswith(PORTAL_CALLBACK) and "code=" in page.address


async def _cancel_and_come_back(world: World, amelie: Person) -> None:
    applicant_id = world.applicants["A"]
    place = f"/v1/applicants/{applicant_id}"
    answered(await world.call(amelie, "POST", "registry", f"{place}/cancellation", body={}), 200)
    await world.notice("registration-cancelled", applicant_id)
    await world.until("ordinary sign-in to be refused", lambda: _cannot_sign_in(world, amelie))
    await world.sign_in_to_portal(amelie, scope="openid recourse")
    users = await world.call(amelie, "GET", "delegation", f"{place}/users")
    answered(users, 403, code="recourse-only")
    asked = answered(await world.call(amelie, "POST", "registry", f"{place}/reactivation-requests", body={}), 201)
    decision = {"decision": "accepted", "grounds": "Demande conforme."}
    path = f"{place}/reactivation-requests/{asked['request_id']}/decision"
    answered(await world.call(await world.agent("decider"), "POST", "registry", path, body=decision), 200)
    await world.notice("registration-reactivated", applicant_id)
    for given_name in ("Amélie", "Bruno", "Émile", "Fanny"):
        await world.until(
            f"{given_name} to be asked for a new password",
            lambda name=given_name: _changes_password(world, world.people[name]),
        )


async def _changes_password(world: World, person: Person) -> bool:
    _, page = await world.begin_sign_in(person, world.portal)
    if "new_password" not in page.fields:
        return False
    page = await world.change_password(person, page, password=f"{person.name} en a choisi un autre depuis")
    return page.address.startswith(PORTAL_CALLBACK)


def agents(world: World) -> None:
    """The installed agents, with the secrets that the operator's command was given."""
    directory = world.platform.keys / "agents"
    for name in ("validator", "decider", "auditor", "security"):
        world.people[name] = Person(
            name,
            name,
            keys.read(directory / f"{name}.password"),
            totp=keys.read(directory / f"{name}.totp"),
        )
