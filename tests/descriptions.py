"""Answers are compared with the OpenAPI description wherever tests call a service."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.routing import Match

from libs.common.admission import AdmittedRoute
from libs.common.description import raised_by

EVERYWHERE = {"405", "413"}
Hooks = dict[str, list[Callable[..., Awaitable[None]]]]
_known: dict[tuple[object, ...], dict[str, Any]] = {}


def as_described(app: FastAPI) -> Hooks:
    """For a client of this application: a status or code that a route does not declare fails the test."""

    async def compare(answer: httpx.Response) -> None:
        request = answer.request
        operation = _operation(app, request.method, request.url.path)
        if operation is None or str(answer.status_code) in EVERYWHERE:
            return
        place = f"{request.method} {request.url.path}"
        declared = operation["responses"].get(str(answer.status_code))
        assert declared is not None, f"{place} answers {answer.status_code}, which is not described"
        await answer.aread()
        told = _code(answer)
        if told is not None:
            codes = declared["description"].split(", ")
            assert told in codes, f"{place} answers {answer.status_code} {told}, which is not described"

    return {"response": [compare]}


def _code(answer: httpx.Response) -> str | None:
    """Of a problem (RFC 9457), or of an OAuth error."""
    kind = answer.headers.get("content-type", "")
    if not answer.is_error or "json" not in kind:
        return None
    told = answer.json()
    code: str | None = told.get("code") or told.get("error")
    return code


def _operation(app: FastAPI, method: str, path: str) -> dict[str, Any] | None:
    scope = {"type": "http", "method": method, "path": path}
    for route in app.routes:
        if isinstance(route, AdmittedRoute) and route.matches(scope)[0] is Match.FULL:
            operation: dict[str, Any] = _paths(app)[route.path_format][method.lower()]
            return operation
    return None


def _paths(app: FastAPI) -> dict[str, Any]:
    """Made once for the same routes with the same errors: each test has an application of its own."""
    routes = tuple(
        (f"{route.methods} {route.path_format} {route.endpoint.__module__}", raised_by(route.endpoint))
        for route in app.routes
        if isinstance(route, AdmittedRoute)
    )
    if routes not in _known:
        _known[routes] = app.openapi()["paths"]
    return _known[routes]
