"""Events of mailbox, topic `mailbox.events`, keyed `applicant:<id>`; never a subject or a body."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from libs.common.contracts.envelope import Event


class MessageDelivered(Event):
    """A message stands in one box, which is its person's active address (clause 32)."""

    type: ClassVar[str] = "clicsequr.message-delivered.v1"
    applicant_id: UUID
    message_id: UUID
    user_code_id: UUID
    sender: str


class MessageOpened(Event):
    """The person opened it for the first time: the receipt."""

    type: ClassVar[str] = "clicsequr.message-opened.v1"
    applicant_id: UUID
    message_id: UUID
    user_code_id: UUID
    opened_at: datetime


class MessageConfirmed(Event):
    """The person confirmed having read a message that asked for it."""

    type: ClassVar[str] = "clicsequr.message-confirmed.v1"
    applicant_id: UUID
    message_id: UUID
    user_code_id: UUID
    confirmed_at: datetime
