from datetime import datetime
from uuid import UUID

from libs.common.call import Call
from libs.common.contracts.envelope import Event
from libs.common.database import Connection
from services.mailbox.message.commands import NewMessage, deliver
from services.mailbox.notification import rules, store
from services.mailbox.notification.rules import NOTIFICATIONS_OF
from services.mailbox.notification.store import Box
from services.mailbox.notification.wording import Notification

SENDER = "clicsequr"


async def notify(tx: Connection, call: Call, event: Event, *, applicant_id: UUID, about: UUID | None) -> None:
    """One message per box, each in its person's language, with the event's own transaction: once per event."""
    for notification in NOTIFICATIONS_OF[type(event)](event):
        boxes = await store.list_addressees(tx, applicant_id, about=about, addressees=notification.addressees)
        for box in boxes:
            new = _message(notification, event, applicant_id=applicant_id, box=box, at=call.at)
            await deliver(tx, call, new, user_code_ids=[box.user_code_id])


def _message(
    notification: Notification, event: Event, *, applicant_id: UUID, box: Box, at: datetime
) -> NewMessage:
    return NewMessage(
        applicant_id=applicant_id,
        sender=SENDER,
        online_service=SENDER,
        content=rules.content_of(notification, event, language=box.language, at=at),
        confidential=False,
        needs_confirmation=False,
        language=box.language,
    )
