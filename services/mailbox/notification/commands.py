from uuid import UUID

from libs.common.call import Call
from libs.common.contracts.envelope import Event
from libs.common.database import Connection
from services.mailbox.message.commands import NewMessage, deliver
from services.mailbox.notification import rules, store
from services.mailbox.notification.rules import NOTIFICATION_OF

SENDER = "clicsequr"


async def notify(tx: Connection, call: Call, event: Event, *, applicant_id: UUID, about: UUID | None) -> None:
    """One message per box, each in its person's language, with the event's own transaction: once per event."""
    notification = NOTIFICATION_OF[type(event)](event)
    boxes = await store.list_addressees(tx, applicant_id, about=about, addressees=notification.addressees)
    for box in boxes:
        content = rules.content_of(notification, event, language=box.language, at=call.at)
        new = NewMessage(
            applicant_id=applicant_id,
            sender=SENDER,
            online_service=SENDER,
            content=content,
            confidential=False,
            needs_confirmation=False,
            language=box.language,
        )
        await deliver(tx, call, new, user_code_ids=[box.user_code_id])
