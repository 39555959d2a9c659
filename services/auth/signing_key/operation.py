"""`signing-keys list | rotate [EC|RSA] [--at-once]`: an operator's word on the keys that sign tokens."""

import json
import sys

from libs.common.call import Call
from libs.common.clock import now
from libs.common.errors import OperatorFault
from libs.common.ids import new_id
from libs.common.service import Resources
from libs.common.settings import own_settings
from services.auth.key_files import read_key
from services.auth.settings import AuthSettings
from services.auth.signing_key import store
from services.auth.signing_key.commands import rotate
from services.auth.signing_key.rules import Family

USAGE = "signing-keys list | signing-keys rotate [EC|RSA] [--at-once]"
AT_ONCE = "--at-once"


async def run_signing_keys(resources: Resources, arguments: list[str]) -> None:
    """One JSON line per key, without its private half. Raises OperatorFault."""
    match arguments:
        case ["list"]:
            pass
        case ["rotate", *rest]:
            await _rotate(resources, _family(rest), at_once=AT_ONCE in rest)
        case _:
            raise OperatorFault(f"usage: {USAGE}")
    for key in await store.list_published(resources.database, at=now()):
        ends_at = key.retired_at.isoformat() if key.retired_at else None
        line = {"kid": key.kid, "family": key.family, "signs_from": key.signs_from.isoformat(), "ends_at": ends_at}
        sys.stdout.write(json.dumps(line) + "\n")


def _family(words: list[str]) -> Family:
    named = words[:-1] if words[-1:] == [AT_ONCE] else words
    match named:
        case []:
            return Family.EC
        case [name] if name in set(Family):
            return Family(name)
        case _:
            raise OperatorFault(f"usage: {USAGE}")


async def _rotate(resources: Resources, family: Family, *, at_once: bool) -> None:
    settings = own_settings(resources.settings, AuthSettings)
    sealing_key = read_key(settings.sealing_key_file)
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    async with resources.database.transaction() as tx:
        schedule = settings.signing_key_schedule
        await rotate(tx, call, sealing_key, schedule=schedule, at_once=at_once, family=family)
