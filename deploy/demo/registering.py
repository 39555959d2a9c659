"""Steps 1 and 2: registration at once by identity proof, and registration by signed paper."""

import asyncio
import sys
from typing import Any
from uuid import UUID

from deploy.demo import invented
from deploy.demo.invented import Enterprise
from deploy.demo.world import Person, StepFailed, World, answered, expect
from deploy.local.commands import full_environment

ADDRESS = {
    "street": "12, rue Saint-Jean",
    "city": "Québec",
    "province": "QC",
    "postal_code": "G1R 1N8",
    "country": "CA",
}
REPRESENTATIVE = {
    "given_name": "Josée",
    "family_name": "Tremblay",
    "capacity": "by-position",
    "email": "josee.tremblay@example.org",
    "telephone": "418-555-0101",
}


async def load_enterprise_register(world: World) -> None:
    folder = invented.publish(world.layout, world.corporation, world.partnership)
    environment = full_environment("registry", world.platform, command="load-enterprise-register")
    loading = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.registry", "load-enterprise-register", str(folder)),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    _, complaint = await loading.communicate()
    if loading.returncode:
        raise StepFailed(f"the enterprise register was not loaded: {complaint.decode()[-300:]}")


async def register(
    world: World,
    who: str,
    *,
    kind: str,
    enterprise: Enterprise,
    persons: list[dict[str, str]],
) -> dict[str, Any]:
    """A representative's whole session, from opening to submission; answers what submission answered."""
    world.journal.about = None
    opened = answered(
        await world.http.post(world.url("registry", "/v1/registrations"), json={"applicant_kind": kind}), 201
    )
    world.applicants[who] = UUID(opened["applicant_id"])
    world.journal.adopt(world.applicants[who])
    path = f"/v1/registrations/{opened['registration_id']}"
    session = {"Authorization": f"Bearer {opened['token']}"}

    async def put(place: str, body: dict[str, Any]) -> None:
        answered(await world.call(session, "PUT", "registry", f"{path}/{place}", body=body), 200)

    await put("applicant", {**enterprise.applicant(), "address": ADDRESS})
    answered(await world.call(session, "POST", "registry", f"{path}/identity-proof", body=enterprise.proof()), 200)
    await put("representative", REPRESENTATIVE)
    for person in persons:
        answered(await world.call(session, "POST", "registry", f"{path}/persons-in-charge", body=person), 201)
    current = answered(
        await world.http.get(world.url("registry", "/v1/conditions/clicsequr/current"), params={"language": "fr"}),
        200,
    )
    await put("conditions-acceptance", {"version": current["version"], "language": "fr"})
    submitted: dict[str, Any] = answered(
        await world.call(session, "POST", "registry", f"{path}/submission", body={}), 201
    )
    for person, assigned in zip(persons, submitted["persons_in_charge"], strict=True):
        name = f"{person['given_name']} {person['family_name']}"
        world.people[person["given_name"]] = Person(
            name,
            assigned["user_code"],
            assigned["one_time_password"],
            person_id=assigned["person_id"],
            user_code_id=assigned["user_code_id"],
        )
    return submitted


def person(given_name: str, family_name: str) -> dict[str, str]:
    email = f"{given_name}.{family_name}@example.org".lower().replace("é", "e")
    return {"given_name": given_name, "family_name": family_name, "email": email, "language": "fr"}


async def corporation_registers_at_once(world: World) -> str:
    await load_enterprise_register(world)
    submitted = await register(
        world,
        "A",
        kind="corporation",
        enterprise=world.corporation,
        persons=[person("Amélie", "Gagnon"), person("Bruno", "Roy")],
    )
    expect(submitted["state"] == "active", f"the file should be active at once, it is {submitted['state']}")
    expect(submitted["path"] == "direct", "the identity proof should open the direct path")
    expect(not submitted["codes_pending"], "both codes should be assigned in the session")
    expect(len(world.people) == len({one.code for one in world.people.values()}), "two different codes")
    await world.notice("enrolment-activated", world.applicants["A"])
    return "active at once, enrolled in Clic Revenu, two user codes shown once"


async def partnership_registers_on_paper(world: World) -> str:
    submitted = await register(
        world,
        "B",
        kind="partnership",
        enterprise=world.partnership,
        persons=[person("Chantal", "Morin"), person("Denis", "Côté")],
    )
    applicant_id = world.applicants["B"]
    expect(submitted["state"] == "awaiting_documents", f"paper should be awaited, not {submitted['state']}")
    validator = await world.agent("validator")
    chantal, denis = world.people["Chantal"], world.people["Denis"]
    await _send_document(world, validator, kind="registration-form")
    await _expect_pending(world, chantal, "before her form came in")
    await _send_document(world, validator, kind="designation-form", person_id=chantal.person_id)
    await world.until("Chantal's code to become active", lambda: _asks_for_a_new_password(world, chantal))
    await _expect_pending(world, denis, "while his own form is missing")
    expect(applicant_id != world.applicants["A"], "two applicants")
    return "active with the first designation form; the other code waits for its own"


async def _send_document(world: World, agent: Person, *, kind: str, person_id: str | None = None) -> None:
    body = {"kind": kind, "signed_on": "2026-11-02", "received_on": "2026-11-05"}
    if person_id:
        body["person_id"] = person_id
    path = f"/v1/applicants/{world.applicants['B']}/documents"
    answered(await world.call(agent, "POST", "registry", path, body=body), 201)


async def _asks_for_a_new_password(world: World, one: Person) -> bool:
    _, page = await world.begin_sign_in(one, world.clic_revenu)
    return "new_password" in page.fields


async def _expect_pending(world: World, one: Person, when: str) -> None:
    expect(not await _asks_for_a_new_password(world, one), f"{one.name}'s code should be pending {when}")
