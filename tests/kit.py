"""What tests stand on: a service's real application on its own migrated database, with tokens of a test issuer."""

import time
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import httpcore
import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import databases
from deploy.local.environment import Platform, service_environment
from libs.common.auditing import LONGEST_CALL
from libs.common.clock import now
from libs.common.contracts.envelope import SEQUENCE_DIGITS, Envelope, Event
from libs.common.database import Database
from libs.common.ids import new_id
from libs.common.inbox import Inbox, list_parked
from libs.common.migrate import migrate
from libs.common.outbox import events_topic, source_address
from libs.common.principal import TokenVerifier
from libs.common.service import Resources, Service, new_apps, resources_of
from libs.common.settings import ServiceSettings
from tests.descriptions import as_described

Headers = dict[str, str]
Peer = Callable[[httpx.Request], httpx.Response]

_KEY = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})
_templates: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Tokens:
    """Access tokens as auth would sign them, for one audience; each method answers request headers."""

    issuer: str
    audience: str

    def headers(self, *, expires_in: int = 300, typ: str = "at+jwt", **claims: Any) -> Headers:
        issued_at = int(claims.pop("iat", time.time()))
        everything = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(new_id()),
            "iat": issued_at,
            "exp": issued_at + expires_in,
            "jti": str(uuid4()),
            "client_id": "portal",
            "scope": "",
            **{name: str(value) if isinstance(value, UUID) else value for name, value in claims.items()},
        }
        token = jwt.encode({"alg": "ES256", "typ": typ, "kid": "test"}, everything, _KEY)
        return {"Authorization": f"Bearer {token}"}

    def person_in_charge(
        self, applicant_id: UUID, user_code_id: UUID, *, session_id: UUID | None = None, **claims: Any
    ) -> Headers:
        return self._person("person_in_charge", applicant_id, user_code_id, session_id=session_id, claims=claims)

    def user(
        self, applicant_id: UUID, user_code_id: UUID, *, session_id: UUID | None = None, **claims: Any
    ) -> Headers:
        return self._person("user", applicant_id, user_code_id, session_id=session_id, claims=claims)

    def _person(
        self,
        role: str,
        applicant_id: UUID,
        user_code_id: UUID,
        *,
        session_id: UUID | None,
        claims: dict[str, Any],
    ) -> Headers:
        return self.headers(
            **{"acr": "urn:clicsequr:acr:password", "amr": ["pwd"], "conditions": "2011-11-E1", **claims},
            applicant=applicant_id,
            user_code=user_code_id,
            sid=session_id or new_id(),
            role=role,
        )

    def agent(self, role: str, *, agent_id: UUID | None = None, **claims: Any) -> Headers:
        signed = self.headers(
            **{"side": "provider", "acr": "urn:clicsequr:acr:two-factor", "amr": ["pwd", "otp"], **claims},
            agent=agent_id or new_id(),
            roles=[role],
            sid=new_id(),
        )
        return {**signed, "Clicsequr-Purpose": "a test of the file"}

    def department(self, code: str, **claims: Any) -> Headers:
        return self.headers(**{"client_id": code, **claims}, department=code)

    def service(self, name: str, scope: str, **claims: Any) -> Headers:
        return self.headers(**{"client_id": name, "scope": scope, **claims})


def idempotent(key: str | None = None) -> Headers:
    return {"Idempotency-Key": key or str(uuid4())}


