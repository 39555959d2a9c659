from functools import partial

from libs.common.call import Call
from libs.common.contracts.delegation import (
    AccessRightsChanged,
    PersonInChargeActivated,
    PersonInChargeReactivated,
    PersonInChargeSuspended,
    UserAdded,
)
from libs.common.database import Connection
from libs.common.inbox import Handler, handlers_of
from libs.common.key_files import read_key
from libs.common.settings import ServiceSettings, own_settings
from libs.common.standing_events import AUTH_STANDING, DELEGATION_STANDING, note_person
from services.registry.notice.commands import (
    note_person_in_charge,
    note_rights,
    note_user,
    tell_person_reactivated,
    tell_person_suspended,
)
from services.registry.settings import RegistrySettings


async def _suspend_person(
    tx: Connection, call: Call, event: PersonInChargeSuspended, *, pairwise_key: bytes
) -> None:
    await note_person(tx, call, event)
    await tell_person_suspended(tx, call, event, master_key=pairwise_key)


async def _reactivate_person(
    tx: Connection, call: Call, event: PersonInChargeReactivated, *, pairwise_key: bytes
) -> None:
    await note_person(tx, call, event)
    await tell_person_reactivated(tx, call, event, master_key=pairwise_key)


def handlers(settings: ServiceSettings) -> dict[str, Handler]:
    """Raises KeyFileFault."""
    key = read_key(own_settings(settings, RegistrySettings).pairwise_key_file)
    return {
        **AUTH_STANDING,
        **DELEGATION_STANDING,
        **handlers_of(
            (PersonInChargeSuspended, partial(_suspend_person, pairwise_key=key)),
            (PersonInChargeReactivated, partial(_reactivate_person, pairwise_key=key)),
            (PersonInChargeActivated, note_person_in_charge),
            (UserAdded, note_user),
            (AccessRightsChanged, note_rights),
        ),
    }
