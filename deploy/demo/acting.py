"""Steps 3 to 6: first sign-in, users, a decision, a confidential message."""

from typing import Any

import httpx

from deploy.demo.world import CLIC_REVENU_CALLBACK, SERVICES, Person, World, answered, expect


async def person_in_charge_signs_in(world: World) -> str:
    world.journal.about = world.applicants["A"]
    for given_name in ("Amélie", "Bruno"):
        await _first_use(world, world.people[given_name])
    return "password changed at first use after the duties were shown, then tokens"


async def _first_use(world: World, person: Person) -> None:
    async def active() -> Any:
        attempt, page = await world.begin_sign_in(person, world.clic_revenu)
        return (attempt, page) if "new_password" in page.fields else None

    _, page = await world.until(f"{person.name}'s code to become active", active)
    expect("conditions" in page.text.lower(), "the page should link the conditions and show the person's duties")
    expect(person.browser is not None, "nobody sits at the browser")
    other = world.clic_revenu.begin()
    early = await person.browser.open(other.address)  # type: ignore[union-attr]
    expect(not early.address.startswith(CLIC_REVENU_CALLBACK), "nothing else may be done before the change")
    attempt, page = await world.begin_sign_in(person, world.clic_revenu)
    page = await world.change_password(person, page, password=f"{person.name} garde son mot de passe 2026")
    expect(page.address.startswith(CLIC_REVENU_CALLBACK), f"no way back to Clic Revenu: {page.text[:300]}")
    granted = await world.clic_revenu.redeem(attempt, page.address)
    expect(granted["claims"]["sub"] != person.user_code_id, "a department gets a pairwise subject")
    world.remembered[f"subject {person.name}"] = granted["claims"]["sub"]


async def person_in_charge_adds_users(world: World) -> str:
    amelie = world.people["Amélie"]
    await world.sign_in_to_portal(amelie)
    for given_name, family_name, recipients in (("Émile", "Lavoie", ["revenu-quebec"]), ("Fanny", "Ouellet", [])):
        body = {
            "given_name": given_name,
            "family_name": family_name,
            "email": f"{family_name.lower()}@example.org",
            "language": "fr",
            "rights": [{"online_service": "clic-revenu", "task": "file-returns"}],
            "disclosure_to": recipients,
        }
        path = f"/v1/applicants/{world.applicants['A']}/users"

        async def add(body: dict[str, Any] = body, path: str = path) -> httpx.Response | None:
            answer = await world.call(amelie, "POST", "delegation", path, body=body)
            return None if answer.status_code == httpx.codes.CONFLICT else answer

        added = answered(await world.until("delegation to know A as active", add), 201)
        expect(added["one_time_password"], "the one-time password is shown once")
        world.people[given_name] = Person(
            f"{given_name} {family_name}",
            added["user_code"],
            added["one_time_password"],
            person_id=added["user_id"],
            user_code_id=added["user_code_id"],
        )
    return "two users with file-returns, one of them with a disclosure authorization"


async def department_asks_for_a_decision(world: World) -> str:
    for given_name in ("Émile", "Fanny"):
        await _first_use(world, world.people[given_name])
    applicant_id = world.applicants["A"]
    subject = world.remembered[f"subject {world.people['Émile'].name}"]

    async def ask(department: Any, service: str, task: str) -> dict[str, Any]:
        answer: dict[str, Any] = await department.evaluate(
            subject, applicant_id=applicant_id, online_service=service, task=task
        )
        return answer

    permitted = await ask(world.revenu_quebec, "clic-revenu", "file-returns")
    expect(permitted["decision"] is True, f"file-returns should be permitted: {permitted}")
    denied = await ask(world.revenu_quebec, "clic-revenu", "remit")
    expect(denied["decision"] is False, "remit should be denied")
    expect(denied["context"]["reason"] == "missing-right", f"the missing right should be named: {denied}")
    expect("person_in_charge" in str(denied["context"]), "the answer should say who can grant it")
    foreign = await ask(world.cnesst, "clic-revenu", "file-returns")
    expect(foreign["context"] == {"reason": "not-known"}, f"a service not its own is not-known: {foreign}")
    return "file-returns permitted, remit denied with who can grant it, a foreign service not-known"


async def department_posts_a_message(world: World) -> str:
    applicant_id = world.applicants["A"]
    sent = await world.revenu_quebec.send(
        applicant_id,
        online_service="clic-revenu",
        subject="Avis de cotisation",
        body="Le solde de votre compte est de 1 842,57 $.",
        confidential=True,
    )
    expect(sent["addressees"] == 3, f"both persons in charge and one user, not {sent['addressees']}")  # noqa: PLR2004
    path = f"/v1/me/messages/{sent['message_id']}"
    for given_name, status in (("Amélie", 200), ("Émile", 200), ("Fanny", 404)):
        person = world.people[given_name]
        await world.sign_in_to_portal(person)
        listed = answered(await world.call(person, "GET", "mailbox", "/v1/me/messages"), 200)
        found = any(message["message_id"] == sent["message_id"] for message in listed["messages"])
        expect(found is (status == httpx.codes.OK), f"{person.name}'s list should hold what they may open")
        opened = answered(await world.call(person, "GET", "mailbox", path), status)
        expect(status != httpx.codes.OK or opened["opened_at"], "the receipt should be recorded")
    return "read by the person in charge and the authorized user, with receipts; unknown to the other"


async def use_each_token(world: World, person: Person, *, status: int) -> None:
    """Each of the four services answers this status to the token that it once accepted."""
    for service in SERVICES:
        answered(await world.call(person, "GET", service, "/v1/me/access-records?limit=1"), status)
