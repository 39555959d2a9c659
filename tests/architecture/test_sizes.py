import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

PROJECT = Path(__file__).parents[2]
PRODUCT = ("libs", "services", "deploy", "examples")
FILE_LINES, FILE_MEDIAN = 450, 120
FUNCTION_LINES, FUNCTION_MEDIAN = 60, 10
BANNED = {"manager", "helper", "helpers", "util", "utils", "data", "info", "process", "handle"}
# CloudEvents' own attribute (CloudEvents 1.0 §3.2) and what libraries call their parameters and hooks.
ALLOWED = {
    "libs/common/contracts/envelope.py": {"data"},
    "deploy/demo/browser.py": {"data", "handle"},
    "deploy/local/mail.py": {"data", "handle"},
    "examples/openid_client/browser.py": {"data", "handle"},
    "libs/common/connection.py": {"data"},
    "libs/common/idempotency.py": {"info"},
    "libs/common/http_protocol.py": {"data"},  # asyncio's data_received
}


def sources() -> Iterator[Path]:
    for folder in PRODUCT:
        yield from (path for path in (PROJECT / folder).rglob("*.py") if path.stat().st_size)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def test_no_file_is_long_and_most_are_short() -> None:
    sizes = {name(path): path.read_text().count("\n") for path in sources()}
    assert {path: size for path, size in sizes.items() if size > FILE_LINES} == {}
    assert median(sizes.values()) <= FILE_MEDIAN


def test_no_function_is_long_and_most_are_short() -> None:
    sizes = {f"{name(path)}:{node.name}": lines(node) for path in sources() for node in functions(path)}
    assert {place: size for place, size in sizes.items() if size > FUNCTION_LINES} == {}
    assert median(sizes.values()) <= FUNCTION_MEDIAN


def _names(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@pytest.mark.parametrize("path", list(sources()), ids=name)
def test_names_are_the_fields_own(path: Path) -> None:
    used = {word for found in _names(path) for word in found.lower().split("_")} & BANNED
    assert used - ALLOWED.get(name(path), set()) == set()


@pytest.mark.parametrize("path", list(sources()), ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    for word in ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"):
        assert word not in path.read_text()
