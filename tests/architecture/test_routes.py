"""No route escapes: each says whom it admits, refuses strangers, records whoever it refuses."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from deploy.local.environment import Platform
from libs.common.admission import ATTRIBUTE, Admission, AdmittedRoute
from libs.common.http import new_app
from libs.common.operations import internal_routes, record_routes
from libs.common.service import Service
from tests.generated import services
from tests.kit import running

GOLDEN = Path(__file__).parent / "golden_routes.txt"
SERVICES = services()


def routers(service: Service) -> dict[str, list[APIRouter]]:
    return {
        "public": [*service.public_routers, record_routes()],
        "internal": [*service.internal_routers, internal_routes(service.name)],
    }


def routes(included: list[APIRouter]) -> Iterator[APIRoute]:
    for router in included:
        for route in router.routes:
            assert isinstance(route, AdmittedRoute), f"{route} says not whom it admits"
            yield route


def admitted(included: list[APIRouter]) -> list[tuple[str, str, Admission]]:
    return [
        (method, route.path_format, getattr(route.endpoint, ATTRIBUTE))
        for route in routes(included)
        for method in sorted(route.methods or ())
        if getattr(route.endpoint, ATTRIBUTE) is not None
    ]


def _line(service: str, port: str, method: str, route: APIRoute) -> str:
    admission: Admission | None = getattr(route.endpoint, ATTRIBUTE)
    place = f"{service:<10} {port:<8} {method:<6} {route.path_format}"
    if admission is None:
        return f"{place} | public"
    marks = [
        name
        for name, is_set in (
            ("recourse", admission.recourse),
            ("creates", admission.creates),
            ("whatever the age of facts", not admission.needs_facts),
            ("some whatever the age of facts", admission.needs_facts_of is not None),
        )
        if is_set
    ]
    level = [] if admission.acr is None else [admission.acr]
    return " | ".join([place, ", ".join(sorted(admission.who)), *marks, *level])


def matrix() -> str:
    lines = [
        _line(service.name, port, method, route)
        for service in SERVICES
        for port, included in routers(service).items()
        for route in routes(included)
        for method in sorted(route.methods or ())
    ]
    return "\n".join(sorted(lines)) + "\n"


def test_who_may_call_what_is_as_agreed() -> None:
    assert GOLDEN.read_text() == matrix(), "a change of who may do what is agreed upon, then written here"


def _address(path: str) -> str:
    return re.sub(r"\{[a-z_]*(id|code|recipient|version|language|owner)[a-z_]*\}", str(uuid4()), path)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_every_route_refuses_a_stranger_and_records_whom_it_knows_and_refuses(
    service: Service, platform: Platform
) -> None:
    async with running(service, platform) as started:
        for port, client in (("public", started.public), ("internal", started.internal)):
            for method, path, _ in admitted(routers(service)[port]):
                stranger = await client.request(method, _address(path), json={})
                assert (stranger.status_code, stranger.json()["code"]) == (401, "token-missing"), path
                nobody = started.tokens.service("nobody", "nothing")
                refused = await client.request(method, _address(path), json={}, headers=nobody)
                assert (refused.status_code, refused.json()["code"]) == (403, "role-not-admitted"), path
                rows = await started.database.fetch(
                    "SELECT outcome, reason FROM access_records WHERE correlation_id = $1",
                    refused.headers["x-correlation-id"],
                )
                assert [dict(row) for row in rows] == [{"outcome": "refused", "reason": "role-not-admitted"}], path


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_route_declares_its_problems(service: Service) -> None:
    for port, included in routers(service).items():
        paths: dict[str, Any] = new_app(port, routers=included, is_internal=True).openapi()["paths"]
        for method, path, admission in admitted(included):
            operation = paths[path][method.lower()]
            declared = operation["responses"]
            assert {"401", "403", "500"} <= set(declared), path
            assert ("422" in declared) == bool(operation.get("parameters") or operation.get("requestBody")), path
            assert ("503" in declared) or not admission.needs_facts, path
