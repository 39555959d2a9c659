from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import EnrolmentActivated
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from services.registry.department.commands import list_with_registration, require_offered
from services.registry.department.rules import OnlineService
from services.registry.enrolment import rules, store
from services.registry.enrolment.rules import Enrolment
from services.registry.notice.commands import tell_departments

SERVICE = "registry"


class EnrolmentResult(BaseModel):
    model_config = ConfigDict(frozen=True)

    enrolment_id: UUID
    department: str
    online_service: str
    state: str = "active"


async def enrol_with_registration(tx: Connection, call: Call, *, applicant_id: UUID) -> None:
    """Every applicant is registered for these services without asking (clause 1)."""
    for service in await list_with_registration(tx):
        await _activate(tx, call, applicant_id, service=service)


async def enrol(database: Database, call: Call, *, applicant_id: UUID, online_service: str) -> EnrolmentResult:
    """Raises OnlineServiceNotOffered, AccessSuspended, AlreadyEnrolled."""
    async with database.transaction() as tx:
        await claim(tx, call)
        is_active = await store.lock_applicant(tx, applicant_id)
        service = await require_offered(tx, online_service)
        is_enrolled = await store.is_enrolled(tx, applicant_id, online_service=online_service)
        rules.require_may_enrol(is_active=is_active, is_enrolled=is_enrolled, online_service=online_service)
        enrolment = await _activate(tx, call, applicant_id, service=service)
        result = EnrolmentResult(
            enrolment_id=enrolment.id, department=enrolment.department, online_service=enrolment.online_service
        )
        await keep(tx, call, status=201, body=result)
        return result


async def _activate(tx: Connection, call: Call, applicant_id: UUID, *, service: OnlineService) -> Enrolment:
    enrolment = Enrolment(new_id(), applicant_id, service.department, service.code, call.at)
    await store.add(tx, enrolment)
    event = EnrolmentActivated(
        applicant_id=applicant_id,
        enrolment_id=enrolment.id,
        department=service.department,
        online_service=service.code,
    )
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))
    await tell_departments(tx, call, event)
    content = {
        "enrolment_id": str(enrolment.id),
        "department": service.department,
        "online_service": service.code,
    }
    await record_evidence(tx, call, "activate_enrolment", applicant_id=applicant_id, content=content)
    return enrolment
