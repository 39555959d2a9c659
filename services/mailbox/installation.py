import sys
from pathlib import Path

from libs.common.service import Resources


async def install(_resources: Resources, arguments: list[str]) -> None:
    """Every service is given the same file; no part of it is mailbox's, whose boxes come from events."""
    if not _is_one_file(arguments):
        sys.exit("mailbox: install needs the path of one installation file.")


def _is_one_file(arguments: list[str]) -> bool:
    return len(arguments) == 1 and Path(arguments[0]).is_file()
