from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.contracts.mailbox import MessageConfirmed, MessageDelivered, MessageOpened
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.service_calls import ServiceCalls
from services.mailbox.delegation import find_addressees, is_disclosed
from services.mailbox.mailbox.commands import create_mailbox
from services.mailbox.message import rules, store

SERVICE = "mailbox"


@dataclass(frozen=True, slots=True)
class Box:
    """Whose box: both ids come from one token, so a message of another applicant is never found."""

    user_code_id: UUID
    applicant_id: UUID


@dataclass(frozen=True, slots=True)
class NewMessage:
    applicant_id: UUID
    sender: str
    online_service: str
    content: rules.Content
    confidential: bool
    needs_confirmation: bool
    language: Literal["fr", "en"] | None


class SentMessage(BaseModel):
    """`addressees`: in how many boxes it stands."""

    model_config = ConfigDict(frozen=True)

    message_id: UUID
    addressees: int


class OpenedMessage(BaseModel):
    model_config = ConfigDict(frozen=True)

    message_id: UUID
    sender: str
    online_service: str
    subject: str
    body: str
    language: Literal["fr", "en"] | None
    confidential: bool
    needs_confirmation: bool
    received_at: datetime
    opened_at: datetime | None
    confirmed_at: datetime | None


class ConfirmedMessage(BaseModel):
    model_config = ConfigDict(frozen=True)

    message_id: UUID
    confirmed_at: datetime | None


def box_of(call: Call) -> Box:
    """The caller's own box. Raises UnknownOrForeign for a principal that has none."""
    principal = require_principal(call)
    if principal.user_code_id is None or principal.applicant_id is None:
        raise UnknownOrForeign
    return Box(principal.user_code_id, principal.applicant_id)


async def send_message(database: Database, calls: ServiceCalls, call: Call, *, new: NewMessage) -> SentMessage:
    """A department places a message in the boxes of whom delegation names (clause 32).

    Raises ServiceUnavailable, NotKnown, NoAddressee; then nothing was stored.
    """
    await _answer_repetition(database, call)
    found = await find_addressees(
        calls,
        call,
        applicant_id=new.applicant_id,
        department=new.sender,
        online_service=new.online_service,
        confidential=new.confidential,
    )
    addressees = rules.require_addressees(found)
    async with database.transaction() as tx:
        await claim(tx, call)
        for addressee in addressees:
            await create_mailbox(
                tx,
                call,
                applicant_id=new.applicant_id,
                user_code_id=addressee.user_code_id,
                language=addressee.language,
            )
        user_code_ids = [addressee.user_code_id for addressee in addressees]
        message_id = await deliver(tx, call, new, user_code_ids=user_code_ids)
        sent = SentMessage(message_id=message_id, addressees=len(addressees))
        await keep(tx, call, status=201, body=sent)
        return sent


async def _answer_repetition(database: Database, call: Call) -> None:
    """A repetition gets the first answer also while delegation is away or answers otherwise by now.

    The claim is undone: it only asks, and the command's own transaction claims again.
    """
    async with database.connection() as connection:
        asking = connection.transaction()
        await asking.start()
        try:
            await claim(connection, call)
        finally:
            await asking.rollback()


def _message(new: NewMessage, *, at: datetime) -> store.Message:
    return store.Message(
        id=new_id(),
        applicant_id=new.applicant_id,
        sender=new.sender,
        online_service=new.online_service,
        content=new.content,
        language=new.language,
        confidential=new.confidential,
        needs_confirmation=new.needs_confirmation,
        content_sha256=new.content.sha256(),
        received_at=at,
    )


async def deliver(tx: Connection, call: Call, new: NewMessage, *, user_code_ids: Sequence[UUID]) -> UUID:
    """Places a message in boxes that are there; answers its id."""
    message = _message(new, at=call.at)
    await store.add(tx, message, user_code_ids=user_code_ids)
    await _tell_of_deliveries(tx, call, message, user_code_ids=user_code_ids)
    return message.id


async def _tell_of_deliveries(
    tx: Connection, call: Call, message: store.Message, *, user_code_ids: Sequence[UUID]
) -> None:
    for user_code_id in user_code_ids:
        delivered = MessageDelivered(
            applicant_id=message.applicant_id,
            message_id=message.id,
            user_code_id=user_code_id,
            sender=message.sender,
        )
        await _publish(tx, call, delivered, applicant_id=message.applicant_id)
    content = {
        "message_id": str(message.id),
        "sender": message.sender,
        "online_service": message.online_service,
        "confidential": message.confidential,
        "needs_confirmation": message.needs_confirmation,
        "content_sha256": message.content_sha256.hex(),
        "user_code_ids": [str(user_code_id) for user_code_id in user_code_ids],
    }
    await record_evidence(tx, call, "send-message", applicant_id=message.applicant_id, content=content)


