"""Who is calling: RFC 9068 access tokens, verified against auth's JWKS."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from libs.common.confirmation import UNBOUND, Confirmation, confirmation_of
from libs.common.errors import InvalidToken, ServiceUnavailable
from libs.common.http_calls import FAULTS, new_pool, send

REMEMBERED_TOKENS = 50_000
JWKS_SECONDS = 300.0
JWKS_RETRY_SECONDS = 5.0
LEEWAY_SECONDS = 5
TOKEN_BYTES = 8_192
# A key is of one type and so verifies its own algorithms alone; none is one of shared secrets.
ALGORITHMS = ["ES256", "RS256", "PS256"]
SIDE_OF_PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as its token says; whether it may act now is asked of `standing` each time.

    `admitted_as` are the names by which a route may admit it: `person_in_charge`, `user`, `mandatary`,
    `agent:<role>` (the provider's), `department_agent:<role>`, `department`, `service:<purpose>`,
    `registration_session`. A mandatary acts for `applicant_id` under a power of attorney, by another's code.
    `software`: the vendor's product that the token was given to.
    """

    actor: str
    admitted_as: frozenset[str]
    issued_at: datetime
    client_id: str | None = None
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    session_id: UUID | None = None
    agent_id: UUID | None = None
    agent_side: str | None = None
    department: str | None = None
    registration_id: UUID | None = None
    role: str | None = None
    scopes: frozenset[str] = frozenset()
    acr: str | None = None
    amr: tuple[str, ...] = ()
    conditions: str | None = None
    power_of_attorney_id: UUID | None = None
    user_code_applicant_id: UUID | None = None
    confirmation: Confirmation = UNBOUND
    software: str | None = None

    @property
    def is_recourse(self) -> bool:
        return "recourse" in self.scopes

    @property
    def is_staff(self) -> bool:
        return self.agent_id is not None

    @property
    def is_service(self) -> bool:
        return self.actor.startswith("service:")

    @property
    def is_acting_agent(self) -> bool:
        return self.actor == f"agent:{self.agent_id}"

    def code_applicant_beside(self, applicant_id: UUID | None) -> UUID | None:
        """The applicant that the user code counts as assigned to, where it is another than `applicant_id`."""
        if self.user_code_id is None:
            return None
        own = self.user_code_applicant_id or self.applicant_id
        return None if own == applicant_id else own

    def subjects(self) -> tuple[list[str], list[str]]:
        """Kinds and ids to look up in `standing`."""
        pairs = [
            (kind, str(value))
            for kind, value in (
                ("applicant", self.applicant_id),
                ("applicant", self.mandatary_applicant_id),
                ("user_code", self.user_code_id),
                ("session", self.session_id),
                ("agent", self.agent_id),
            )
            if value is not None
        ]
        return [kind for kind, _ in pairs], [subject for _, subject in pairs]

    @property
    def mandatary_applicant_id(self) -> UUID | None:
        """Whose code a mandatary has: what stands against that applicant stands against the code too."""
        return None if self.user_code_applicant_id == self.applicant_id else self.user_code_applicant_id


def _uuid(claims: dict[str, Any], name: str) -> UUID | None:
    value = claims.get(name)
    return None if value is None else UUID(str(value))


def _names(claims: dict[str, Any], scopes: frozenset[str]) -> tuple[str, frozenset[str]]:
    """Actor and the names it may be admitted by, from the claims that tell the kinds apart."""
    if "agent" in claims:
        # A department's agents are of no role here that a route of the provider names.
        kind = "agent" if claims["side"] == SIDE_OF_PROVIDER else "department_agent"
        return f"agent:{claims['agent']}", frozenset(f"{kind}:{role}" for role in claims["roles"])
    if "department" in claims:
        return f"department:{claims['department']}", frozenset({"department"})
    if "user_code" in claims:
        return f"user_code:{claims['user_code']}", frozenset({str(claims["role"])})
    return f"service:{claims['client_id']}", frozenset(f"service:{scope}" for scope in scopes)


