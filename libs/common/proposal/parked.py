"""Discarding a parked event: the one word on parked events that loses something, so it takes two persons."""

from typing import Any
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import Conflict, UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.http import Line, RequestModel
from libs.common.inbox import discard_first_parked, find_first_parked
from libs.common.principal import SIDE_OF_PROVIDER
from libs.common.proposal.command import Command, Executed, TwoPersons, no_parts
from libs.common.proposal.rules import Subject

SECURITY = frozenset({"agent:security"})


class NotFirstParked(Conflict):
    code = "parked-event-not-first"
    en = "Another event of this key is parked before it. They are replayed or discarded in their order."
    fr = "Un autre événement de cette clé est mis de côté avant lui. Ils sont repris ou écartés dans leur ordre."


class ParkedEvent(RequestModel):
    """As `parked list` tells it to an operator."""

    source: Line
    partitionkey: Line
    event_id: UUID


async def _of_provider(_tx: Connection, _content: ParkedEvent) -> Subject:
    return Subject(SIDE_OF_PROVIDER)


async def _check(tx: Connection, _call: Call, content: ParkedEvent) -> None:
    first = await find_first_parked(tx, source=content.source, partitionkey=content.partitionkey)
    if first is None:
        raise UnknownOrForeign
    if first.id != content.event_id:
        raise NotFirstParked


async def _discard(_parts: Any, tx: Connection, call: Call, content: ParkedEvent) -> Executed:
    event = await discard_first_parked(tx, source=content.source, partitionkey=content.partitionkey)
    told = {
        "event_id": str(event.id),
        "source": event.source,
        "partitionkey": event.partitionkey,
        "type": event.type,
        "sequence": event.sequence_number,
    }
    await record_evidence(tx, call, "discard_parked_event", applicant_id=None, content=told)
    return Executed()


DISCARD_PARKED: Command[Any, ParkedEvent] = Command(
    "discard_parked_event",
    ParkedEvent,
    proposers=SECURITY,
    approvers=SECURITY,
    subject=_of_provider,
    check=_check,
    execute=_discard,
    raises=(NotFirstParked,),
)


def parked_alone(service: str) -> TwoPersons[None]:
    """For a service that has no other command for two persons."""
    return TwoPersons(service=service, commands=(DISCARD_PARKED,), parts_of=no_parts)
