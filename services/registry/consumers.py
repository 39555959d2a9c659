import base64
from functools import cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.call import Call
from libs.common.contracts.delegation import (
    AccessRightsChanged,
    PersonInChargeActivated,
    PersonInChargeReactivated,
    PersonInChargeSuspended,
    UserAdded,
)
from libs.common.database import Connection
from libs.common.inbox import handlers_of
from libs.common.standing_events import AUTH_STANDING, note_person
from services.registry.notice.commands import (
    note_person_in_charge,
    note_rights,
    note_user,
    tell_person_reactivated,
    tell_person_suspended,
)

PAIRWISE_KEY_BYTES = 32


class _KeyPlace(BaseSettings):
    """The one setting that handlers of events need; they are given no other."""

    model_config = SettingsConfigDict(env_prefix="CLICSEQUR_", extra="ignore", frozen=True)

    pairwise_key_file: Path


@cache
def pairwise_key() -> bytes:
    """The master key that CLICSEQUR_PAIRWISE_KEY_FILE names, read once per process. Raises ValueError."""
    text = _KeyPlace().pairwise_key_file.read_text(encoding="ascii")
    key = base64.b64decode(text.strip(), validate=True)
    if len(key) != PAIRWISE_KEY_BYTES:
        raise ValueError(f"the pairwise key is {len(key)} bytes long, not {PAIRWISE_KEY_BYTES}")
    return key


async def _suspend_person(tx: Connection, call: Call, event: PersonInChargeSuspended) -> None:
    await note_person(tx, call, event)
    await tell_person_suspended(tx, call, event, master_key=pairwise_key())


async def _reactivate_person(tx: Connection, call: Call, event: PersonInChargeReactivated) -> None:
    await note_person(tx, call, event)
    await tell_person_reactivated(tx, call, event, master_key=pairwise_key())


HANDLERS = {
    **AUTH_STANDING,
    **handlers_of(
        (PersonInChargeSuspended, _suspend_person),
        (PersonInChargeReactivated, _reactivate_person),
        (PersonInChargeActivated, note_person_in_charge),
        (UserAdded, note_user),
        (AccessRightsChanged, note_rights),
    ),
}
