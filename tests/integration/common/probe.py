"""Two bare services on the shared mechanisms: what `registry` publishes, `auth` keeps in a table of its own."""

from pathlib import Path
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, SecretStr

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.assurance import TWO_FACTOR
from libs.common.call import Call
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.http import Line, RequestModel, new_router
from libs.common.idempotency import ShownOnce, claim, keep
from libs.common.inbox import handlers_of
from libs.common.outbox import publish
from libs.common.service import Service
from libs.common.settings import ServiceSettings

HERE = Path(__file__).parent


class Noted(Event):
    type: ClassVar[str] = "clicsequr.noted.v1"
    applicant_id: UUID
    text: str


class Note(RequestModel):
    text: Line


class NoteAnswer(BaseModel):
    text: str
    secret: ShownOnce


async def note(database: Database, call: Call, *, applicant_id: UUID, text: str) -> NoteAnswer:
    async with database.transaction() as tx:
        await claim(tx, call)
        event = Noted(applicant_id=applicant_id, text=text)
        await publish(tx, call, event, service="registry", partitionkey=applicant_key(applicant_id))
        await record_evidence(tx, call, "note", applicant_id=applicant_id, content={"length": len(text)})
        answer = NoteAnswer(text=text, secret=SecretStr("shown once"))
        await keep(tx, call, status=201, body=answer)
        return answer


router = new_router(tags=["probe"])


@router.post("/v1/applicants/{applicant_id}/notes", status_code=201)
@admits("person_in_charge", creates=True)
async def post_note(applicant_id: UUID, body: Note, call: CurrentCall, database: CurrentDatabase) -> NoteAnswer:
    return await note(database, call, applicant_id=applicant_id, text=body.text)


@router.get("/v1/applicants/{applicant_id}/notes")
@admits("person_in_charge", recourse=True, needs_facts=False)
async def get_notes(applicant_id: UUID) -> dict[str, str]:
    return {"applicant": str(applicant_id)}


@router.get("/v1/applicants/{applicant_id}/decision")
@admits("department")
async def get_decision(applicant_id: UUID) -> dict[str, str]:
    return {"applicant": str(applicant_id)}


@router.get("/v1/applicants/{applicant_id}/remittance")
@admits("person_in_charge", "agent:auditor", acr=TWO_FACTOR)
async def get_remittance(applicant_id: UUID) -> dict[str, str]:
    return {"applicant": str(applicant_id)}


@router.get("/v1/applicants/{applicant_id}/failure")
@admits("person_in_charge", "agent:auditor")
async def fail(applicant_id: UUID) -> None:
    raise RuntimeError(f"the marker of {applicant_id}")


async def _keep(tx: Connection, call: Call, event: Noted) -> None:
    if event.text == "poison":
        raise ValueError("this note cannot be applied")
    await tx.execute(
        "INSERT INTO notes (applicant_id, text, correlation_id) VALUES ($1, $2, $3)",
        event.applicant_id,
        event.text,
        call.correlation_id,
    )


PUBLISHER = Service(
    name="registry",
    folder=HERE / "publisher",
    settings=ServiceSettings,
    public_routers=[router],
    publishers=("auth",),
)
CONSUMER = Service(
    name="auth",
    folder=HERE / "consumer",
    settings=ServiceSettings,
    public_routers=[],
    publishers=("registry",),
    handlers=lambda _settings: handlers_of((Noted, _keep)),
)
