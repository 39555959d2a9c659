from dataclasses import dataclass
from enum import StrEnum

from libs.common.contracts.registry import DepartmentRegistered, OnlineServicePublished, PublishedTask, Translated
from libs.common.errors import NotFound


class EnrolmentKind(StrEnum):
    WITH_REGISTRATION = "with-registration"
    AUTOMATIC = "automatic"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Department:
    code: str
    name: Translated
    notice_identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnlineService:
    code: str
    department: str
    name: Translated
    enrolment: EnrolmentKind
    tasks: tuple[PublishedTask, ...]


class OnlineServiceNotOffered(NotFound):
    code = "online-service-not-offered"
    en = "There is no such online service that you may enrol with here."
    fr = "Il n'y a pas de tel service en ligne auquel vous puissiez vous inscrire ici."


def require_offered(service: OnlineService | None) -> OnlineService:
    """A service that needs no decision of its department (clause 11). Raises OnlineServiceNotOffered."""
    if service is None or service.enrolment is EnrolmentKind.DECIDED:
        raise OnlineServiceNotOffered
    return service


def registered(department: Department) -> DepartmentRegistered:
    return DepartmentRegistered(code=department.code, name=department.name)


def published(service: OnlineService) -> OnlineServicePublished:
    return OnlineServicePublished(
        department=service.department, code=service.code, name=service.name, tasks=list(service.tasks)
    )
