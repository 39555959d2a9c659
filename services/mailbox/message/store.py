from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from libs.common.database import Connection, Database, update_one
from services.mailbox.message.rules import Content, Receipt

INSERT_MESSAGE = """
INSERT INTO messages (
    id, applicant_id, sender, online_service, subject, body, language, confidential, needs_confirmation,
    content_sha256, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
INSERT_DELIVERIES = """
INSERT INTO deliveries (user_code_id, message_id, applicant_id)
SELECT user_code_id, $1, $2 FROM unnest($3::uuid[]) AS user_code_id
"""
# The whole key of a box: a message in another one is as unknown as one that never was.
SELECT_DELIVERY = """
SELECT messages.id, messages.applicant_id, sender, online_service, subject, body, messages.language, confidential,
       needs_confirmation, content_sha256, received_at, user_code_id, opened_at, confirmed_at
FROM deliveries JOIN messages ON messages.id = deliveries.message_id
WHERE deliveries.user_code_id = $1 AND deliveries.applicant_id = $2 AND deliveries.message_id = $3
"""
SELECT_DELIVERY_FOR_UPDATE = f"{SELECT_DELIVERY} FOR UPDATE OF deliveries"
SELECT_OF_BOX = """
SELECT id, sender, online_service, subject, language, confidential, needs_confirmation, received_at, opened_at,
       confirmed_at
FROM deliveries JOIN messages ON messages.id = deliveries.message_id
WHERE deliveries.user_code_id = $1 AND deliveries.applicant_id = $2
  AND ($3::uuid IS NULL OR deliveries.message_id < $3)
ORDER BY deliveries.message_id DESC LIMIT $4
"""
UPDATE_OPENED = """
UPDATE deliveries SET opened_at = $3 WHERE user_code_id = $1 AND message_id = $2 AND opened_at IS NULL
"""
UPDATE_CONFIRMED = """
UPDATE deliveries SET confirmed_at = $3
WHERE user_code_id = $1 AND message_id = $2 AND opened_at IS NOT NULL AND confirmed_at IS NULL
"""
SELECT_RECEIPTS = """
SELECT received_at, opened_at, confirmed_at
FROM deliveries JOIN messages ON messages.id = deliveries.message_id
WHERE messages.id = $1 AND messages.applicant_id = $2 AND sender = $3
"""


@dataclass(frozen=True, slots=True)
class Message:
    id: UUID
    applicant_id: UUID
    sender: str
    online_service: str
    content: Content
    language: str | None
    confidential: bool
    needs_confirmation: bool
    content_sha256: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message in one box."""

    message: Message
    user_code_id: UUID
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A line of the list, without the body."""

    id: UUID
    sender: str
    online_service: str
    subject: SecretStr
    language: str | None
    confidential: bool
    needs_confirmation: bool
    received_at: datetime
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Receipts:
    received_at: datetime
    of_each: list[Receipt]


async def add(tx: Connection, message: Message, *, user_code_ids: Sequence[UUID]) -> None:
    await tx.execute(
        INSERT_MESSAGE,
        message.id,
        message.applicant_id,
        message.sender,
        message.online_service,
        message.content.subject.get_secret_value(),
        message.content.body.get_secret_value(),
        message.language,
        message.confidential,
        message.needs_confirmation,
        message.content_sha256,
        message.received_at,
    )
    await tx.execute(INSERT_DELIVERIES, message.id, message.applicant_id, list(user_code_ids))


async def find_delivery(
    database: Database, *, user_code_id: UUID, applicant_id: UUID, message_id: UUID
) -> Delivery | None:
    row = await database.fetchrow(SELECT_DELIVERY, user_code_id, applicant_id, message_id)
    return None if row is None else _delivery(row)


async def find_delivery_for_update(
    tx: Connection, *, user_code_id: UUID, applicant_id: UUID, message_id: UUID
) -> Delivery | None:
    row = await tx.fetchrow(SELECT_DELIVERY_FOR_UPDATE, user_code_id, applicant_id, message_id)
    return None if row is None else _delivery(row)


async def list_of_box(
    database: Database, *, user_code_id: UUID, applicant_id: UUID, before: UUID | None, limit: int
) -> list[ListedMessage]:
    """Newest first: ids sort by the time they were made."""
    rows = await database.fetch(SELECT_OF_BOX, user_code_id, applicant_id, before, limit)
    return [_listed(row) for row in rows]


async def save_opened(tx: Connection, delivery: Delivery) -> None:
    await update_one(tx, UPDATE_OPENED, delivery.user_code_id, delivery.message.id, delivery.receipt.opened_at)


async def save_confirmed(tx: Connection, delivery: Delivery) -> None:
    await update_one(
        tx, UPDATE_CONFIRMED, delivery.user_code_id, delivery.message.id, delivery.receipt.confirmed_at
    )


async def find_receipts(
    database: Database, *, message_id: UUID, applicant_id: UUID, sender: str
) -> Receipts | None:
    rows = await database.fetch(SELECT_RECEIPTS, message_id, applicant_id, sender)
    if not rows:
        return None
    return Receipts(rows[0]["received_at"], [Receipt(row["opened_at"], row["confirmed_at"]) for row in rows])


def _delivery(row: asyncpg.Record) -> Delivery:
    message = Message(
        id=row["id"],
        applicant_id=row["applicant_id"],
        sender=row["sender"],
        online_service=row["online_service"],
        content=Content(SecretStr(row["subject"]), SecretStr(row["body"])),
        language=row["language"],
        confidential=row["confidential"],
        needs_confirmation=row["needs_confirmation"],
        content_sha256=row["content_sha256"],
        received_at=row["received_at"],
    )
    return Delivery(message, row["user_code_id"], Receipt(row["opened_at"], row["confirmed_at"]))


def _listed(row: asyncpg.Record) -> ListedMessage:
    return ListedMessage(
        id=row["id"],
        sender=row["sender"],
        online_service=row["online_service"],
        subject=SecretStr(row["subject"]),
        language=row["language"],
        confidential=row["confidential"],
        needs_confirmation=row["needs_confirmation"],
        received_at=row["received_at"],
        receipt=Receipt(row["opened_at"], row["confirmed_at"]),
    )