@dataclass
class Running:
    """One running service of a test."""

    service: Service
    resources: Resources
    public: httpx.AsyncClient
    internal: httpx.AsyncClient
    apps: tuple[FastAPI, FastAPI]
    tokens: Tokens
    owner_url: str
    sequences: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    @property
    def settings(self) -> ServiceSettings:
        return self.resources.settings

    @property
    def database(self) -> Database:
        return self.resources.database

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.database, self.service.handlers(self.settings), self.resources.service_calls.refill)

    def envelope(self, event: Event, *, publisher: str, partitionkey: str, **members: Any) -> Envelope:
        """The event as `publisher` would publish it next for this key."""
        self.sequences[publisher, partitionkey] += 1
        return Envelope(
            **{
                "id": new_id(),
                "source": source_address(publisher, events_topic(publisher)),
                "type": event.type,
                "time": now(),
                "partitionkey": partitionkey,
                "sequence": f"{self.sequences[publisher, partitionkey]:0{SEQUENCE_DIGITS}}",
                "actor": "system",
                "correlationid": new_id(),
                "data": event.model_dump(mode="json"),
                **members,
            }
        )

    async def deliver(self, event: Event, *, publisher: str, partitionkey: str, **members: Any) -> Envelope:
        """Puts an event through the service's real inbox, and fails the test when it was parked."""
        envelope = self.envelope(event, publisher=publisher, partitionkey=partitionkey, **members)
        await self.inbox.receive(publisher, envelope)
        parked = await list_parked(self.database)
        assert not parked, parked
        return envelope

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Types (without prefix and version) and data of all that stands in the outbox, in order."""
        rows = await self.database.fetch("SELECT type, data FROM outbox ORDER BY row_number")
        return [(row["type"].split(".")[1], row["data"]) for row in rows]


async def new_database(service: Service, platform: Platform) -> str:
    """A migrated database of this service for one test; returns its name."""
    template = f"template_{service.name}_{abs(hash(service.folder)):x}"
    known = (platform.postgres_url, template)
    if known not in _templates:
        await drop_database(template, platform)
        await databases.clone(platform.postgres_url, service.name, template="template0", name=template)
        await migrate(
            platform.database_url(databases.owner(service.name), database=template),
            service_folder=service.folder,
            app_role=databases.app(service.name),
        )
        _templates.add(known)
    name = f"test_{uuid4().hex}"
    await databases.clone(platform.postgres_url, service.name, template=template, name=name)
    return name


async def drop_database(name: str, platform: Platform) -> None:
    admin = await asyncpg.connect(platform.postgres_url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await admin.close()


def settings_of(
    service: Service, platform: Platform, *, database: str | None = None, **overrides: Any
) -> ServiceSettings:
    environment = service_environment(service.name, platform, database=database)
    values = {name.removeprefix("CLICSEQUR_").lower(): value for name, value in environment.items()}
    return service.settings(**{**values, **overrides})


@asynccontextmanager
async def running(
    service: Service,
    platform: Platform,
    *,
    peers: Mapping[str, Peer] | None = None,
    database: str | None = None,
    **overrides: Any,
) -> AsyncIterator[Running]:
    """The service's two applications, on a database of their own; `peers` answer its calls to other services.

    Facts count as fresh; a test that is about their age sets `resources.freshness` itself.
    """
    name = database or await new_database(service, platform)
    settings = settings_of(service, platform, database=name, **overrides)
    owner_url = platform.database_url(databases.owner(service.name), database=name)
    async with resources_of(service, settings) as resources:
        resources.service_calls.pool = Through(httpx.MockTransport(_route(settings, peers or {})))
        resources.freshness.fresh_as_of = {
            publisher: now() + timedelta(days=1) for publisher in service.publishers
        }
        apps = await new_apps(service, resources)
        for app in apps:
            app.state.verifier = TokenVerifier(_jwks, issuer=settings.issuer, audience=service.audience)
        tokens = Tokens(settings.issuer, service.audience)
        async with (
            _client(apps[0], settings.public_url) as public,
            _client(apps[1], "http://internal") as internal,
        ):
            yield Running(service, resources, public, internal, apps, tokens, owner_url)
    if database is None:
        await drop_database(name, platform)


async def _jwks() -> dict[str, Any]:
    return dict(KeySet([_KEY]).as_dict(private=False))


def _client(app: FastAPI, base_url: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 40000))
    return httpx.AsyncClient(transport=transport, base_url=base_url, event_hooks=as_described(app))


async def age_records(service: Running) -> None:
    """As if every call recorded so far had been made long enough ago for an auditor to be shown it."""
    owner = await asyncpg.connect(service.owner_url)
    try:
        await owner.execute(
            "UPDATE access_records SET at = at - $1::interval WHERE at > now() - $1::interval", LONGEST_CALL
        )
    finally:
        await owner.close()


class Through(httpcore.AsyncConnectionPool):
    """Connections that lead to applications in this process, or wherever a test wants."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__()
        self._transport = transport

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        address = f"http://{request.url.host.decode()}:{request.url.port}{request.url.target.decode()}"
        assert isinstance(request.stream, AsyncIterable)
        content = b"".join([part async for part in request.stream])
        asked = httpx.Request(request.method.decode(), address, headers=request.headers, content=content)
        try:
            answer = await self._transport.handle_async_request(asked)
            return httpcore.Response(answer.status_code, headers=answer.headers.raw, content=await answer.aread())
        except httpx.ConnectError as error:
            raise httpcore.ConnectError from error
        except httpx.ReadTimeout as error:
            raise httpcore.ReadTimeout from error


def _route(settings: ServiceSettings, peers: Mapping[str, Peer]) -> Peer:
    """Sends a call to the peer whose internal address it names; a service without a peer is away."""
    places = {
        urlsplit(getattr(settings, f"{name}_internal_url")).port: name
        for name in ("auth", "registry", "delegation", "mailbox")
    }

    def answer(request: httpx.Request) -> httpx.Response:
        name = places[request.url.port]
        if request.url.path == "/oauth/token" and peers:
            return httpx.Response(200, json={"access_token": "peer", "expires_in": 300, "token_type": "Bearer"})
        if name not in peers:
            raise httpx.ConnectError("away", request=request)
        return peers[name](request)

    return answer
