from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.clock import civil_date
from libs.common.contracts.registry import DocumentsReceived
from libs.common.database import Database
from libs.common.evidence import record_evidence
from libs.common.idempotency import claim, keep
from services.registry.document import rules, store
from services.registry.document.rules import Document
from services.registry.registration.activation import load_of_applicant, receive_form, save_form, tell
from services.registry.registration.rules import told_state


class Received(BaseModel):
    model_config = ConfigDict(frozen=True)

    document_id: UUID
    state: str


async def receive_document(database: Database, call: Call, applicant_id: UUID, *, document: Document) -> Received:
    """The form may activate the file, or one more person of an active file."""
    async with database.transaction() as tx:
        await claim(tx, call)
        rules.check(document, today=civil_date(call.at))
        file = await load_of_applicant(tx, applicant_id)
        better = receive_form(file, person_id=document.person_id, call=call)
        await store.add(tx, call, file.id, document)
        event = DocumentsReceived(
            applicant_id=applicant_id, document_id=document.id, document_kind=document.kind.value
        )
        await tell(tx, call, event, applicant_id=applicant_id)
        await save_form(tx, call, file, after=better)
        content = {
            "document_id": str(document.id),
            "kind": document.kind,
            "person_id": str(document.person_id) if document.person_id else None,
            "signed_on": document.signed_on.isoformat(),
            "received_on": document.received_on.isoformat(),
        }
        await record_evidence(tx, call, "receive_document", applicant_id=applicant_id, content=content)
        result = Received(document_id=document.id, state=told_state(better))
        await keep(tx, call, status=201, body=result)
    return result
