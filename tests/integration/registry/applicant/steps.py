"""What the tests of applicants do again and again, through the public API wherever there is one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml

from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from services.registry.applicant.commands import activate
from services.registry.department.commands import Catalogue, install_departments
from tests.kit import Headers, Running, idempotent

SELECT_PUBLISHED = """
SELECT type FROM outbox WHERE topic = 'registry.events' AND partitionkey LIKE 'applicant:%' ORDER BY row_number
"""
SELECT_EVIDENCE = """
SELECT applicant_id, actor, user_code_id, acr, content FROM evidence_records WHERE command = $1 ORDER BY at, id
"""
MARKER = "GROUNDS-THAT-NOBODY-ELSE-MAY-READ"
REASON = "marker-reason-of-the-hold"
IDENTIFIERS = {"neq": "1143456789", "identification_number": "1012345678"}
HOLD = {"reason_code": REASON, "grounds": f"because of {MARKER}"}
FURTHER_DEPARTMENT = {
    "code": "mtess",
    "name": {"fr": "Emploi", "en": "Employment"},
    "notice_identifiers": ["business_number"],
    "online_services": [
        {
            "code": "subsidies",
            "name": {"fr": "Subventions", "en": "Subsidies"},
            "enrolment": "decided",
            "tasks": [{"code": "apply", "name": {"fr": "Demander", "en": "Apply"}}],
        }
    ],
}


def installed_departments() -> list[dict[str, Any]]:
    described = yaml.safe_load(Path("deploy/local/installation.yaml").read_text(encoding="utf-8"))
    return [*described["departments"], FURTHER_DEPARTMENT]


def system_call() -> Call:
    return Call(actor="operator:test", at=now(), correlation_id=new_id())


async def install(service: Running, departments: list[dict[str, Any]]) -> None:
    catalogue = Catalogue.model_validate({"departments": departments})
    async with service.database.transaction() as tx:
        await install_departments(tx, system_call(), catalogue)


@dataclass
class File:
    """An applicant whose file is active, its person in charge, and the provider's staff."""

    service: Running
    applicant_id: UUID
    code: UUID

    @property
    def path(self) -> str:
        return f"/v1/applicants/{self.applicant_id}"

    def person(self, *, later: int = 0, **claims: Any) -> Headers:
        """`later` dates the token that many seconds ahead, past the last change of state."""
        claims.setdefault("iat", int(now().timestamp()) + later)
        return self.service.tokens.person_in_charge(self.applicant_id, self.code, **claims)

    def user(self, *, later: int = 0, **claims: Any) -> Headers:
        claims.setdefault("iat", int(now().timestamp()) + later)
        return self.service.tokens.user(self.applicant_id, new_id(), **claims)

    def recourse(self) -> Headers:
        return self.person(later=2, scope="recourse")

    def staff(self, role: str = "decider", **claims: Any) -> Headers:
        return self.service.tokens.agent(role, **claims)

    async def get(self, path: str, headers: Headers) -> httpx.Response:
        return await self.service.public.get(self.path + path, headers=headers)

    async def post(self, path: str, headers: Headers, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.service.public.post(self.path + path, headers={**idempotent(), **headers}, json=body)

    async def hold(self, headers: Headers | None = None) -> str:
        answer = await self.post("/holds", headers or self.staff(), HOLD)
        assert answer.status_code == 201, answer.text
        hold_id: str = answer.json()["hold_id"]
        return hold_id

    async def release(self, hold_id: str, headers: Headers | None = None) -> httpx.Response:
        return await self.post(f"/holds/{hold_id}/release", headers or self.staff())

    async def cancel(self) -> None:
        assert (await self.post("/cancellation", self.recourse())).status_code == 200

    async def request_reactivation(self) -> str:
        answer = await self.post("/reactivation-requests", self.recourse())
        assert answer.status_code == 201, answer.text
        request_id: str = answer.json()["request_id"]
        return request_id

    async def decide(self, request_id: str, decision: str) -> httpx.Response:
        body = {"decision": decision, "grounds": f"decided because of {MARKER}"}
        return await self.post(f"/reactivation-requests/{request_id}/decision", self.staff(), body)

    async def state(self) -> dict[str, Any]:
        answer = await self.get("", self.staff("support"))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def new_file(service: Running) -> File:
    file = File(service, new_id(), new_id())
    async with service.database.transaction() as tx:
        await activate(
            tx,
            system_call(),
            applicant_id=file.applicant_id,
            kind="corporation",
            name="Boulangerie du Nord inc.",
            identifiers=IDENTIFIERS,
            representative="Anne Roy",
        )
    return file


async def published(service: Running) -> list[str]:
    """Types of registry's own events so far, without prefix and version, but for those of the installation."""
    rows = await service.database.fetch(SELECT_PUBLISHED)
    return [row["type"].split(".")[1] for row in rows]


async def notices(service: Running, department: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await service.database.fetch(
        "SELECT type, data FROM outbox WHERE topic = $1 ORDER BY row_number", f"departments.{department}.notices"
    )
    return [(row["type"].split(".")[1], row["data"]) for row in rows]


async def evidence(service: Running, command: str) -> list[dict[str, Any]]:
    rows = await service.database.fetch(SELECT_EVIDENCE, command)
    return [dict(row) for row in rows]
