from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from libs.common.call import Call
from libs.common.contracts.envelope import department_key
from libs.common.contracts.registry import PublishedTask, Translated
from libs.common.database import Connection
from libs.common.errors import OnlineServiceOfAnotherDepartment
from libs.common.evidence import record_evidence
from libs.common.http import Line
from libs.common.outbox import publish
from services.registry.department import rules, store
from services.registry.department.rules import Department, EnrolmentKind, OnlineService

SERVICE = "registry"
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Identifier = Literal["neq", "business_number", "identification_number"]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NameEntry(_Entry):
    fr: Line
    en: Line

    def translated(self) -> Translated:
        return Translated(fr=self.fr, en=self.en)


class TaskEntry(_Entry):
    code: Code
    name: NameEntry


class OnlineServiceEntry(_Entry):
    code: Code
    name: NameEntry
    enrolment: Literal["with-registration", "automatic", "decided"]
    tasks: Annotated[list[TaskEntry], Field(min_length=1)]

    def of(self, department: str) -> OnlineService:
        return OnlineService(
            code=self.code,
            department=department,
            name=self.name.translated(),
            enrolment=EnrolmentKind(self.enrolment),
            tasks=tuple(PublishedTask(code=task.code, name=task.name.translated()) for task in self.tasks),
        )


class DepartmentEntry(_Entry):
    code: Code
    name: NameEntry
    notice_identifiers: list[Identifier]
    online_services: list[OnlineServiceEntry]

    def department(self) -> Department:
        return Department(self.code, self.name.translated(), tuple(dict.fromkeys(self.notice_identifiers)))


class Catalogue(_Entry):
    departments: list[DepartmentEntry] = []

    @model_validator(mode="after")
    def _each_code_once(self) -> Self:
        services = [service for department in self.departments for service in department.online_services]
        for codes in (
            [department.code for department in self.departments],
            [service.code for service in services],
            *([task.code for task in service.tasks] for service in services),
        ):
            doubles = {code for code in codes if codes.count(code) > 1}
            if doubles:
                raise ValueError(f"a code stands twice: {', '.join(sorted(doubles))}")
        return self


async def install_departments(tx: Connection, call: Call, catalogue: Catalogue) -> None:
    """Registers departments and publishes their services; what is unchanged leaves no event and no evidence.

    What the list no longer has stays: the end of a service is announced first (clause 33).
    Raises OnlineServiceOfAnotherDepartment.
    """
    for entry in catalogue.departments:
        await _register(tx, call, entry.department())
        for service in entry.online_services:
            await _publish(tx, call, service.of(entry.code))


async def require_offered(tx: Connection, code: str) -> OnlineService:
    """Raises OnlineServiceNotOffered."""
    return rules.require_offered(await store.find_online_service(tx, code))


async def list_with_registration(tx: Connection) -> list[OnlineService]:
    """The services that every applicant is enrolled with when its registration is activated (clause 1)."""
    return await store.list_with_registration(tx)


async def _register(tx: Connection, call: Call, department: Department) -> None:
    if not await store.save_department(tx, department):
        return
    event = rules.registered(department)
    await publish(tx, call, event, service=SERVICE, partitionkey=department_key(department.code))
    content = {**event.model_dump(mode="json"), "notice_identifiers": list(department.notice_identifiers)}
    await record_evidence(tx, call, "register_department", applicant_id=None, content=content)


async def _publish(tx: Connection, call: Call, service: OnlineService) -> None:
    if not await store.save_online_service(tx, service):
        known = await store.find_online_service(tx, service.code)
        if known != service:
            raise OnlineServiceOfAnotherDepartment(online_service=service.code, department=service.department)
        return
    event = rules.published(service)
    await publish(tx, call, event, service=SERVICE, partitionkey=department_key(service.department))
    content = {**event.model_dump(mode="json"), "enrolment": service.enrolment.value}
    await record_evidence(tx, call, "publish_online_service", applicant_id=None, content=content)
