from datetime import date
from uuid import UUID

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.http import RequestModel, new_router
from libs.common.ids import new_id
from services.registry.document.commands import Received, receive_document
from services.registry.document.rules import (
    Document,
    DocumentDatesImpossible,
    DocumentKind,
    DocumentPersonMismatch,
)
from services.registry.registration.rules import (
    FormAlreadyReceived,
    FormNotRequired,
    RegistrationAlreadyActive,
    RegistrationAlreadyRejected,
    RegistrationNotSubmitted,
    UnknownPerson,
)

router = new_router(tags=["documents"])


class DocumentBody(RequestModel):
    kind: DocumentKind
    person_id: UUID | None = None
    signed_on: date
    received_on: date


@router.post("/v1/applicants/{applicant_id}/documents", status_code=201)
@admits("agent:validator", creates=True)
@raises(
    DocumentDatesImpossible,
    DocumentPersonMismatch,
    FormAlreadyReceived,
    FormNotRequired,
    RegistrationAlreadyActive,
    RegistrationAlreadyRejected,
    RegistrationNotSubmitted,
    UnknownPerson,
)
async def post_document(
    applicant_id: UUID, body: DocumentBody, call: CurrentCall, database: CurrentDatabase
) -> Received:
    document = Document(new_id(), body.kind, body.person_id, body.signed_on, body.received_on)
    return await receive_document(database, call, applicant_id, document=document)
