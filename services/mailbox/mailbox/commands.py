from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from services.mailbox.mailbox import store


async def create_mailbox(
    tx: Connection, call: Call, *, applicant_id: UUID, user_code_id: UUID, language: str
) -> None:
    """The one box of a user code, made by whichever names the code first: an event or a delivery (clause 32)."""
    added = await store.add(
        tx, user_code_id=user_code_id, applicant_id=applicant_id, language=language, at=call.at
    )
    if added:
        content = {"user_code_id": str(user_code_id), "language": language}
        await record_evidence(tx, call, "create-mailbox", applicant_id=applicant_id, content=content)
