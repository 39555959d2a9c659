"""Advisory locks are known to a whole database: of two that are the same, one waits for the other one's holder."""

import re
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
NUMBER = re.compile(r"LOCK_KEY = ([\d_]+)")
NAMED = re.compile(r"advisory_(?:xact_)?lock\(hashtextextended\(('[^']+'|\$1[^,]*)[^,]*, (\d+)\)\)")
BARE = re.compile(r"advisory_(?:xact_)?lock\((\d+)\)")


def sources() -> list[str]:
    return [path.read_text() for folder in ("libs", "services") for path in (PROJECT / folder).rglob("*.py")]


def test_no_two_locks_are_the_same() -> None:
    numbers = [found.replace("_", "") for text in sources() for found in NUMBER.findall(text)]
    named = [found for text in sources() for found in NAMED.findall(text)]
    assert len(numbers) > 1
    assert len(named) > 1
    assert [lock for lock, times in Counter([*numbers, *named]).items() if times > 1] == []


def test_a_lock_taken_in_a_statement_has_a_name() -> None:
    assert [found for text in sources() for found in BARE.findall(text)] == []
