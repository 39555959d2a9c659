"""Applicants and signed-in people for measurements, made through the suite's own commands and events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from httpx import codes

from deploy.demo.world import PORTAL_CALLBACK, Person, World, expect
from deploy.local.environment import Platform, service_environment
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import ClearedPerson, PersonInChargeDesignated, RegistrationActivated
from libs.common.database import Connection
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.service import Resources, resources_of
from services.registry.app import SERVICE
from services.registry.applicant.commands import activate


@dataclass(frozen=True)
class SignedIn:
    applicant_id: UUID
    person: Person


@asynccontextmanager
async def registry_resources(platform: Platform) -> AsyncIterator[Resources]:
    environment = service_environment("registry", platform)
    fields = {name.removeprefix("CLICSEQUR_").lower(): value for name, value in environment.items()}
    async with resources_of(SERVICE, SERVICE.settings.model_validate(fields)) as resources:
        yield resources


async def add_applicants(resources: Resources, count: int) -> list[UUID]:
    """Active applicants, enrolled with Clic Revenu."""
    added = []
    for number in range(count):
        call, applicant_id = _call(), new_id()
        async with resources.database.transaction() as tx:
            await _activate(tx, call, applicant_id, number=number)
        added.append(applicant_id)
    return added


async def _activate(tx: Connection, call: Call, applicant_id: UUID, *, number: int) -> None:
    await activate(
        tx,
        call,
        applicant_id=applicant_id,
        kind="corporation",
        name=f"ENTREPRISE {number} INC.",
        identifiers={"neq": f"11{number:08}"},
        representative="representative",
    )


async def add_person(world: World, resources: Resources, *, number: int) -> SignedIn:
    """An applicant with one person in charge who has changed the password and holds four tokens."""
    call, applicant_id, person_id, code_id = _call(), new_id(), new_id(), new_id()
    async with resources.database.transaction() as tx:
        key = applicant_key(applicant_id)
        designated = PersonInChargeDesignated(
            applicant_id=applicant_id,
            person_id=person_id,
            user_code_id=code_id,
            given_name="Mesure",
            family_name=str(number),
            language="fr",
            email="mesure@example.org",
            awaits_form=False,
        )
        activated = RegistrationActivated(
            applicant_id=applicant_id,
            applicant_kind="corporation",
            cleared=[ClearedPerson(person_id=person_id, user_code_id=code_id)],
        )
        await publish(tx, call, designated, service="registry", partitionkey=key)
        await publish(tx, call, activated, service="registry", partitionkey=key)
        await _activate(tx, call, applicant_id, number=number)
    assigned = await resources.service_calls.request(
        "PUT",
        "auth",
        f"/internal/v1/user-codes/{code_id}",
        call=call,
        body={"applicant_id": str(applicant_id), "language": "fr"},
    )
    expect(assigned.status in {codes.OK, codes.CREATED}, f"no code was assigned: {assigned.status}")
    given = assigned.json()
    person = Person(f"Mesure {number}", given["user_code"], given["one_time_password"], user_code_id=str(code_id))
    await _first_use(world, person)
    return SignedIn(applicant_id, person)


async def _first_use(world: World, person: Person) -> None:
    async def active() -> object:
        _, page = await world.begin_sign_in(person, world.portal)
        return page if "new_password" in page.fields else None

    page = await world.until("the code to become active", active)
    page = await world.change_password(person, page, password="une phrase assez longue pour mesurer")
    expect(page.address.startswith(PORTAL_CALLBACK), "no way back to the portal")
    await world.sign_in_to_portal(person)


def _call() -> Call:
    return Call(actor="system", at=now(), correlation_id=new_id())
