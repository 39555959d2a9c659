"""The application factory: problem+json, size limit, correlation id, admission, health, metrics."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.admission import AdmittedRoute
from libs.common.clock import now
from libs.common.description import describe
from libs.common.errors import DomainError
from libs.common.idempotency import Replayed
from libs.common.ids import new_id
from libs.common.problems import choose_language, general_problem, problem_of
from libs.common.telemetry import SERVER_ERROR, Span, correlation, count_request, span

log = logging.getLogger(__name__)
Handler = Callable[[Request, Exception], Awaitable[Response]]

BODY_BYTES = 1_048_576
REFUSALS = frozenset({401, 403, 404, 409, 429, 503})
CORRELATION_HEADER = b"x-correlation-id"
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
METHOD_NOT_ALLOWED = 405
# Whose handler answers what no other one does, as the framework has it.
UNFORESEEN = 500
GENERAL_OF_STATUS = {404: "route-not-found", METHOD_NOT_ALLOWED: "method-not-allowed", 413: "body-too-large"}


class RequestModel(BaseModel):
    """A JSON body: unknown fields are refused, and so is text that a database cannot hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        if any(map(_is_unstorable, _texts_of(value))):
            raise ValueError("neither the NUL character nor half of a surrogate pair is allowed")
        return value


def _is_unstorable(text: str) -> bool:
    try:
        return b"\0" in text.encode()
    except UnicodeEncodeError:
        return True


def _texts_of(value: object) -> Iterator[str]:
    """At any depth, without a call for each level: the caller chose how many there are."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one


Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CallMiddleware:
    """Gives each call its correlation id, language, trace and metrics, and an answer to each error.

    `handlers`: by class of error; UNFORESEEN answers what no other one does.
    """

    def __init__(self, app: ASGIApp, *, trust_correlation: bool, handlers: Mapping[Any, Handler]) -> None:
        self._app = app
        self._trust_correlation = trust_correlation
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        correlation_id = self._correlation_id(headers)
        language = choose_language(headers.get(b"accept-language", b"").decode("latin-1"))
        scope.setdefault("state", {}).update(correlation_id=correlation_id, language=language, at=now())
        correlation.set(correlation_id)
        traceparent = headers.get(b"traceparent", b"").decode("latin-1") if self._trust_correlation else None
        with span(scope["method"], kind=SpanKind.SERVER, traceparent=traceparent or None) as current:
            await self._answer(scope, _limited(receive), send, current=current)

    def _correlation_id(self, headers: dict[bytes, bytes]) -> UUID:
        given = headers.get(CORRELATION_HEADER)
        if self._trust_correlation and given:
            try:
                return UUID(given.decode("latin-1"))
            except ValueError:
                pass
        return new_id()

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, current: Span) -> None:
        started = time.perf_counter()
        status = 0
        state = scope["state"]

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                added = [header for header in HEADERS if header[0] not in present]
                message["headers"] = [
                    *message["headers"],
                    *added,
                    (CORRELATION_HEADER, str(state["correlation_id"]).encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if status:
                log.exception("a call failed")
                current.failed = True
                raise
            state["trace_id"] = current.trace_id
            answer = await self._answer_to(error, Request(scope, receive))
            await answer(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path_format", "unmatched")
            current.name = f"{scope['method']} {route}"
            current.refused = status in REFUSALS
            current.failed = current.failed or status >= SERVER_ERROR
            current.attributes.update({"http.response.status_code": status, "http.route": route})
            count_request(scope["method"], route, status, seconds=time.perf_counter() - started)

    async def _answer_to(self, error: Exception, request: Request) -> Response:
        handler = next((self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers), None)
        if handler is not None:
            try:
                return await handler(request, error)
            except Exception as fault:  # noqa: BLE001 - an answer that fails is a fault as any other
                error = fault
        log.error("a call failed", exc_info=error)
        try:
            return await self._handlers[UNFORESEEN](request, error)
        except Exception:
            log.exception("the answer to a failure failed")
            return await _answer_unforeseen(request, error)


def _limited(receive: Receive) -> Receive:
    """Bodies are counted as they arrive; one byte over the limit ends the call."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_BYTES:
            raise HTTPException(413)
        return message

    return limited


