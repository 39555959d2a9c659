"""Pages of docs/ that are written from the code: `make docs` writes them, a test keeps them equal."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from libs.common.contracts import auth, delegation, mailbox, notices, registry
from libs.common.contracts.envelope import Event
from libs.common.errors import DomainError
from libs.common.http import new_app
from libs.common.operations import internal_routes, record_routes
from libs.common.problems import GENERAL, status_of
from libs.common.service import Service
from libs.common.settings import ServiceSettings

DOCS = Path(__file__).parents[1] / "docs"
SERVICES = ("auth", "registry", "delegation", "mailbox")
CONTRACTS: tuple[ModuleType, ...] = (registry, delegation, auth, mailbox, notices)


def services() -> list[Service]:
    return [importlib.import_module(f"services.{name}.app").SERVICE for name in SERVICES]


def _below(parent: type[Any]) -> Iterator[type[Any]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def event_classes() -> list[type[Event]]:
    """Every published event and notice, in the order of the contracts."""
    return [
        found
        for module in CONTRACTS
        for found in vars(module).values()
        if isinstance(found, type)
        and issubclass(found, Event)
        and found.__module__ == module.__name__
        and "type" in vars(found)
    ]


def error_classes() -> list[type[DomainError]]:
    """Every error that a caller may be told, by code."""
    services()
    leaves = {
        found
        for found in _below(DomainError)
        if "code" in vars(found) and found.__module__.partition(".")[0] in {"libs", "services"}
    }
    return sorted(leaves, key=lambda leaf: (leaf.code, leaf.__module__))


def events_page() -> str:
    lines = ["# Events", "", "Written from `libs/common/contracts/` by `make docs`. Each is a CloudEvent 1.0."]
    for module in CONTRACTS:
        lines += ["", f"## {module.__name__.rpartition('.')[2]}", "", _sentence(module.__doc__)]
        for event in event_classes():
            if event.__module__ == module.__name__:
                lines += ["", f"### `{event.type}`", "", _sentence(event.__doc__), ""]
                lines += [f"- `{name}`: {_type(field)}" for name, field in event.model_fields.items()]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    lines = [
        "# Errors",
        "",
        "Written from the code by `make docs`. Answers are RFC 9457 problems; `code` never changes its meaning.",
        "",
        "| code | status | English | français |",
        "|---|---|---|---|",
    ]
    rows = {code: (status, english, french) for code, (status, english, french) in GENERAL.items()}
    rows |= {leaf.code: (status_of(leaf), leaf.en, leaf.fr) for leaf in error_classes()}
    lines += [
        f"| `{code}` | {status} | {english} | {french} |"
        for code, (status, english, french) in sorted(rows.items())
    ]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Written from the code by `make docs`. Each service reads its own from the environment.",
        "",
        "## Every service",
        "",
        *_settings_table(ServiceSettings, known=frozenset()),
    ]
    common = frozenset(ServiceSettings.model_fields)
    for service in services():
        lines += ["", f"## {service.name}", ""]
        own = set(service.settings.model_fields) - common
        lines += _settings_table(service.settings, known=common) if own else ["Nothing more."]
    return "\n".join(lines) + "\n"


def _settings_table(settings: type[ServiceSettings], *, known: frozenset[str]) -> list[str]:
    rows = [
        f"| `CLICSEQUR_{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in settings.model_fields.items()
        if name not in known
    ]
    return ["| variable | default | meaning |", "|---|---|---|", *rows]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, SecretStr) or field.default is None or field.default == "":
        return "none"
    return f"`{field.default}`"


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def _type(field: FieldInfo) -> str:
    shown = str(field.annotation).replace("typing.", "").replace("libs.common.contracts.", "")
    return f"`{shown}`" if not isinstance(field.annotation, type) else f"`{field.annotation.__name__}`"


def openapi_pages() -> dict[str, str]:
    pages = {}
    for service in services():
        public = new_app(service.name, routers=[*service.public_routers, record_routes()], is_internal=False)
        internal = new_app(
            f"{service.name} internal",
            routers=[*service.internal_routers, internal_routes(service.name)],
            is_internal=True,
        )
        for kind, app in (("public", public), ("internal", internal)):
            pages[f"openapi/{service.name}.{kind}.json"] = (
                json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"
            )
    return pages


def pages() -> dict[str, str]:
    """Everything generated, by its path below docs/."""
    return {
        "events.md": events_page(),
        "errors.md": errors_page(),
        "settings.md": settings_page(),
        **openapi_pages(),
    }


if __name__ == "__main__":
    for place, text in pages().items():
        (DOCS / place).parent.mkdir(exist_ok=True)
        (DOCS / place).write_text(text)
