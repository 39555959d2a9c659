"""What a department's system asks of the suite: decisions, and messages into secure boxes."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from examples.clic_revenu.credentials import ClientCredential, DepartmentToken


class Department:
    def __init__(
        self, credential: ClientCredential, http: httpx.AsyncClient, *, delegation_url: str, mailbox_url: str
    ) -> None:
        self._http = http
        self._delegation_url = delegation_url
        self._mailbox_url = mailbox_url
        self._delegation = DepartmentToken(credential, http, resource="urn:clicsequr:delegation")
        self._mailbox = DepartmentToken(credential, http, resource="urn:clicsequr:mailbox")

    async def evaluate(
        self, subject: str, *, applicant_id: UUID, online_service: str, task: str
    ) -> dict[str, Any]:
        """May this person, by their pairwise id, do this task for this applicant (AuthZEN)?"""
        question = {
            "subject": {"type": "person", "id": subject},
            "action": {"name": task},
            "resource": {
                "type": "online_service",
                "id": online_service,
                "properties": {"applicant": str(applicant_id)},
            },
        }
        answer = await self._http.post(
            f"{self._delegation_url}/access/v1/evaluation", json=question, headers=await self._delegation.headers()
        )
        answer.raise_for_status()
        decision: dict[str, Any] = answer.json()
        return decision

    async def send(
        self, applicant_id: UUID, *, online_service: str, subject: str, body: str, confidential: bool
    ) -> dict[str, Any]:
        """Puts a message into the box of each person of the applicant who may receive it."""
        message = {
            "online_service": online_service,
            "subject": subject,
            "body": body,
            "confidential": confidential,
            "needs_confirmation": False,
        }
        answer = await self._http.post(
            f"{self._mailbox_url}/v1/applicants/{applicant_id}/messages",
            json=message,
            headers={**await self._mailbox.headers(), "Idempotency-Key": str(uuid4())},
        )
        answer.raise_for_status()
        sent: dict[str, Any] = answer.json()
        return sent
