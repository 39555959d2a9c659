"""Delegation's side of its arrow, and the calls that the tests of the box repeat."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from deploy.local.environment import Platform
from libs.common.ids import new_id
from services.mailbox.app import SERVICE
from tests.kit import Headers, Running, idempotent, running

SUBJECT = "marker-subject: notice of assessment"
BODY = "marker-body: you owe 12 $\nby the end of the month"
DEPARTMENT = "revenu-quebec"
MESSAGE = {"online_service": "clic-revenu", "subject": SUBJECT, "body": BODY, "confidential": True}


@dataclass
class Delegation:
    """Answers as delegation would; `away` makes it fail in that way, `asked` keeps the questions."""

    applicant_id: UUID = field(default_factory=new_id)
    user_code_ids: list[UUID] = field(default_factory=lambda: [new_id(), new_id()])
    disclosed: bool = True
    away: Callable[[httpx.Request], httpx.Response] | None = None
    asked: list[httpx.Request] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.away is not None:
            return self.away(request)
        if self._is_foreign(request):
            return httpx.Response(404, json={"code": "not-known"})
        if request.url.path.endswith("/disclosure"):
            return httpx.Response(200, json={"disclosed": self.disclosed})
        named = [{"user_code_id": str(one), "language": "fr"} for one in self.user_code_ids]
        return httpx.Response(200, json={"addressees": named})

    def _is_foreign(self, request: httpx.Request) -> bool:
        asked = request.url.params
        return (
            str(self.applicant_id) not in request.url.path
            or asked["department"] != DEPARTMENT
            or asked.get("online_service", "clic-revenu") != "clic-revenu"
        )


@dataclass
class Boxes:
    """The running service and whom delegation knows."""

    service: Running
    delegation: Delegation

    @property
    def person(self) -> UUID:
        return self.delegation.user_code_ids[0]

    @property
    def user(self) -> UUID:
        return self.delegation.user_code_ids[1]

    def department(self, code: str = DEPARTMENT) -> Headers:
        return self.service.tokens.department(code)

    def as_person(self, **claims: Any) -> Headers:
        return self.service.tokens.person_in_charge(self.delegation.applicant_id, self.person, **claims)

    def as_user(self, **claims: Any) -> Headers:
        return self.service.tokens.user(self.delegation.applicant_id, self.user, **claims)

    async def send(
        self,
        *,
        applicant_id: UUID | None = None,
        department: str = DEPARTMENT,
        key: str | None = None,
        **members: Any,
    ) -> httpx.Response:
        return await self.service.public.post(
            f"/v1/applicants/{applicant_id or self.delegation.applicant_id}/messages",
            json={**MESSAGE, **members},
            headers={**self.department(department), **idempotent(key)},
        )

    async def sent(self, **members: Any) -> str:
        answer = await self.send(**members)
        assert answer.status_code == 201, answer.text
        message_id: str = answer.json()["message_id"]
        return message_id

    async def read(self, headers: Headers, query: str = "") -> httpx.Response:
        return await self.service.public.get(f"/v1/me/messages{query}", headers=headers)

    async def open(self, message_id: str | UUID, headers: Headers) -> httpx.Response:
        return await self.service.public.get(f"/v1/me/messages/{message_id}", headers=headers)

    async def confirm(self, message_id: str | UUID, headers: Headers) -> httpx.Response:
        return await self.service.public.post(f"/v1/me/messages/{message_id}/confirmation", headers=headers)

    async def receipts(self, message_id: str | UUID, department: str = DEPARTMENT) -> httpx.Response:
        return await self.service.public.get(
            f"/v1/applicants/{self.delegation.applicant_id}/messages/{message_id}/receipts",
            headers=self.department(department),
        )

    async def count(self, table: str) -> int:
        row = await self.service.database.fetchrow(f"SELECT count(*) AS rows FROM {table}")
        assert row is not None
        rows: int = row["rows"]
        return rows

    async def evidence(self, command: str) -> list[dict[str, Any]]:
        query = "SELECT * FROM evidence_records WHERE command = $1 ORDER BY at, id"
        return [dict(row) for row in await self.service.database.fetch(query, command)]


@asynccontextmanager
async def running_boxes(platform: Platform) -> AsyncIterator[Boxes]:
    delegation = Delegation()
    async with running(SERVICE, platform, peers={"delegation": delegation.answer}) as service:
        yield Boxes(service, delegation)


def refused_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("away", request=request)


def too_slow(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("too slow", request=request)


def everything_logged(records: list[logging.LogRecord]) -> str:
    formatter = logging.Formatter()
    return "\n".join(f"{formatter.format(record)} {record.__dict__}" for record in records)


class Dripping(httpx.AsyncBaseTransport):
    """A delegation whose answer never ends, though each piece of it comes soon."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "x", "expires_in": 300}, request=request)
        return httpx.Response(200, content=_drops(), request=request)


async def _drops() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.1)
