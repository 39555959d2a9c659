"""What a service is made of, and its three roles: api, worker, migrate."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from libs.common.certificates import PEER
from libs.common.clock import now
from libs.common.consumer import Follower
from libs.common.database import Database
from libs.common.errors import DomainError, OperatorFault
from libs.common.freshness import Freshness
from libs.common.http import new_app
from libs.common.http_protocol import HttpProtocol, close_late
from libs.common.idempotency import forget_old_keys
from libs.common.inbox import Handler, Inbox, forget_old_applied
from libs.common.key_files import require_ca_bundles
from libs.common.migrate import MigrationFault, migrate, require_schema
from libs.common.operations import internal_routes, record_routes
from libs.common.parked import run_parked
from libs.common.principal import TokenVerifier, jwks_over_http
from libs.common.proof_store import forget_old_proofs
from libs.common.proposal.commands import sweep_proposals
from libs.common.relay import Relay
from libs.common.service_calls import ServiceCalls
from libs.common.settings import ServiceSettings
from libs.common.standing import forget_ended_sessions
from libs.common.sweeping import every_in_rounds
from libs.common.telemetry import SWEEP_FAILURES, configure_logging, configure_tracing

log = logging.getLogger(__name__)

SWEEP_SECONDS = 60.0
SHUTDOWN_SECONDS = 5
# Above the minute for which ingress-nginx keeps a connection that it may send on again.
IDLE_SECONDS = 75
TICKS_A_SECOND = 10
# Made and not yet gone between two looks for unused cycles: what some dozen calls make, not what half of one does.
NEW_OBJECTS = 20_000
PARKED = "parked"


@dataclass(frozen=True)
class Resources:
    """What the parts of one running service share."""

    settings: ServiceSettings
    database: Database
    freshness: Freshness
    service_calls: ServiceCalls


Prepare = Callable[[Sequence[FastAPI], Resources], Awaitable[None]]
Alongside = Callable[[FastAPI], Coroutine[Any, Any, None]]
Operation = Callable[[Resources, list[str]], Awaitable[None]]
Handlers = Callable[[ServiceSettings], Mapping[str, Handler]]


def no_handlers(_settings: ServiceSettings) -> Mapping[str, Handler]:
    return {}


@dataclass(frozen=True)
class Service:
    """`publishers`: whose events it consumes; `handlers`: with what, asked once as a worker starts.

    `prepare` puts a service's own parts, made once, on the `app.state` of an api's applications. `alongside` runs
    in each api until it stops, with its public application, and claims its rows. `sweeps` run once a minute in
    each worker and claim their rows. `operations` are commands of an operator.
    """

    name: str
    folder: Path
    settings: type[ServiceSettings]
    public_routers: Sequence[APIRouter]
    internal_routers: Sequence[APIRouter] = ()
    publishers: Sequence[str] = ()
    handlers: Handlers = no_handlers
    prepare: Prepare | None = None
    alongside: Sequence[Alongside] = ()
    sweeps: Sequence[Callable[[Resources], Awaitable[None]]] = ()
    operations: Mapping[str, Operation] = field(default_factory=dict)

    @property
    def audience(self) -> str:
        return f"urn:clicsequr:{self.name}"


@asynccontextmanager
async def resources_of(service: Service, settings: ServiceSettings) -> AsyncIterator[Resources]:
    """Raises OperatorFault for settings that lead to nothing."""
    require_ca_bundles(settings)
    database = await Database.connect(settings.database_url, size=settings.database_pool_size)
    calls = ServiceCalls(service.name, settings)
    freshness = Freshness(
        database,
        service.publishers,
        warn_seconds=settings.facts_warn_seconds,
        limit_seconds=settings.facts_limit_seconds,
    )
    try:
        yield Resources(settings, database, freshness, calls)
    finally:
        await calls.close()
        await database.close()


async def new_apps(service: Service, resources: Resources) -> tuple[FastAPI, FastAPI]:
    """The public and the internal application of one api replica."""
    settings = resources.settings
    apps = (
        new_app(service.name, routers=[*service.public_routers, record_routes()], is_internal=False),
        new_app(
            service.name, routers=[*service.internal_routers, internal_routes(service.name)], is_internal=True
        ),
    )
    jwks = jwks_over_http(
        f"{settings.auth_internal_url}/oauth/jwks", timeout_seconds=settings.outbound_timeout_seconds
    )
    verifier = TokenVerifier(jwks, issuer=settings.issuer, audience=service.audience)
    # A proof of possession names the address that it was sent to (RFC 9449).
    apps[0].state.own_url = settings.public_url
    apps[1].state.own_url = getattr(settings, f"{service.name}_internal_url")
    for app in apps:
        app.state.resources = resources
        app.state.database = resources.database
        app.state.freshness = resources.freshness
        app.state.verifier = verifier
    if service.prepare is not None:
        await service.prepare(apps, resources)
    return apps


class _PeerNoted:
    """Keeps who is at the other end of the connection, before a forwarded address takes its place."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PEER] = (scope.get("client") or (None,))[0]
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Two servers share a process, so the process hears the signals, not each server."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_A_SECOND == 0:
            close_late(self.server_state.connections, now=asyncio.get_running_loop().time())
        return await super().on_tick(counter)