async def open_message(database: Database, calls: ServiceCalls, call: Call, *, message_id: UUID) -> OpenedMessage:
    """Shows a message of the caller's own box; the first opening is the receipt (clause 32).

    Raises UnknownOrForeign, DisclosureNoLongerStands, ServiceUnavailable; then nothing was shown or stored.
    """
    box = box_of(call)
    standing_there = await store.find_delivery(
        database, user_code_id=box.user_code_id, applicant_id=box.applicant_id, message_id=message_id
    )
    if standing_there is None:
        raise UnknownOrForeign
    await _require_disclosure(calls, call, box=box, message=standing_there.message)
    async with database.transaction() as tx:
        delivery = await _delivery_for_update(tx, box=box, message_id=message_id)
        receipt = rules.open(delivery.receipt, at=call.at)
        if receipt != delivery.receipt:
            await _keep_opening(tx, call, store.Delivery(delivery.message, delivery.user_code_id, receipt))
        return _opened(delivery.message, receipt)


async def _require_disclosure(calls: ServiceCalls, call: Call, *, box: Box, message: store.Message) -> None:
    """Asked at every opening, since a disclosure authorization may be withdrawn at any time (clause 14)."""
    role = require_principal(call).role
    if not rules.needs_disclosure(role=role, confidential=message.confidential):
        return
    disclosed = await is_disclosed(
        calls, call, applicant_id=box.applicant_id, department=message.sender, user_code_id=box.user_code_id
    )
    if not disclosed:
        raise rules.DisclosureNoLongerStands(sender=message.sender)


async def _delivery_for_update(tx: Connection, *, box: Box, message_id: UUID) -> store.Delivery:
    delivery = await store.find_delivery_for_update(
        tx, user_code_id=box.user_code_id, applicant_id=box.applicant_id, message_id=message_id
    )
    if delivery is None:
        raise UnknownOrForeign
    return delivery


async def _keep_opening(tx: Connection, call: Call, delivery: store.Delivery) -> None:
    await store.save_opened(tx, delivery)
    message = delivery.message
    opened = MessageOpened(
        applicant_id=message.applicant_id,
        message_id=message.id,
        user_code_id=delivery.user_code_id,
        opened_at=call.at,
    )
    await _publish(tx, call, opened, applicant_id=message.applicant_id)
    await record_evidence(tx, call, "open-message", applicant_id=message.applicant_id, content=_proof_of(message))


def _opened(message: store.Message, receipt: rules.Receipt) -> OpenedMessage:
    return OpenedMessage(
        message_id=message.id,
        sender=message.sender,
        online_service=message.online_service,
        subject=message.content.subject.get_secret_value(),
        body=message.content.body.get_secret_value(),
        language=message.language,
        confidential=message.confidential,
        needs_confirmation=message.needs_confirmation,
        received_at=message.received_at,
        opened_at=receipt.opened_at,
        confirmed_at=receipt.confirmed_at,
    )


async def confirm_message(database: Database, call: Call, *, message_id: UUID) -> ConfirmedMessage:
    """The caller says to have read a message that asks for it; said again, the first time stays.

    Raises UnknownOrForeign, ConfirmationNotAsked, MessageNotOpened.
    """
    box = box_of(call)
    async with database.transaction() as tx:
        delivery = await _delivery_for_update(tx, box=box, message_id=message_id)
        receipt = rules.confirm(
            delivery.receipt, needs_confirmation=delivery.message.needs_confirmation, at=call.at
        )
        if receipt != delivery.receipt:
            await _keep_confirmation(tx, call, store.Delivery(delivery.message, delivery.user_code_id, receipt))
        return ConfirmedMessage(message_id=message_id, confirmed_at=receipt.confirmed_at)


async def _keep_confirmation(tx: Connection, call: Call, delivery: store.Delivery) -> None:
    await store.save_confirmed(tx, delivery)
    message = delivery.message
    confirmed = MessageConfirmed(
        applicant_id=message.applicant_id,
        message_id=message.id,
        user_code_id=delivery.user_code_id,
        confirmed_at=call.at,
    )
    await _publish(tx, call, confirmed, applicant_id=message.applicant_id)
    await record_evidence(
        tx, call, "confirm-message", applicant_id=message.applicant_id, content=_proof_of(message)
    )


def _proof_of(message: store.Message) -> dict[str, str]:
    return {"message_id": str(message.id), "content_sha256": message.content_sha256.hex()}


async def _publish(tx: Connection, call: Call, event: Event, *, applicant_id: UUID) -> None:
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))
