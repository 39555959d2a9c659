"""The map from clauses to rules and tests names only what is there."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
MAP = (PROJECT / "docs" / "conditions-map.md").read_text()
CLAUSES = 36


def test_every_clause_has_its_section() -> None:
    sections = [int(number) for number in re.findall(r"^## (\d+)\. ", MAP, flags=re.MULTILINE)]
    assert sections == list(range(1, CLAUSES + 1))


def test_every_named_test_exists() -> None:
    named = re.findall(r"`([a-z_/0-9]+\.py)::(test_[a-z0-9_]+)`", MAP)
    assert named
    for file, name in named:
        assert re.search(rf"def {name}\(", (PROJECT / "tests" / file).read_text()), f"{file}::{name}"


def test_every_named_place_exists() -> None:
    named = re.findall(r"\]\(\.\./([^)#]+)\)", MAP)
    assert named
    assert [place for place in named if not (PROJECT / place).exists()] == []
