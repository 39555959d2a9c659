"""Calls from one service to another's internal API, with a client credential (RFC 7523) and a deadline."""

import asyncio
import json
import logging
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpcore
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import BaseModel, Field, ValidationError

from libs.common.call import Call
from libs.common.circuit_breaker import CircuitBreaker
from libs.common.contracts.envelope import Envelope
from libs.common.errors import ServiceUnavailable
from libs.common.http_calls import FAULTS, Answer, new_pool, send
from libs.common.settings import ServiceSettings
from libs.common.telemetry import current_traceparent

log = logging.getLogger(__name__)

ASSERTION_SECONDS = 30
RENEW_BEFORE_SECONDS = 30
FEED_PAGE = 500
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _Granted(BaseModel):
    # RFC 6750, b64token: what may stand in a header.
    access_token: str = Field(pattern=r"^[A-Za-z0-9._~+/-]+=*$")
    expires_in: int


@dataclass
class ServiceCalls:
    """`service` is the client id; tokens are asked per audience and kept until shortly before they expire."""

    service: str
    settings: ServiceSettings
    pool: httpcore.AsyncConnectionPool = field(default_factory=new_pool)
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict)
    _breakers: dict[str, CircuitBreaker] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        call: Call | None = None,
        body: dict[str, Any] | None = None,
    ) -> Answer:
        """Answers whatever the other service answered below 500.

        Raises ServiceUnavailable when it is away, too slow or failing, and then it may or may not have acted; or
        when it was too slow so often that it is not asked now.
        """
        breaker = self._breakers.setdefault(service, CircuitBreaker())
        if not breaker.may_call():
            raise ServiceUnavailable(service=service)
        try:
            # Of the whole call, its token included.
            async with asyncio.timeout(self.settings.outbound_timeout_seconds):
                headers = {"Authorization": f"Bearer {await self._token(service)}", **_handed_on(call)}
                answer = await self._send(method, self._address(service) + path, headers=headers, body=body)
        except TimeoutError as error:
            if breaker.note_deadline_missed():
                log.warning("a service does not answer in time and is left alone", extra={"service": service})
            raise ServiceUnavailable(service=service) from error
        except (*FAULTS, ValidationError) as error:
            raise ServiceUnavailable(service=service) from error
        breaker.note_answer()
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServiceUnavailable(service=service)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.pop(service, None)
        return answer

    async def refill(self, publisher: str, partitionkey: str, after_sequence: int) -> list[Envelope]:
        """The events of one key after a sequence, from the publisher's feed. Raises ServiceUnavailable."""
        found: list[Envelope] = []
        while True:
            query = urlencode({"partitionkey": partitionkey, "after_sequence": after_sequence, "limit": FEED_PAGE})
            answer = await self.request("GET", publisher, f"/internal/v1/events?{query}")
            if answer.status != HTTPStatus.OK:
                raise ServiceUnavailable(service=publisher)
            try:
                page = [Envelope.model_validate(item["event"]) for item in answer.json()["events"]]
            except (ValueError, KeyError, TypeError) as error:
                raise ServiceUnavailable(service=publisher) from error
            found += page
            if len(page) < FEED_PAGE:
                return found
            after_sequence = page[-1].sequence_number

    async def close(self) -> None:
        await self.pool.aclose()

    async def _send(
        self, method: str, address: str, *, headers: dict[str, str], body: dict[str, Any] | None
    ) -> Answer:
        if body is None:
            return await send(self.pool, method, address, headers=headers)
        typed = {**headers, "Content-Type": "application/json"}
        return await send(self.pool, method, address, headers=typed, body=json.dumps(body).encode())

    def _address(self, service: str) -> str:
        address: str = getattr(self.settings, f"{service}_internal_url")
        return address

    async def _token(self, service: str) -> str:
        known = self._known_token(service)
        if known is not None:
            return known
        # Of many calls that need one at the same moment, one asks.
        async with self._asking:
            return self._known_token(service) or await self._new_token(service)

    def _known_token(self, service: str) -> str | None:
        expires_at, token = self._tokens.get(service, (0.0, None))
        return token if expires_at > time.time() else None

    async def _new_token(self, service: str) -> str:
        asked = {
            "grant_type": "client_credentials",
            "resource": self._audience(service),
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        answer = await send(
            self.pool,
            "POST",
            f"{self.settings.auth_internal_url}/oauth/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(asked).encode(),
        )
        if answer.status != HTTPStatus.OK:
            raise ServiceUnavailable(service="auth")
        granted = _Granted.model_validate_json(answer.body)
        self._tokens[service] = (time.time() + granted.expires_in - RENEW_BEFORE_SECONDS, granted.access_token)
        return granted.access_token

    def _audience(self, service: str) -> str:
        return f"urn:clicsequr:{service}"

    def _assertion(self) -> str:
        key = ECKey.import_key(self.settings.client_key_file.read_text())
        now = int(time.time())
        claims = {
            "iss": self.service,
            "sub": self.service,
            "aud": self.settings.issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        return jwt.encode({"alg": "ES256"}, claims, key)


def _handed_on(call: Call | None) -> dict[str, str]:
    headers = {}
    if call is not None:
        headers["X-Correlation-ID"] = str(call.correlation_id)
        headers["Clicsequr-First-Actor"] = call.actor
    traceparent = current_traceparent()
    if traceparent:
        headers["traceparent"] = traceparent
    return headers
