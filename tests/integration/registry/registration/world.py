"""An invented applicant and its representative, and an auth that answers as the real one would."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from libs.common.call import Call
from libs.common.clock import now
from libs.common.ids import new_id
from services.registry.enterprise_register.commands import load_register
from services.registry.installation import install_from, read_installation
from tests.kit import Headers, Running, idempotent

LOCAL = Path(__file__).resolve().parents[4] / "deploy" / "local"
VERSION = "2011-11-E1"
ADDRESS = {"street": "1, rue de l'Exemple", "city": "Québec", "province": "QC", "postal_code": "G1A 0A0"}
BAKERY = {
    "name": "Boulangerie de l'Érable inc.",
    "neq": "1160000001",
    "identification_number": "1000000001",
    "address": ADDRESS,
}
BAKERY_PROOF = {"notice_number": "RQ-2025-000001", "amount": "1250.00"}
PARTNERSHIP = {
    "name": "Tremblay et Gagnon, s.e.n.c.",
    "neq": "3360000003",
    "identification_number": "1000000003",
    "address": ADDRESS,
}
PARTNERSHIP_PROOF = {"notice_number": "RQ-2025-000003", "amount": "8700.10"}
INDIVIDUAL = {"name": "Ginette Lavoie", "identification_number": "1000000002", "address": ADDRESS}
INDIVIDUAL_PROOF = {"notice_number": "RQ-2025-000002", "amount": "310.45"}
REPRESENTATIVE = {
    "given_name": "Ariane",
    "family_name": "Bouchard",
    "capacity": "by-position",
    "email": "ariane@example.org",
    "telephone": "418 555-0100",
}
PERSON = {"given_name": "Luc", "family_name": "Gagnon", "email": "luc@example.org", "language": "fr"}
OTHER_PERSON = {"given_name": "Anne", "family_name": "Roy", "email": "anne@example.org", "language": "en"}


@dataclass
class Auth:
    """Assigns codes as auth says it does: fresh passwords for a code never used, 409 for a used one."""

    is_away: bool = False
    used: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.is_away:
            raise httpx.ConnectError("away", request=request)
        user_code_id = request.url.path.rpartition("/")[2]
        self.asked.append((user_code_id, json.loads(request.content)))
        if user_code_id in self.used:
            return httpx.Response(409, json={"code": "user-code-already-used"})
        answer = {
            "user_code": f"code-{user_code_id}",
            "one_time_password": f"password-{len(self.asked)}",
            "expires_in_days": 30,
        }
        return httpx.Response(201, json=answer)


@dataclass(frozen=True)
class Session:
    """One registration session on a running service."""

    service: Running
    registration_id: UUID
    applicant_id: UUID
    headers: Headers

    async def put(self, part: str, body: dict[str, Any]) -> httpx.Response:
        return await self.service.public.put(self._path(part), json=body, headers=self.headers)

    async def post(
        self, part: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {**self.headers, **idempotent(key)}
        return await self.service.public.post(self._path(part), json=body, headers=headers)

    async def delete(self, part: str) -> httpx.Response:
        return await self.service.public.delete(self._path(part), headers=self.headers)

    async def view(self) -> dict[str, Any]:
        answer = await self.service.public.get(f"/v1/registrations/{self.registration_id}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def submit(self, *, key: str | None = None) -> dict[str, Any]:
        answer = await self.post("submission", key=key)
        assert answer.status_code == 201, answer.text
        submitted: dict[str, Any] = answer.json()
        return submitted

    def _path(self, part: str) -> str:
        return f"/v1/registrations/{self.registration_id}/{part}"


async def install(service: Running) -> None:
    """Departments, conditions and the invented register of the local platform."""
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    installation = read_installation(LOCAL / "installation.yaml")
    await install_from(service.database, call, installation, folder=LOCAL, public_url=service.settings.public_url)
    await load_register(service.database, call, LOCAL / "enterprise_register", malformed_at_most=0)


async def open_session(service: Running, kind: str = "corporation") -> Session:
    answer = await service.public.post("/v1/registrations", json={"applicant_kind": kind})
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    return Session(
        service,
        UUID(opened["registration_id"]),
        UUID(opened["applicant_id"]),
        {"Authorization": f"Bearer {opened['token']}"},
    )


async def filled(  # noqa: PLR0913 - what a file may hold, each by name
    service: Running,
    kind: str = "corporation",
    *,
    applicant: dict[str, Any] = BAKERY,
    proof: dict[str, Any] | None = BAKERY_PROOF,
    persons: tuple[dict[str, Any], ...] = (PERSON,),
    accepts: bool = True,
) -> Session:
    """A draft that can be submitted."""
    session = await open_session(service, kind)
    await expect(session.put("applicant", applicant), 200)
    if proof is not None:
        await expect(session.post("identity-proof", proof), 200)
    await expect(session.put("representative", REPRESENTATIVE), 200)
    for person in persons:
        await expect(session.post("persons-in-charge", person), 201)
    if accepts:
        await expect(session.put("conditions-acceptance", {"version": VERSION, "language": "fr"}), 200)
    return session


async def expect(asked: Any, status: int) -> httpx.Response:
    answer: httpx.Response = await asked
    assert answer.status_code == status, answer.text
    return answer


async def validator(
    service: Running, applicant_id: UUID, part: str, body: dict[str, Any], **claims: Any
) -> httpx.Response:
    headers = {**service.tokens.agent("validator", **claims), **idempotent()}
    return await service.public.post(f"/v1/applicants/{applicant_id}/{part}", json=body, headers=headers)


async def event_types(service: Running) -> list[str]:
    """What registry published about applicants, without notices to departments."""
    rows = await service.database.fetch(
        "SELECT type FROM outbox WHERE topic = 'registry.events' AND partitionkey LIKE 'applicant:%'"
        " ORDER BY row_number"
    )
    return [row["type"].split(".")[1] for row in rows]
