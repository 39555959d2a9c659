"""`signing-keys list | rotate [--at-once]`: an operator's word on the keys that sign tokens."""

import json
import sys

from libs.common.call import Call
from libs.common.clock import now
from libs.common.errors import OperatorFault
from libs.common.ids import new_id
from libs.common.service import Resources
from libs.common.settings import own_settings
from services.auth.key_files import KeyFileFault, read_key
from services.auth.settings import AuthSettings
from services.auth.signing_key import store
from services.auth.signing_key.commands import rotate

USAGE = "signing-keys list | signing-keys rotate [--at-once]"


async def run_signing_keys(resources: Resources, arguments: list[str]) -> None:
    """One JSON line per key, without its private half. Raises OperatorFault."""
    match arguments:
        case ["list"]:
            pass
        case ["rotate"]:
            await _rotate(resources, at_once=False)
        case ["rotate", "--at-once"]:
            await _rotate(resources, at_once=True)
        case _:
            raise OperatorFault(f"usage: {USAGE}")
    for key in await store.list_published(resources.database, at=now()):
        ends_at = key.retired_at.isoformat() if key.retired_at else None
        line = {"kid": key.kid, "signs_from": key.signs_from.isoformat(), "ends_at": ends_at}
        sys.stdout.write(json.dumps(line) + "\n")


async def _rotate(resources: Resources, *, at_once: bool) -> None:
    settings = own_settings(resources.settings, AuthSettings)
    try:
        sealing_key = read_key(settings.sealing_key_file)
    except KeyFileFault as fault:
        raise OperatorFault(str(fault)) from fault
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    async with resources.database.transaction() as tx:
        await rotate(tx, call, sealing_key, schedule=settings.signing_key_schedule, at_once=at_once)
