from typing import Literal
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from services.mailbox.mailbox import store

Role = Literal["person_in_charge", "user"]


async def create_mailbox(  # noqa: PLR0913 - a box's facts, each by name
    tx: Connection,
    call: Call,
    *,
    applicant_id: UUID,
    user_code_id: UUID,
    language: str,
    role: Role | None = None,
) -> None:
    """The one box of a user code, made by whichever names the code first: an event or a delivery (clause 32).

    `role`: known to events only; a box that a delivery made learns it from the event that comes later.
    """
    added = await store.add(
        tx, user_code_id=user_code_id, applicant_id=applicant_id, language=language, role=role, at=call.at
    )
    if not added and role is not None:
        await store.save_role(tx, user_code_id, applicant_id=applicant_id, role=role)
    if added:
        content = {"user_code_id": str(user_code_id), "language": language}
        await record_evidence(tx, call, "create-mailbox", applicant_id=applicant_id, content=content)