def principal_of(claims: dict[str, Any]) -> Principal:
    """Reads verified claims. Raises KeyError or ValueError when a claim is missing or malformed."""
    scopes = frozenset(str(claims.get("scope", "")).split())
    actor, admitted_as = _names(claims, scopes)
    return Principal(
        actor=actor,
        admitted_as=admitted_as,
        issued_at=datetime.fromtimestamp(int(claims["iat"]), UTC),
        client_id=str(claims["client_id"]),
        applicant_id=_uuid(claims, "applicant"),
        user_code_id=_uuid(claims, "user_code"),
        session_id=_uuid(claims, "sid"),
        agent_id=_uuid(claims, "agent"),
        agent_side=claims.get("side"),
        department=claims.get("department"),
        role=claims.get("role"),
        scopes=scopes,
        acr=claims.get("acr"),
        amr=tuple(claims.get("amr", ())),
        conditions=claims.get("conditions"),
        power_of_attorney_id=_uuid(claims, "power_of_attorney"),
        user_code_applicant_id=_uuid(claims, "user_code_applicant"),
        confirmation=confirmation_of(claims),
        software=claims.get("software"),
    )


class UnusableToken(InvalidToken):
    """Signed by auth, and expired or meant for another audience: who sent it is known and recorded."""

    def __init__(self, principal: Principal) -> None:
        super().__init__()
        self.principal = principal


FetchJwks = Callable[[], Awaitable[dict[str, Any]]]


def jwks_over_http(address: str, *, timeout_seconds: float) -> FetchJwks:
    async def fetch() -> dict[str, Any]:
        async with asyncio.timeout(timeout_seconds), new_pool() as pool:
            answer = await send(pool, "GET", address, headers={})
        if answer.status != HTTPStatus.OK:
            raise ServiceUnavailable(service="auth")
        found: dict[str, Any] = answer.json()
        return found

    return fetch


class TokenVerifier:
    """Verifies access tokens of one issuer for one audience; remembers verified ones until they expire."""

    def __init__(self, fetch_jwks: FetchJwks, *, issuer: str, audience: str) -> None:
        self._fetch_jwks = fetch_jwks
        self._issuer = issuer
        self._audience = audience
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._remembered: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Raises UnusableToken, InvalidToken, or ServiceUnavailable when the keys were never had."""
        digest = hashlib.sha256(token.encode()).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered[0] > time.time():
            return remembered[1]
        if len(token) > TOKEN_BYTES:
            raise InvalidToken
        claims = await self._claims(token)
        try:
            principal = principal_of(claims)
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidToken from error
        if not self._is_usable(claims):
            raise UnusableToken(principal)
        self._remembered[digest] = (float(claims["exp"]), principal)
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            verified = jwt.decode(token, await self._known_keys(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # A key published since is fetched once, at most every few seconds, whatever strangers send.
            keys = await self._newer_keys()
            if keys is None:
                raise InvalidToken from None
            try:
                verified = jwt.decode(token, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError) as error:
                raise InvalidToken from error
        if verified.header.get("typ") != "at+jwt" or verified.claims.get("iss") != self._issuer:
            raise InvalidToken
        return dict(verified.claims)

    def _is_usable(self, claims: dict[str, Any]) -> bool:
        now = time.time()
        audiences = claims.get("aud")
        return (
            self._audience in (audiences if isinstance(audiences, list) else [audiences])
            and isinstance(claims.get("exp"), int)
            and claims["exp"] > now
            and claims["iat"] <= now + LEEWAY_SECONDS
        )

    async def _known_keys(self) -> KeySet:
        if self._keys is None or time.monotonic() - self._fetched_at > JWKS_SECONDS:
            await self._refresh(JWKS_SECONDS)
        if self._keys is None:
            raise ServiceUnavailable(service="auth")
        return self._keys

    async def _newer_keys(self) -> KeySet | None:
        return self._keys if await self._refresh(JWKS_RETRY_SECONDS) else None

    async def _refresh(self, not_younger_than: float) -> bool:
        async with self._fetching:
            if time.monotonic() - self._fetched_at <= not_younger_than:
                return False
            try:
                self._keys = KeySet.import_key_set(await self._fetch_jwks())  # type: ignore[arg-type]
            except (*FAULTS, ServiceUnavailable, JoseError, ValueError):
                # The keys had so far stay good; auth may be away for a while.
                self._fetched_at = time.monotonic() - JWKS_SECONDS + JWKS_RETRY_SECONDS
                return False
            self._fetched_at = time.monotonic()
            return True
