from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from services.registry.document.rules import Document

INSERT_DOCUMENT = """
INSERT INTO documents (
    id, registration_id, kind, person_id, signed_on, received_on, recorded_by, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def add(tx: Connection, call: Call, registration_id: UUID, document: Document) -> None:
    await tx.execute(
        INSERT_DOCUMENT,
        document.id,
        registration_id,
        document.kind,
        document.person_id,
        document.signed_on,
        document.received_on,
        call.actor,
        call.at,
    )
