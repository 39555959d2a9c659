from libs.common.call import Call
from libs.common.clock import civil_date
from libs.common.contracts.delegation import (
    AccessRightsChanged,
    PersonInChargeActivated,
    PersonInChargeReactivated,
    PersonInChargeSuspended,
    UserAdded,
)
from libs.common.database import Connection
from libs.common.outbox import publish_notice
from libs.common.pairwise import pairwise_id
from services.registry.notice import rules, store
from services.registry.notice.rules import Hearer, Told


async def tell_departments(tx: Connection, call: Call, event: Told) -> None:
    """A notice for every department with an active enrolment of the applicant (clause 28)."""
    for hearer in await store.list_hearers(tx, event.applicant_id):
        if rules.hears(hearer, event):
            notice = rules.notice_of(event, identifiers=hearer.identifiers)
            await publish_notice(tx, call, notice, department=hearer.department)


async def tell_person_suspended(
    tx: Connection, call: Call, event: PersonInChargeSuspended, *, master_key: bytes
) -> None:
    """Told where the person holds a right; a department that was told already hears nothing."""
    await note_person_in_charge(tx, call, event)
    hearers = await store.list_hearers_of_person(
        tx, event.applicant_id, user_code_id=event.user_code_id, on=civil_date(call.at)
    )
    for hearer in hearers:
        if await store.add_told(tx, hearer.department, user_code_id=event.user_code_id, at=call.at):
            await _tell_of_person(tx, call, event, hearer=hearer, master_key=master_key)


async def tell_person_reactivated(
    tx: Connection, call: Call, event: PersonInChargeReactivated, *, master_key: bytes
) -> None:
    """Told to the departments that heard of the suspension, and to no other."""
    told = await store.remove_told(tx, event.user_code_id)
    for hearer in await store.list_hearers(tx, event.applicant_id):
        if hearer.department in told:
            await _tell_of_person(tx, call, event, hearer=hearer, master_key=master_key)


async def note_person_in_charge(
    tx: Connection, _call: Call, event: PersonInChargeActivated | PersonInChargeSuspended
) -> None:
    await store.save_person(tx, event.user_code_id, applicant_id=event.applicant_id, is_person_in_charge=True)


async def note_user(tx: Connection, _call: Call, event: UserAdded | AccessRightsChanged) -> None:
    await store.save_person(tx, event.user_code_id, applicant_id=event.applicant_id, is_person_in_charge=False)


async def note_rights(tx: Connection, call: Call, event: AccessRightsChanged) -> None:
    """All rights as they are now; a person whom no event named before is kept too."""
    await note_user(tx, call, event)
    await store.replace_rights(tx, event.user_code_id, event.rights)


async def _tell_of_person(
    tx: Connection,
    call: Call,
    event: PersonInChargeSuspended | PersonInChargeReactivated,
    *,
    hearer: Hearer,
    master_key: bytes,
) -> None:
    person = pairwise_id(master_key, department=hearer.department, user_code_id=event.user_code_id)
    notice = rules.person_notice(
        hearer,
        applicant_id=event.applicant_id,
        person=person,
        is_suspended=isinstance(event, PersonInChargeSuspended),
    )
    await publish_notice(tx, call, notice, department=hearer.department)
