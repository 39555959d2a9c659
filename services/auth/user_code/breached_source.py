"""Reads the public form of a set of breached passwords: SHA-1 in hexadecimal, a colon, how often it was seen.

Either one text file ordered by hash, or a folder with one file per first five digits, whose lines begin with the
sixth. Line by line, so that memory does not grow with the set.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from services.auth.user_code.breached_file import BreachedFileFault

LINE = re.compile(rb"([0-9A-Fa-f]{35,40}):([0-9]{1,12})\s*")
RANGE_NAME = re.compile(r"([0-9A-Fa-f]{5})(\.txt)?")
LONGEST_LINE = 128
PREFIX_DIGITS = 5
WHOLE = 16**PREFIX_DIGITS
DIGEST_DIGITS = 40


def read_digests(source: Path, *, least_count: int, may_be_partial: bool = False) -> Iterator[bytes]:
    """Those seen at least so often, in order. Raises BreachedFileFault, naming file and line."""
    try:
        if not source.is_dir():
            yield from _read_file(source, prefix="", least_count=least_count)
            return
        for prefix, path in _ranges(source, may_be_partial=may_be_partial):
            yield from _read_file(path, prefix=prefix, least_count=least_count)
    except OSError as fault:
        raise BreachedFileFault(f"{fault.filename or source} cannot be read") from fault


def _ranges(folder: Path, *, may_be_partial: bool) -> list[tuple[str, Path]]:
    found = [(match[1].upper(), path) for path in folder.iterdir() if (match := RANGE_NAME.fullmatch(path.name))]
    if not found:
        raise BreachedFileFault(f"{folder} has no file named by five hexadecimal digits")
    if len({prefix for prefix, _ in found}) != len(found):
        raise BreachedFileFault(f"{folder} has two files for the same five digits")
    if len(found) < WHOLE and not may_be_partial:
        raise BreachedFileFault(f"{folder} has {len(found)} of {WHOLE} files; --partial takes what is there")
    return sorted(found)


def _read_file(path: Path, *, prefix: str, least_count: int) -> Iterator[bytes]:
    with path.open("rb") as lines:
        for number, line in enumerate(_bounded(lines), start=1):
            if not line.strip(b"\r\n\xef\xbb\xbf"):
                continue
            match = LINE.fullmatch(line.removeprefix(b"\xef\xbb\xbf"))
            if match is None or len(prefix) + len(match[1]) != DIGEST_DIGITS:
                raise BreachedFileFault(f"line {number} of {path} is not HASH:COUNT")
            if int(match[2]) >= least_count:
                yield bytes.fromhex(prefix + match[1].decode("ascii"))


def _bounded(lines: BinaryIO) -> Iterator[bytes]:
    while line := lines.readline(LONGEST_LINE):
        yield line
