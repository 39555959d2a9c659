"""What a generated client learns of each route: whom it admits, what it must bring, how it may be refused."""

from typing import Any

from fastapi.routing import APIRoute

from libs.common.admission import ATTRIBUTE, Admission
from libs.common.description import raised_by
from libs.common.http import new_app
from libs.common.problems import status_of
from tests.architecture.test_routes import SERVICES, routers, routes
from tests.generated import error_classes

# What admission answers anywhere; what people read on pages; what operators read at a terminal.
TOLD_OTHERWISE = {
    "libs.common.errors",
    "services.auth.second_factor.rules",
    "services.auth.session.rules",
    "services.auth.user_code.password_rules",
    "services.registry.conditions.rules",
    "services.registry.enterprise_register.rules",
}


def described() -> list[tuple[APIRoute, dict[str, Any]]]:
    found = []
    for service in SERVICES:
        for included in routers(service).values():
            paths = new_app(service.name, routers=included, is_internal=True).openapi()["paths"]
            found += [
                (route, paths[route.path_format][method.lower()])
                for route in routes(included)
                for method in sorted(route.methods or ())
            ]
    return found


DESCRIBED = described()


def admission_of(route: APIRoute) -> Admission | None:
    found: Admission | None = getattr(route.endpoint, ATTRIBUTE)
    return found


def codes(operation: dict[str, Any], status: str) -> set[str]:
    return set(operation["responses"].get(status, {"description": ""})["description"].split(", "))


def headers(operation: dict[str, Any]) -> dict[str, bool]:
    return {one["name"]: one["required"] for one in operation.get("parameters", []) if one["in"] == "header"}


def test_a_route_that_creates_asks_for_an_idempotency_key() -> None:
    for route, operation in DESCRIBED:
        admission = admission_of(route)
        creates = admission is not None and admission.creates
        assert headers(operation).get("Idempotency-Key", False) == creates, route.path


def test_a_purpose_is_declared_where_it_may_be_missing() -> None:
    for route, operation in DESCRIBED:
        assert ("Clicsequr-Purpose" in headers(operation)) == ("purpose-missing" in codes(operation, "400"))
        if route.path == "/v1/access-records":
            assert headers(operation)["Clicsequr-Purpose"]


def test_every_admitted_route_says_how_its_caller_is_known() -> None:
    for route, operation in DESCRIBED:
        assert bool(operation["security"]) or admission_of(route) is None, route.path


def test_a_route_that_recourse_does_not_open_says_so() -> None:
    for route, operation in DESCRIBED:
        admission = admission_of(route)
        is_closed = admission is not None and not admission.recourse and "user" in admission.who
        assert not is_closed or "recourse-only" in codes(operation, "403"), route.path


def test_a_route_tells_what_its_command_raises() -> None:
    for route, operation in DESCRIBED:
        for error in raised_by(route.endpoint):
            assert error.code in codes(operation, str(status_of(error))), route.path


def test_a_rule_that_a_command_breaks_is_told_by_a_route() -> None:
    raised = {error.code for route, _ in DESCRIBED for error in raised_by(route.endpoint)}
    untold = {leaf.__module__ for leaf in error_classes() if leaf.code not in raised}
    assert untold == TOLD_OTHERWISE


def test_the_oauth_routes_are_described_in_their_own_error_language() -> None:
    own = {
        f"{method} {route.path}": operation
        for route, operation in DESCRIBED
        if route.path.startswith("/oauth/")
        for method in route.methods or ()
    }
    assert all("422" not in operation["responses"] for operation in own.values())
    token = own["POST /oauth/token"]
    form = token["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert form["required"] == ["grant_type"]
    assert "invalid_grant" in codes(token, "400")
    assert "303" in own["GET /oauth/authorize"]["responses"]
    assert {"client_id", "code_challenge", "prompt"} <= {
        one["name"] for one in own["GET /oauth/authorize"]["parameters"]
    }
