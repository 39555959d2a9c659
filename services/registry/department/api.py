from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentDatabase, admits
from libs.common.contracts.registry import PublishedTask, Translated
from libs.common.http import new_router
from services.registry.department import store
from services.registry.department.rules import EnrolmentKind

router = new_router(tags=["departments"])


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class OfferedService(_Answer):
    code: str
    name: Translated
    enrolment: EnrolmentKind
    tasks: list[PublishedTask]


class DepartmentAnswer(_Answer):
    code: str
    name: Translated
    notice_identifiers: list[str]
    online_services: list[OfferedService]


class CatalogueAnswer(_Answer):
    departments: list[DepartmentAnswer]


@router.get("/v1/departments")
@admits(
    "person_in_charge",
    "user",
    "department",
    "agent:validator",
    "agent:decider",
    "agent:support",
    "agent:auditor",
    "agent:security",
)
async def get_departments(database: CurrentDatabase) -> CatalogueAnswer:
    departments = await store.list_departments(database)
    services = await store.list_online_services(database)
    return CatalogueAnswer(
        departments=[
            DepartmentAnswer(
                code=department.code,
                name=department.name,
                notice_identifiers=list(department.notice_identifiers),
                online_services=[
                    OfferedService(
                        code=service.code,
                        name=service.name,
                        enrolment=service.enrolment,
                        tasks=list(service.tasks),
                    )
                    for service in services
                    if service.department == department.code
                ],
            )
            for department in departments
        ]
    )
