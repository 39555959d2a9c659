"""What registry and auth tell of applicants, and the lock that every command about an applicant takes first."""

from uuid import UUID

from libs.common.call import Call
from libs.common.contracts.auth import UserCodeActivated
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    EnrolmentActivated,
    RegistrationCancelled,
    RegistrationReactivated,
)
from libs.common.database import Connection
from libs.common.pairwise import pairwise_id
from libs.common.standing_events import note_applicant
from services.delegation.applicant import store
from services.delegation.applicant.rules import ApplicantState, require_active

StateEvent = AccessSuspended | AccessReactivated | RegistrationCancelled | RegistrationReactivated
STATE_OF_EVENT = {
    AccessSuspended.type: ApplicantState.SUSPENDED,
    AccessReactivated.type: ApplicantState.ACTIVE,
    RegistrationCancelled.type: ApplicantState.CANCELLED,
    RegistrationReactivated.type: ApplicantState.ACTIVE,
}


async def lock(tx: Connection, applicant_id: UUID) -> ApplicantState | None:
    """The state of an applicant, None when nothing is known of it; what concerns it waits until commit."""
    return await store.find_state_for_update(tx, applicant_id)


async def lock_active(tx: Connection, applicant_id: UUID) -> None:
    """Raises ApplicantNotActive."""
    require_active(await lock(tx, applicant_id))


async def lock_or_add(tx: Connection, applicant_id: UUID) -> ApplicantState:
    """For events, whose applicant may be new here."""
    await store.add(tx, applicant_id)
    return await lock(tx, applicant_id) or ApplicantState.SUBMITTED


async def note_state(tx: Connection, call: Call, applicant_id: UUID, *, state: ApplicantState) -> None:
    """What concerns the applicant waits until commit."""
    await store.save_state(tx, applicant_id, state=state, since=call.at)


async def note_state_event(tx: Connection, call: Call, event: StateEvent) -> None:
    await note_applicant(tx, call, event)
    await note_state(tx, call, event.applicant_id, state=STATE_OF_EVENT[event.type])


async def note_enrolment(tx: Connection, _call: Call, event: EnrolmentActivated, *, pairwise_key: bytes) -> None:
    await lock_or_add(tx, event.applicant_id)
    await store.save_enrolment(tx, event)
    for user_code_id in await store.list_named_codes(tx, event.applicant_id):
        await _add_subjects(
            tx,
            event.applicant_id,
            user_code_id,
            departments=frozenset({event.department}),
            pairwise_key=pairwise_key,
        )


async def note_activated_code(tx: Connection, _call: Call, event: UserCodeActivated) -> None:
    await store.save_activated_code(tx, event.applicant_id, event.user_code_id)


async def name_user_code(tx: Connection, applicant_id: UUID, user_code_id: UUID, *, pairwise_key: bytes) -> None:
    """A person of the applicant has this code; its departments can ask about them from now on."""
    await store.save_named_code(tx, applicant_id, user_code_id)
    departments = await store.list_departments(tx, applicant_id)
    await _add_subjects(tx, applicant_id, user_code_id, departments=departments, pairwise_key=pairwise_key)


async def drop_user_codes(tx: Connection, applicant_id: UUID, user_code_ids: list[UUID]) -> None:
    await store.drop_codes(tx, applicant_id, user_code_ids)


async def enrolled_services(tx: Connection, applicant_id: UUID) -> frozenset[str]:
    return await store.list_services(tx, applicant_id)


async def enrolled_departments(tx: Connection, applicant_id: UUID) -> frozenset[str]:
    return await store.list_departments(tx, applicant_id)


async def _add_subjects(
    tx: Connection,
    applicant_id: UUID,
    user_code_id: UUID,
    *,
    departments: frozenset[str],
    pairwise_key: bytes,
) -> None:
    subjects = [
        (code, pairwise_id(pairwise_key, department=code, user_code_id=user_code_id), user_code_id, applicant_id)
        for code in sorted(departments)
    ]
    await store.add_subjects(tx, subjects)