async def _answer_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class alone
    return problem_of(error, language=request.state.language, correlation_id=request.state.correlation_id)


async def _answer_unforeseen(request: Request, _error: Exception) -> Response:
    return _general(request, "internal-error", fields={"trace_id": request.state.trace_id})


async def _answer_replayed(_request: Request, replayed: Exception) -> Response:
    assert isinstance(replayed, Replayed)  # noqa: S101
    return JSONResponse(replayed.body, replayed.status, headers={"Idempotency-Replayed": "true"})


async def _answer_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # Where and what is wrong, never the value: it may be a secret.
    faults = [
        {"where": ".".join(map(str, fault["loc"])), "fault": str(fault["type"])} for fault in error.errors()[:20]
    ]
    return _general(request, "malformed-request", fields={"faults": faults})


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    answer = _general(request, GENERAL_OF_STATUS.get(error.status_code, "request-refused"))
    if error.status_code == METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = _methods_of(request)
    return answer


def _methods_of(request: Request) -> str:
    """RFC 9110 §15.5.6: those of every route at this address, while the framework knows the first one's."""
    here = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = {method for route in here for method in getattr(route, "methods", None) or ()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _general(request: Request, code: str, *, fields: dict[str, Any] | None = None) -> Response:
    state = request.state
    return general_problem(code, language=state.language, correlation_id=state.correlation_id, fields=fields)


class _AloneFirst:
    """Finds a route that answers alone by its address, without trying one after the other."""

    def __init__(self, routes: Sequence[BaseRoute], *, otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._alone = {
            (method, route.path): route
            for route in routes
            if isinstance(route, AdmittedRoute) and route.answers_alone and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._alone.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await self._otherwise(scope, receive, send)
        else:
            scope.update(route=route, endpoint=route.endpoint, path_params={})
            await route.app(scope, receive, send)


class _Application(FastAPI):
    """Behind CallMiddleware alone: what FastAPI would put around it limits, catches and measures a second time."""

    def __init__(self, *, trust_correlation: bool, **options: Any) -> None:
        super().__init__(**options)
        self._trust_correlation = trust_correlation

    def build_middleware_stack(self) -> ASGIApp:
        routed = _AloneFirst(self.routes, otherwise=AsyncExitStackMiddleware(self.router))
        handlers = cast("dict[Any, Handler]", dict(self.exception_handlers))
        return CallMiddleware(routed, trust_correlation=self._trust_correlation, handlers=handlers)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = super().openapi()
            describe(self.openapi_schema, self.routes)
        return self.openapi_schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            # RFC 9110 §9.3.2: as GET, whose body the server leaves out, since its own scope still says HEAD.
            scope = {**scope, "method": "GET"}
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)


def new_router(*, tags: Sequence[str]) -> APIRouter:
    """A router whose routes each must say whom they admit (admission.py)."""
    return APIRouter(tags=list(tags), route_class=AdmittedRoute)


def new_app(title: str, *, routers: Sequence[APIRouter], is_internal: bool) -> FastAPI:
    """An application; `app.state` gets its database, verifier and freshness when it starts."""
    app = _Application(
        trust_correlation=is_internal,
        title=title,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/internal/v1/openapi.json" if is_internal else "/v1/openapi.json",
        redirect_slashes=False,
    )
    for router in routers:
        # Routers have neither prefix nor dependencies: their routes stand side by side, found in one pass.
        app.router.routes.extend(router.routes)
    app.add_exception_handler(DomainError, _answer_domain_error)
    app.add_exception_handler(Replayed, _answer_replayed)
    app.add_exception_handler(RequestValidationError, _answer_malformed)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(UNFORESEEN, _answer_unforeseen)
    return app
