"""Rows must not depend on the order in which events of different keys and publishers arrive."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from deploy.local.environment import Platform
from libs.common.contracts.auth import SessionEnded, UserCodeActivated
from libs.common.contracts.envelope import Event, department_key
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    DepartmentRegistered,
    DesignationFormAccepted,
    EnrolmentActivated,
    OnlineServicePublished,
    PublishedTask,
    RegistrationActivated,
    RegistrationCancelled,
    RegistrationReactivated,
    RegistrationRejected,
)
from libs.common.ids import new_id
from libs.common.inbox import list_parked
from services.delegation.app import SERVICE
from tests.integration.delegation.world import (
    Applicant,
    Person,
    activated,
    catalogue_events,
    enrolled,
    subject_of,
    text,
)
from tests.kit import Running, running

START = datetime(2026, 3, 10, 15, tzinfo=UTC)
TABLES = {
    "departments": "code",
    "online_services": "code",
    "tasks": "online_service, code",
    "applicants": "id",
    "enrolments": "applicant_id, online_service",
    "user_codes": "id",
    "department_subjects": "department, user_code_id",
    "persons_in_charge": "id",
    "clearances": "person_id",
}


def story() -> list[tuple[str, Event]]:
    """Two applicants in the order in which the facts came to be, each with its publisher."""
    kept, refused = new_id(), new_id()
    first, second, waiting, lost = Person(), Person(), Person(), Person()
    registry: list[Event] = [event for _, event in catalogue_events()]
    registry += [
        first.as_designated(kept),
        second.as_designated(kept, awaits_form=True),
        waiting.as_designated(kept, awaits_form=True),
        lost.as_designated(refused),
        RegistrationActivated(applicant_id=kept, applicant_kind="partnership", cleared=[first.as_cleared()]),
        enrolment(kept, "revenu-quebec", "clic-revenu"),
        DesignationFormAccepted(applicant_id=kept, cleared=[second.as_cleared()]),
        enrolment(kept, "cnesst", "mon-espace"),
        enrolment(refused, "cnesst", "mon-espace"),
        RegistrationRejected(applicant_id=refused),
        AccessSuspended(applicant_id=kept),
        AccessReactivated(applicant_id=kept),
        RegistrationCancelled(applicant_id=kept, cancelled_by="provider"),
        RegistrationReactivated(applicant_id=kept),
        AccessSuspended(applicant_id=kept),
    ]
    auth: list[Event] = [
        UserCodeActivated(applicant_id=kept, user_code_id=person.user_code_id) for person in (first, second)
    ]
    return [*(("registry", event) for event in registry), *(("auth", event) for event in auth)]


def enrolment(applicant_id: UUID, department: str, online_service: str) -> EnrolmentActivated:
    return EnrolmentActivated(
        applicant_id=applicant_id, enrolment_id=new_id(), department=department, online_service=online_service
    )


async def rows_after(platform: Platform, order: list[tuple[int, str, Event]]) -> tuple[dict[str, Any], list[str]]:
    """The rows of every projection, and the activations told, after events came in this order.

    Each event keeps the time at which it happened; a key of its own lets it come at any moment.
    """
    async with running(SERVICE, platform, peers={}) as service:
        for number, publisher, event in order:
            await service.deliver(
                event,
                publisher=publisher,
                partitionkey=f"shuffled:{number}",
                time=START + timedelta(minutes=number),
            )
        rows = {
            table: [dict(row) for row in await service.database.fetch(f"SELECT * FROM {table} ORDER BY {columns}")]
            for table, columns in TABLES.items()
        }
        return rows, sorted(data["person_id"] for _, data in await service.events())


async def test_events_in_any_order_give_the_same_rows(platform: Platform) -> None:
    told = [(number, publisher, event) for number, (publisher, event) in enumerate(story())]
    rows, activations = await rows_after(platform, told)
    assert len(activations) == 2
    assert len(rows["department_subjects"]) == 6
    assert sorted(row["state"] for row in rows["applicants"]) == ["rejected", "suspended"]
    assert await rows_after(platform, told[::-1]) == (rows, activations)
    for seed in range(8):
        shuffled = random.Random(seed).sample(told, k=len(told))  # noqa: S311 - an order, not a secret
        assert await rows_after(platform, shuffled) == (rows, activations), seed


@pytest.mark.parametrize("enrolment_comes_first", [True, False])
async def test_every_person_of_an_enrolled_applicant_is_a_subject_of_its_departments(
    service: Running, *, enrolment_comes_first: bool
) -> None:
    applicant = Applicant(service, [Person()])
    [person] = applicant.persons
    if enrolment_comes_first:
        await applicant.enrol()
    await applicant.tell(person.as_designated(applicant.id))
    if not enrolment_comes_first:
        await applicant.enrol()
    rows = await service.database.fetch("SELECT * FROM department_subjects")
    assert [dict(row) for row in rows] == [
        {
            "department": "revenu-quebec",
            "pairwise_id": subject_of(service, person.user_code_id, department="revenu-quebec"),
            "user_code_id": person.user_code_id,
            "applicant_id": applicant.id,
        }
    ]


@pytest.mark.parametrize("enrolment_comes_first", [True, False])
async def test_users_become_subjects_too(service: Running, *, enrolment_comes_first: bool) -> None:
    applicant = await activated(service, persons=1)
    if enrolment_comes_first:
        await applicant.enrol()
    user = await applicant.new_user(rights=[])
    await applicant.enrol("mon-espace", "cnesst")
    if not enrolment_comes_first:
        await applicant.enrol()
    rows = await service.database.fetch(
        "SELECT department FROM department_subjects WHERE user_code_id = $1 ORDER BY department",
        UUID(user["user_code_id"]),
    )
    assert [row["department"] for row in rows] == ["cnesst", "revenu-quebec"]


async def test_a_user_added_while_an_enrolment_arrives_is_a_subject_all_the_same(service: Running) -> None:
    applicant = await activated(service, persons=1)
    for number in range(5):
        await asyncio.gather(applicant.add_user(rights=[]), applicant.enrol(f"service-{number}", f"d-{number}"))
    rows = await service.database.fetch("SELECT count(*) AS known FROM department_subjects")
    assert rows[0]["known"] == 5 * 6


async def test_an_event_delivered_twice_has_its_effect_once(service: Running) -> None:
    applicant = Applicant(service, [Person()])
    envelope = await service.deliver(
        applicant.persons[0].as_designated(applicant.id),
        publisher="registry",
        partitionkey=f"applicant:{applicant.id}",
    )
    await service.inbox.receive("registry", envelope)
    assert await list_parked(service.database) == []
    assert len(await service.database.fetch("SELECT 1 FROM persons_in_charge")) == 1


async def test_publishing_a_service_again_replaces_its_tasks(service: Running) -> None:
    again = OnlineServicePublished(
        department="cnesst",
        code="mon-espace",
        name=text("Mon Espace"),
        tasks=[PublishedTask(code="pay", name=text("Pay"))],
    )
    await service.deliver(again, publisher="registry", partitionkey=department_key("cnesst"))
    rows = await service.database.fetch("SELECT code FROM tasks WHERE online_service = 'mon-espace'")
    assert [row["code"] for row in rows] == ["pay"]


async def test_a_department_cannot_take_over_the_service_of_another(service: Running) -> None:
    stolen = OnlineServicePublished(department="cnesst", code="clic-revenu", name=text("Mine"), tasks=[])
    envelope = service.envelope(stolen, publisher="registry", partitionkey=department_key("cnesst"))
    await service.inbox.receive("registry", envelope)
    [parked] = await list_parked(service.database)
    assert parked["fault"] == "OnlineServiceOfAnotherDepartment"
    rows = await service.database.fetch("SELECT department FROM online_services WHERE code = 'clic-revenu'")
    assert [row["department"] for row in rows] == ["revenu-quebec"]


async def test_standing_follows_registry_and_auth(service: Running) -> None:
    applicant = await enrolled(service)
    headers = applicant.person()
    listing = applicant.path("users")
    assert (await service.public.get(listing, headers=headers)).status_code == 200
    await applicant.tell(AccessSuspended(applicant_id=applicant.id))
    assert (await service.public.get(listing, headers=headers)).json()["code"] == "token-refused"
    other = await enrolled(service)
    session = new_id()
    signed_in = other.person(session_id=session)
    await other.tell(SessionEnded(session_id=session, reason="signed-out"), publisher="auth")
    assert (await service.public.get(other.path("users"), headers=signed_in)).json()["code"] == "token-refused"


async def test_a_department_is_known_by_its_last_name(service: Running) -> None:
    renamed = DepartmentRegistered(code="cnesst", name=text("Commission"))
    await service.deliver(renamed, publisher="registry", partitionkey=department_key("cnesst"))
    rows = await service.database.fetch("SELECT name_fr FROM departments WHERE code = 'cnesst'")
    assert [row["name_fr"] for row in rows] == ["Commission"]
