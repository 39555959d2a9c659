from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.description import raises
from libs.common.errors import NotKnown, ServiceUnavailable
from libs.common.http import Line, RequestModel, new_router
from libs.common.service import Resources
from libs.common.service_calls import ServiceCalls
from services.mailbox.message import store
from services.mailbox.message.commands import (
    ConfirmedMessage,
    NewMessage,
    OpenedMessage,
    SentMessage,
    box_of,
    confirm_message,
    open_message,
    send_message,
)
from services.mailbox.message.rules import (
    ConfirmationNotAsked,
    Content,
    DisclosureNoLongerStands,
    MessageNotOpened,
    NoAddressee,
    needs_disclosure,
)

PAGE = 50
LARGEST_PAGE = 200
BODY_CHARACTERS = 50_000

router = new_router(tags=["messages"])

# As departments' codes are written everywhere: delegation would refuse another one as malformed.
OnlineServiceCode = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class MessageToSend(RequestModel):
    """Subject and body are kept out of representations: they reach the box and nothing else."""

    online_service: OnlineServiceCode
    subject: Line = Field(repr=False)
    body: str = Field(min_length=1, max_length=BODY_CHARACTERS, repr=False)
    confidential: bool
    language: Literal["fr", "en"] | None = None
    needs_confirmation: bool = False


class MessageListed(BaseModel):
    """`subject` of a confidential message is null for a user: only opening asks whether it may be disclosed."""

    message_id: UUID
    sender: str
    online_service: str
    subject: str | None
    language: str | None
    confidential: bool
    needs_confirmation: bool
    received_at: datetime
    opened_at: datetime | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, listed: store.ListedMessage, *, role: str | None) -> Self:
        hidden = needs_disclosure(role=role, confidential=listed.confidential)
        return cls(
            message_id=listed.id,
            sender=listed.sender,
            online_service=listed.online_service,
            subject=None if hidden else listed.subject.get_secret_value(),
            language=listed.language,
            confidential=listed.confidential,
            needs_confirmation=listed.needs_confirmation,
            received_at=listed.received_at,
            opened_at=listed.receipt.opened_at,
            confirmed_at=listed.receipt.confirmed_at,
        )


class MessagePage(BaseModel):
    """Newest first; `next` is given as `before` to read on."""

    messages: list[MessageListed]
    next: UUID | None


class MessageReceipts(BaseModel):
    """In how many boxes it stands, in how many it was opened and confirmed, and when; never by whom."""

    message_id: UUID
    received_at: datetime
    delivered: int
    opened: int
    confirmed: int
    opened_at: list[datetime]
    confirmed_at: list[datetime]

    @classmethod
    def of(cls, message_id: UUID, receipts: store.Receipts) -> Self:
        opened_at = sorted(one.opened_at for one in receipts.of_each if one.opened_at)
        confirmed_at = sorted(one.confirmed_at for one in receipts.of_each if one.confirmed_at)
        return cls(
            message_id=message_id,
            received_at=receipts.received_at,
            delivered=len(receipts.of_each),
            opened=len(opened_at),
            confirmed=len(confirmed_at),
            opened_at=opened_at,
            confirmed_at=confirmed_at,
        )


async def _service_calls(request: Request) -> ServiceCalls:
    resources: Resources = request.app.state.resources
    return resources.service_calls


CurrentServiceCalls = Annotated[ServiceCalls, Depends(_service_calls)]


@router.post("/v1/applicants/{applicant_id}/messages", status_code=201)
@admits("department", creates=True)
@raises(NoAddressee, NotKnown, ServiceUnavailable)
async def post_message(
    applicant_id: UUID,
    body: MessageToSend,
    call: CurrentCall,
    database: CurrentDatabase,
    calls: CurrentServiceCalls,
) -> SentMessage:
    new = NewMessage(
        applicant_id=applicant_id,
        sender=_department_of(call),
        online_service=body.online_service,
        content=Content(SecretStr(body.subject), SecretStr(body.body)),
        confidential=body.confidential,
        needs_confirmation=body.needs_confirmation,
        language=body.language,
    )
    return await send_message(database, calls, call, new=new)


@router.get("/v1/applicants/{applicant_id}/messages/{message_id}/receipts")
@admits("department")
@raises(NotKnown)
async def get_receipts(
    applicant_id: UUID, message_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> MessageReceipts:
    receipts = await store.find_receipts(
        database, message_id=message_id, applicant_id=applicant_id, sender=_department_of(call)
    )
    if receipts is None:
        raise NotKnown
    return MessageReceipts.of(message_id, receipts)


@router.get("/v1/me/messages")
@admits("person_in_charge", "user", recourse=True)
async def get_messages(
    call: CurrentCall,
    database: CurrentDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
) -> MessagePage:
    box = box_of(call)
    found = await store.list_of_box(
        database, user_code_id=box.user_code_id, applicant_id=box.applicant_id, before=before, limit=limit
    )
    role = require_principal(call).role
    following = found[-1].id if len(found) == limit else None
    return MessagePage(messages=[MessageListed.of(one, role=role) for one in found], next=following)


@router.get("/v1/me/messages/{message_id}")
@admits("person_in_charge", "user", recourse=True)
@raises(DisclosureNoLongerStands, ServiceUnavailable)
async def get_message(
    message_id: UUID, call: CurrentCall, database: CurrentDatabase, calls: CurrentServiceCalls
) -> OpenedMessage:
    return await open_message(database, calls, call, message_id=message_id)


@router.post("/v1/me/messages/{message_id}/confirmation")
@admits("person_in_charge", "user")
@raises(ConfirmationNotAsked, MessageNotOpened)
async def post_confirmation(message_id: UUID, call: CurrentCall, database: CurrentDatabase) -> ConfirmedMessage:
    return await confirm_message(database, call, message_id=message_id)


def _department_of(call: CurrentCall) -> str:
    department = require_principal(call).department
    if department is None:
        raise NotKnown
    return department
