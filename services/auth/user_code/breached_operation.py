"""`breached-passwords import SOURCE [--least-count N] [--partial] | check`: an operator's word on the set."""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import anyio.to_thread

from libs.common.errors import OperatorFault
from libs.common.service import Resources
from libs.common.settings import own_settings
from services.auth.settings import AuthSettings
from services.auth.user_code.breached_file import INDEX_BITS, BreachedFile, BreachedFileFault, Header, write_sorted
from services.auth.user_code.breached_source import read_digests

USAGE = "breached-passwords import SOURCE [--least-count N] [--partial] | breached-passwords check"
READABLE_BY_ALL = 0o644


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OperatorFault(f"{message}; usage: {USAGE}")


async def run_breached_passwords(resources: Resources, arguments: list[str]) -> None:
    """One JSON line about the set. Raises OperatorFault; the set in use then stays as it was."""
    asked = _parse(arguments)
    target = own_settings(resources.settings, AuthSettings).breached_passwords_file
    if target is None:
        raise OperatorFault("set CLICSEQUR_BREACHED_PASSWORDS_FILE to the file that is to be made")
    try:
        header = await anyio.to_thread.run_sync(_run, asked, target)
    except BreachedFileFault as fault:
        raise OperatorFault(f"the set of breached passwords ({target}) is as it was: {fault}") from fault
    except OSError as fault:
        raise OperatorFault(f"{fault.filename or target}: {fault.strerror}") from fault
    line = {
        "entries": header.entries,
        "least_count": header.least_count,
        "false_positive_rate": header.false_positive_rate,
        "bytes": header.file_bytes,
    }
    sys.stdout.write(json.dumps(line) + "\n")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = _Arguments(prog="breached-passwords", add_help=False)
    orders = parser.add_subparsers(dest="order", required=True, parser_class=_Arguments)
    orders.add_parser("check", add_help=False)
    importing = orders.add_parser("import", add_help=False)
    importing.add_argument("source", type=Path)
    importing.add_argument("--least-count", type=int, default=1)
    importing.add_argument("--partial", action="store_true")
    return parser.parse_args(arguments)


def _run(asked: argparse.Namespace, target: Path) -> Header:
    if asked.order == "check":
        return BreachedFile(target).header
    return import_set(asked.source, target, least_count=max(asked.least_count, 1), may_be_partial=asked.partial)


def import_set(
    source: Path, target: Path, *, least_count: int, may_be_partial: bool = False, index_bits: int = INDEX_BITS
) -> Header:
    """Takes the target's place by renaming, once all of it is on disk. Raises BreachedFileFault, OSError."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, suffix=".part", delete=False) as made:
        part = Path(made.name)
        try:
            digests = read_digests(source, least_count=least_count, may_be_partial=may_be_partial)
            header = write_sorted(made.file, digests, least_count=least_count, index_bits=index_bits)
            _require_entries(header, source)
            made.flush()
            os.fchmod(made.fileno(), READABLE_BY_ALL)
            os.fsync(made.fileno())
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_folder(target.parent)
    return header


def _require_entries(header: Header, source: Path) -> None:
    if not header.entries:
        raise BreachedFileFault(f"{source} has no hash that was seen {header.least_count} times")


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
