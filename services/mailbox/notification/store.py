from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from libs.common.database import Connection
from services.mailbox.notification.wording import Addressees

SELECT_ADDRESSEES = """
SELECT user_code_id, language FROM mailboxes
WHERE applicant_id = $1 AND (user_code_id = $2 AND $3 OR role = 'person_in_charge' AND $4
    AND ($5 OR $2::uuid IS NULL OR user_code_id <> $2))
ORDER BY user_code_id
"""


@dataclass(frozen=True, slots=True)
class Box:
    user_code_id: UUID
    language: Literal["fr", "en"]


async def list_addressees(
    tx: Connection, applicant_id: UUID, *, about: UUID | None, addressees: Addressees
) -> Sequence[Box]:
    """`about`: the user code that the notification is about, if it is about one."""
    to_person = addressees in {Addressees.PERSON, Addressees.PERSON_AND_PEERS}
    to_persons_in_charge = addressees is not Addressees.PERSON
    also_about = addressees is not Addressees.PEERS
    rows = await tx.fetch(SELECT_ADDRESSEES, applicant_id, about, to_person, to_persons_in_charge, also_about)
    return [Box(row["user_code_id"], row["language"]) for row in rows]
