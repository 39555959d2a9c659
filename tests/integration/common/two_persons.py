"""A bare service with commands for two persons: a note about an applicant, a note of one side."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import httpx
from fastapi import Request
from pydantic import SecretStr

from libs.common.call import Call
from libs.common.contracts.auth import TwoPersonCommandExecuted
from libs.common.database import Connection
from libs.common.errors import Conflict, NotKnown
from libs.common.http import Line, RequestModel
from libs.common.ids import new_id
from libs.common.proposal.api import proposal_routes
from libs.common.proposal.command import Command, Executed, Secrets, TwoPersons
from libs.common.proposal.rules import Subject
from libs.common.service import Service
from libs.common.settings import ServiceSettings
from tests.kit import Headers, Running, idempotent

APPLICANT = new_id()
FOR_SECOND, FOR_FIRST = "the second person's secret", "the first person's secret"
NIL = UUID(int=0)
INSERT_NOTE = "INSERT INTO notes (applicant_id, text, correlation_id) VALUES ($1, $2, $3)"


class NoteFull(Conflict):
    code = "note-full"
    en = "No more notes."
    fr = "Plus de notes."


class NoteOfApplicant(RequestModel):
    applicant: UUID
    text: Line


class NoteOfSide(RequestModel):
    side: Line
    text: Line
    agent_id: UUID | None = None


@dataclass
class Board:
    """`full`: whether the rule of the notes refuses now."""

    full: ClassVar[bool] = False


async def _about_applicant(_tx: Connection, content: NoteOfApplicant) -> Subject:
    return Subject("provider", applicant_id=content.applicant)


async def _about_side(_tx: Connection, content: NoteOfSide) -> Subject:
    if content.text == "unknown":
        raise NotKnown
    return Subject(content.side, () if content.agent_id is None else (f"agent:{content.agent_id}",))


async def _check(_tx: Connection, _call: Call, _content: object) -> None:
    if Board.full:
        raise NoteFull


async def _write(_board: Board, tx: Connection, call: Call, content: NoteOfApplicant) -> Executed:
    await tx.execute(INSERT_NOTE, content.applicant, content.text, call.correlation_id)
    return Executed()


async def _write_of_side(_board: Board, tx: Connection, call: Call, content: NoteOfSide) -> Executed:
    await tx.execute(INSERT_NOTE, NIL, content.text, call.correlation_id)
    if content.text == "poison":
        raise ValueError("this note cannot be written")
    return Executed({"secret": SecretStr(FOR_SECOND)}, FOR_FIRST[::-1].encode())


def _unseal(_board: Board, _content: NoteOfSide, sealed: bytes) -> Secrets:
    return {"secret": SecretStr(sealed.decode()[::-1])}


def _board(_request: Request) -> Board:
    return Board()


PROVIDER = frozenset({"agent:security"})
BOTH = PROVIDER | {"department_agent:security"}
OF_APPLICANT: Command[Board, NoteOfApplicant] = Command(
    "note_of_applicant",
    NoteOfApplicant,
    proposers=frozenset({"agent:support"}),
    approvers=PROVIDER,
    subject=_about_applicant,
    check=_check,
    execute=_write,
    raises=(NoteFull,),
)
OF_SIDE: Command[Board, NoteOfSide] = Command(
    "note_of_side",
    NoteOfSide,
    proposers=BOTH,
    approvers=BOTH,
    subject=_about_side,
    check=_check,
    execute=_write_of_side,
    unseal=_unseal,
    raises=(NotKnown,),
)
TWO_PERSONS = TwoPersons(
    service="auth", commands=(OF_APPLICANT, OF_SIDE), parts_of=_board, executed=TwoPersonCommandExecuted
)
NOTES = Service(
    name="auth",
    folder=Path(__file__).parent / "consumer",
    settings=ServiceSettings,
    public_routers=[proposal_routes(TWO_PERSONS)],
)


async def propose(service: Running, headers: Headers, *, key: str | None = None, **body: object) -> httpx.Response:
    content = {"side": "provider", "text": "hello"}
    whole = {"command": "note_of_side", "content": content, **body}
    return await service.public.post("/v1/proposals", json=whole, headers={**headers, **idempotent(key)})


async def approve(
    service: Running, headers: Headers, made: dict[str, str], *, key: str | None = None, seen: str | None = None
) -> httpx.Response:
    return await service.public.post(
        f"/v1/proposals/{made['id']}/approvals",
        json={"content_hash": seen or made["content_hash"]},
        headers={**headers, **idempotent(key)},
    )


async def act(service: Running, headers: Headers, made: dict[str, str], *, what: str) -> httpx.Response:
    """`withdrawals`, `refusals` or `shown-once`."""
    body = {"reason": "no"} if what == "refusals" else None
    return await service.public.post(f"/v1/proposals/{made['id']}/{what}", json=body, headers=headers)
