"""Within a service: api > commands > rules | store, and rules that touch nothing outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LAYERS = {"rules": 0, "store": 0, "commands": 1, "api": 2}
OUTSIDE = {
    "asyncpg",
    "aiokafka",
    "httpx",
    "httpcore",
    "fastapi",
    "starlette",
    "asyncio",
    "uvicorn",
    "socket",
    "os",
    "subprocess",
}
OUTSIDE_OF_OURS = {"libs.common.database", "libs.common.outbox", "libs.common.kafka", "libs.common.http"}


def modules(layer: str) -> list[Path]:
    return sorted((PROJECT / "services").glob(f"*/*/{layer}.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("path", modules("rules"), ids=place)
def test_rules_are_free_of_input_and_output(path: Path) -> None:
    found = set(imports(path))
    assert not {name for name in found if name.partition(".")[0] in OUTSIDE}
    assert not found & OUTSIDE_OF_OURS


@pytest.mark.parametrize("path", [path for layer in LAYERS for path in modules(layer)], ids=place)
def test_no_layer_imports_a_higher_one(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "services" and len(parts) >= 4 and parts[3] in LAYERS:
            assert LAYERS[parts[3]] <= LAYERS[path.stem], f"{place(path)} imports {name}"


@pytest.mark.parametrize("path", [path for layer in LAYERS for path in modules(layer)], ids=place)
def test_a_noun_never_reaches_into_another_nouns_store(path: Path) -> None:
    own = path.parent.name
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "services" and len(parts) >= 4 and parts[3] == "store":
            assert parts[2] == own, f"{place(path)} imports {name}"
