from uuid import UUID

from libs.common.call import Call
from libs.common.contracts.delegation import DisclosureAuthorized, DisclosureWithdrawn
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.delegation.access_right.commands import lock_holder
from services.delegation.access_right.rules import Holder
from services.delegation.applicant import commands as applicants
from services.delegation.disclosure import rules, store
from services.delegation.person_in_charge.commands import SERVICE


async def authorize_disclosure(
    database: Database, call: Call, *, applicant_id: UUID, user_id: UUID, recipient: str
) -> None:
    """Clause 14; once more is no news. Raises UnknownOrForeign, RecipientNotFound."""
    async with database.transaction() as tx:
        holder = await lock_holder(tx, call, applicant_id=applicant_id, user_id=user_id)
        if await set_disclosure(tx, call, holder, recipient=recipient):
            await _record(tx, call, "authorize_disclosure", holder=holder, recipient=recipient)


async def set_disclosure(tx: Connection, call: Call, holder: Holder, *, recipient: str) -> bool:
    """False when it was authorized already. Raises RecipientNotFound."""
    rules.check_recipient(recipient, await applicants.enrolled_departments(tx, holder.applicant_id))
    if not await store.add(tx, holder.user_id, recipient, by=call.actor, at=call.at):
        return False
    event = DisclosureAuthorized(
        applicant_id=holder.applicant_id, user_code_id=holder.user_code_id, recipient=recipient
    )
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(holder.applicant_id))
    return True


async def withdraw_disclosure(
    database: Database, call: Call, *, applicant_id: UUID, user_id: UUID, recipient: str
) -> None:
    """Also where nothing was authorized: then nothing is told. Raises UnknownOrForeign."""
    async with database.transaction() as tx:
        holder = await lock_holder(tx, call, applicant_id=applicant_id, user_id=user_id)
        if not await store.remove(tx, user_id, recipient):
            return
        event = DisclosureWithdrawn(
            applicant_id=applicant_id, user_code_id=holder.user_code_id, recipient=recipient
        )
        await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))
        await _record(tx, call, "withdraw_disclosure", holder=holder, recipient=recipient)


async def _record(tx: Connection, call: Call, command: str, *, holder: Holder, recipient: str) -> None:
    content = {
        "user_id": str(holder.user_id),
        "user_code_id": str(holder.user_code_id),
        "recipient": recipient,
    }
    await record_evidence(tx, call, command, applicant_id=holder.applicant_id, content=content)