def new_server(app: FastAPI, settings: ServiceSettings, *, port: int) -> _Server:
    served: Any = app
    if settings.trusted_proxies:
        served = ProxyHeadersMiddleware(served, settings.trusted_proxies)
        served = _PeerNoted(served)
    config = uvicorn.Config(
        served,
        host=settings.listen_host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        http=HttpProtocol,
    )
    return _Server(config)


async def _serve_until_signal(servers: Sequence[_Server], background: Sequence[Coroutine[Any, Any, None]]) -> None:
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(work) for work in background]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    for task in tasks:
        task.add_done_callback(lambda _: stop())
    # What the program is made of lives as long as it does: no collection looks through it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
    await asyncio.gather(*(server.serve() for server in servers))
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def _require_schema(service: Service, database: Database) -> None:
    async with database.connection() as connection:
        await require_schema(connection, service_folder=service.folder)


async def run_api(service: Service, settings: ServiceSettings) -> None:
    async with resources_of(service, settings) as resources:
        await _require_schema(service, resources.database)
        public, internal = await new_apps(service, resources)
        await resources.freshness.read()
        servers = [
            new_server(public, settings, port=settings.public_port),
            new_server(internal, settings, port=settings.internal_port),
        ]
        background = [resources.freshness.poll(), *(work(public) for work in service.alongside)]
        await _serve_until_signal(servers, background)


def new_follower(service: Service, resources: Resources) -> Follower:
    inbox = Inbox(resources.database, service.handlers(resources.settings), resources.service_calls.refill)
    return Follower(service.name, resources.settings, resources.database, inbox, service.publishers)


async def run_worker(service: Service, settings: ServiceSettings) -> None:
    async with resources_of(service, settings) as resources:
        await _require_schema(service, resources.database)
        app = new_app(f"{service.name} worker", routers=[internal_routes(service.name)], is_internal=True)
        app.state.database, app.state.freshness = resources.database, resources.freshness
        app.state.verifier = None
        following = (
            [new_follower(service, resources).run(), resources.freshness.poll()] if service.publishers else []
        )
        background = [*following, Relay(service.name, settings).run(), _sweep(service, resources)]
        await _serve_until_signal([new_server(app, settings, port=settings.worker_port)], background)


async def _sweep(service: Service, resources: Resources) -> None:
    while True:
        await sweep_once(service, resources)
        await asyncio.sleep(SWEEP_SECONDS)


async def sweep_once(service: Service, resources: Resources) -> None:
    """What every service sweeps, then its own; one that fails holds up no other."""
    for sweep in (_sweep_shared, *service.sweeps):
        # Shown as zero before it counts: what appears with its first failure was never seen to grow.
        failures = SWEEP_FAILURES.labels(sweep.__name__)
        try:
            await sweep(resources)
        except Exception:
            failures.inc()
            log.exception("a sweep failed and is tried again", extra={"sweep": sweep.__name__})


async def _sweep_shared(resources: Resources) -> None:
    async with resources.database.transaction() as tx:
        await sweep_proposals(tx, at=now())
    every = (forget_old_keys, forget_old_proofs, forget_ended_sessions, forget_old_applied)
    await every_in_rounds(resources.database, *(partial(forget, now=now()) for forget in every))


async def run_migrate(service: Service, settings: ServiceSettings) -> None:
    owner_url = settings.database_owner_url or settings.database_url
    applied = await migrate(
        owner_url.get_secret_value(), service_folder=service.folder, app_role=f"{service.name}_app"
    )
    log.info("migrated", extra={"applied": applied})


async def run_operation(service: Service, settings: ServiceSettings, *, name: str, arguments: list[str]) -> None:
    async with resources_of(service, settings) as resources:
        await _require_schema(service, resources.database)
        if name == PARKED:
            await run_parked(new_follower(service, resources).inbox, arguments)
        else:
            await service.operations[name](resources, arguments)


def _read_settings(service: Service) -> ServiceSettings:
    """Ends the program with one sentence, which names the variables and none of their values."""
    try:
        return service.settings()
    except ValidationError as error:
        faults = [f"{_variable(*fault['loc'])}{fault['msg']}" for fault in error.errors(include_input=False)]
        sys.exit(f"{service.name}: settings are wrong: {'; '.join(faults)}")


def _variable(*place: int | str) -> str:
    return "".join(f"CLICSEQUR_{str(one).upper()}: " for one in place[:1])


def main(service: Service) -> None:
    """`python -m services.<service> api | worker | migrate | <operation> …`; one sentence when it cannot start."""
    roles = {"api": run_api, "worker": run_worker, "migrate": run_migrate}
    known = [*roles, PARKED, *service.operations]
    role, *arguments = sys.argv[1:] or ["help"]
    if role not in known:
        sys.exit(f"usage: python -m services.{service.name} {' | '.join(known)}")
    settings = _read_settings(service)
    configure_logging(service.name, role=role, level=settings.log_level)
    configure_tracing(
        service.name,
        ratio=settings.trace_ratio,
        slow_seconds=settings.trace_slow_seconds,
        otlp_endpoint=settings.otlp_endpoint,
    )
    run = (
        roles[role](service, settings)
        if role in roles
        else run_operation(service, settings, name=role, arguments=arguments)
    )
    try:
        uvloop.run(run)
    except MigrationFault as fault:
        sys.exit(f"{service.name}: {fault}. Run `python -m services.{service.name} migrate` first.")
    except (OperatorFault, DomainError) as fault:
        sys.exit(f"{service.name}: {fault.detail('en') if isinstance(fault, DomainError) else fault}")
