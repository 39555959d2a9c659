"""What a test of delegation starts from: an applicant with persons in charge, enrolled, in a service's rows."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from deploy.local.environment import Platform
from libs.common.contracts.auth import UserCodeActivated
from libs.common.contracts.envelope import Event, applicant_key, department_key
from libs.common.contracts.registry import (
    ClearedPerson,
    DepartmentRegistered,
    EnrolmentActivated,
    OnlineServicePublished,
    PersonInChargeDesignated,
    PublishedTask,
    RegistrationActivated,
    Translated,
)
from libs.common.ids import new_id
from libs.common.key_files import read_key
from libs.common.pairwise import pairwise_id
from libs.common.settings import own_settings
from services.delegation.app import SERVICE
from services.delegation.settings import DelegationSettings
from tests.kit import Headers, Peer, Running, idempotent, running

PASSWORD = "one-time-4f1c"
CATALOGUE = {
    "revenu-quebec": {"clic-revenu": ["file-returns", "remit", "view-tax-data", "read-mail"]},
    "cnesst": {"mon-espace": ["declare-wages"]},
}


def text(words: str) -> Translated:
    return Translated(fr=words, en=words)


def catalogue_events() -> list[tuple[str, Event]]:
    events: list[tuple[str, Event]] = []
    for department, services in CATALOGUE.items():
        key = department_key(department)
        events.append((key, DepartmentRegistered(code=department, name=text(department))))
        for code, tasks in services.items():
            offered = [PublishedTask(code=task, name=text(task)) for task in tasks]
            events.append(
                (key, OnlineServicePublished(department=department, code=code, name=text(code), tasks=offered))
            )
    return events


@dataclass(frozen=True)
class Person:
    person_id: UUID = field(default_factory=new_id)
    user_code_id: UUID = field(default_factory=new_id)

    def as_cleared(self) -> ClearedPerson:
        return ClearedPerson(person_id=self.person_id, user_code_id=self.user_code_id)

    def as_designated(self, applicant_id: UUID, *, awaits_form: bool = False) -> PersonInChargeDesignated:
        return PersonInChargeDesignated(
            applicant_id=applicant_id,
            person_id=self.person_id,
            user_code_id=self.user_code_id,
            given_name="Alma",
            family_name="Tremblay",
            language="fr",
            email="alma@example.org",
            awaits_form=awaits_form,
        )


@dataclass
class Applicant:
    """One applicant of a running service, and its persons in charge in order."""

    service: Running
    persons: list[Person]
    id: UUID = field(default_factory=new_id)

    async def tell(self, event: Event, *, publisher: str = "registry") -> None:
        await self.service.deliver(event, publisher=publisher, partitionkey=applicant_key(self.id))

    async def activate_code(self, user_code_id: UUID) -> None:
        event = UserCodeActivated(applicant_id=self.id, user_code_id=user_code_id)
        await self.tell(event, publisher="auth")

    async def enrol(self, online_service: str = "clic-revenu", department: str = "revenu-quebec") -> None:
        await self.tell(
            EnrolmentActivated(
                applicant_id=self.id, enrolment_id=new_id(), department=department, online_service=online_service
            )
        )

    def path(self, *rest: object) -> str:
        return "/".join(["/v1/applicants", str(self.id), *map(str, rest)])

    def person(self, number: int = 0, **claims: Any) -> Headers:
        return self.service.tokens.person_in_charge(self.id, self.persons[number].user_code_id, **claims)

    async def hold(
        self, target: Person, headers: Headers, *, key: str | None = None, **body: object
    ) -> httpx.Response:
        return await self.service.public.post(
            self.path("persons-in-charge", target.person_id, "holds"),
            json={"reason_code": "suspected-misuse", "grounds": "confidential grounds", **body},
            headers={**headers, **idempotent(key)},
        )

    async def release(self, target: Person, hold_id: str, headers: Headers) -> httpx.Response:
        path = self.path("persons-in-charge", target.person_id, "holds", hold_id, "release")
        return await self.service.public.post(path, headers=headers)

    async def add_user(
        self, *, headers: Headers | None = None, key: str | None = None, **changes: object
    ) -> httpx.Response:
        body = {
            "given_name": "Ugo",
            "family_name": "Gagnon",
            "email": "ugo@example.org",
            "language": "en",
            "rights": [{"online_service": "clic-revenu", "task": "file-returns"}],
            "disclosure_to": [],
            **changes,
        }
        return await self.service.public.post(
            self.path("users"), json=body, headers={**(headers or self.person()), **idempotent(key)}
        )

    async def new_user(self, **changes: object) -> dict[str, Any]:
        answer = await self.add_user(**changes)  # type: ignore[arg-type]
        assert answer.status_code == 201, answer.text
        added: dict[str, Any] = answer.json()
        await self.activate_code(UUID(added["user_code_id"]))
        return added

    async def ask(
        self,
        user_code_id: UUID | str,
        *,
        department: str = "revenu-quebec",
        online_service: str = "clic-revenu",
        task: str = "file-returns",
        applicant: UUID | None = None,
    ) -> httpx.Response:
        subject = subject_of(self.service, user_code_id, department=department)
        return await self.service.public.post(
            "/access/v1/evaluation",
            json=evaluation(subject, online_service=online_service, task=task, applicant=applicant or self.id),
            headers=self.service.tokens.department(department),
        )


def subject_of(service: Running, user_code_id: UUID | str, *, department: str) -> str:
    """What the department calls this person."""
    key = read_key(own_settings(service.settings, DelegationSettings).pairwise_key_file)
    return pairwise_id(key, department=department, user_code_id=UUID(str(user_code_id)))


def evaluation(
    subject: str, *, applicant: object, online_service: str = "clic-revenu", task: str = "file-returns"
) -> dict[str, Any]:
    return {
        "subject": {"type": "person", "id": subject},
        "action": {"name": task},
        "resource": {"type": "online_service", "id": online_service, "properties": {"applicant": str(applicant)}},
    }


async def activated(service: Running, *, persons: int = 2) -> Applicant:
    """An active applicant whose persons in charge are cleared and whose codes are active; not enrolled."""
    applicant = Applicant(service, [Person() for _ in range(persons)])
    for person in applicant.persons:
        await applicant.tell(person.as_designated(applicant.id))
    cleared = [person.as_cleared() for person in applicant.persons]
    await applicant.tell(
        RegistrationActivated(applicant_id=applicant.id, applicant_kind="corporation", cleared=cleared)
    )
    for person in applicant.persons:
        await applicant.activate_code(person.user_code_id)
    return applicant


async def enrolled(service: Running, *, persons: int = 2) -> Applicant:
    applicant = await activated(service, persons=persons)
    await applicant.enrol()
    return applicant


class Auth:
    """Stands for auth across the synchronous arrow: answers as its contract says, or as told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: tuple[int, dict[str, Any]] | None = None
        self.is_away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("away", request=request)
        self.asked.append((request.url.path, json.loads(request.content)))
        if self.answer is not None:
            return httpx.Response(self.answer[0], json=self.answer[1])
        number = len(self.asked)
        body = {"user_code": f"UC{number}", "one_time_password": f"{PASSWORD}-{number}", "expires_in_days": 30}
        return httpx.Response(201, json=body)


@asynccontextmanager
async def delegation(platform: Platform, auth: Peer, **settings: Any) -> AsyncIterator[Running]:
    async with running(SERVICE, platform, peers={"auth": auth}, **settings) as service:
        for key, event in catalogue_events():
            await service.deliver(event, publisher="registry", partitionkey=key)
        yield service
