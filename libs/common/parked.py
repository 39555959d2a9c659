"""The operator's word on parked events: list them, replay a key in order once the cause is mended."""

import json
import sys

from libs.common.errors import OperatorFault
from libs.common.inbox import Inbox, list_parked

USAGE = "parked list | parked replay SOURCE PARTITIONKEY"


async def run_parked(inbox: Inbox, arguments: list[str]) -> None:
    """One JSON line per parked event, without its contents; or how many were replayed. Raises OperatorFault."""
    match arguments:
        case ["list"]:
            for row in await list_parked(inbox.database):
                shown = {name: str(value) for name, value in row.items() if name != "envelope"}
                _say({**shown, "type": row["envelope"]["type"]})
        case ["replay", source, partitionkey]:
            _say({"replayed": await _replay(inbox, source=source, partitionkey=partitionkey)})
        case _:
            raise OperatorFault(f"usage: {USAGE}")


async def _replay(inbox: Inbox, *, source: str, partitionkey: str) -> int:
    try:
        return await inbox.replay(source=source, partitionkey=partitionkey)
    except Exception as error:
        raise OperatorFault(
            f"the first parked event of {partitionkey} still fails ({type(error).__name__}); it stays parked"
        ) from error


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
