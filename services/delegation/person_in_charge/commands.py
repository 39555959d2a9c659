from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.delegation import (
    PersonInChargeActivated,
    PersonInChargeReactivated,
    PersonInChargeSuspended,
)
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import (
    ClearedPerson,
    DesignationFormAccepted,
    PersonInChargeDesignated,
    RegistrationActivated,
    RegistrationRejected,
)
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.holds import Hold
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.standing import set_standing
from services.delegation.applicant import commands as applicants
from services.delegation.applicant.rules import ApplicantState
from services.delegation.person_in_charge import rules, store
from services.delegation.person_in_charge.rules import (
    Actor,
    PersonInCharge,
    PersonState,
    RemovalBelongsToRepresentativeOrProvider,
)

SERVICE = "delegation"
CREATED = 201


class HoldOnPerson(BaseModel):
    """A hold, and the state it leaves the person in."""

    model_config = ConfigDict(frozen=True)

    hold_id: UUID
    state: PersonState


async def suspend_person_in_charge(  # noqa: PLR0913 - one order's facts, each by name
    database: Database,
    call: Call,
    *,
    applicant_id: UUID,
    person_id: UUID,
    reason_code: str,
    grounds: str,
    is_last_confirmed: bool,
) -> HoldOnPerson:
    """Clause 13. Raises what rules.suspend raises, and AccessSuspended for a held person in charge."""
    actor = _actor(call)
    async with database.transaction() as tx:
        await claim(tx, call)
        persons = await _lock_persons(tx, applicant_id, actor)
        hold = Hold(new_id(), actor.side, reason_code, grounds, placed_by=actor.name, placed_at=call.at)
        held = rules.suspend(persons, person_id, hold=hold, is_last_confirmed=is_last_confirmed)
        await store.add_hold(tx, person_id, hold)
        await _tell_change(tx, call, rules.find(persons, person_id), after=held)
        await _record(tx, call, "suspend_person_in_charge", person=held, hold=hold)
        result = HoldOnPerson(hold_id=hold.id, state=held.state)
        await keep(tx, call, status=CREATED, body=result)
    return result


async def reactivate_person_in_charge(
    database: Database, call: Call, *, applicant_id: UUID, person_id: UUID, hold_id: UUID
) -> HoldOnPerson:
    """Clause 13. Raises what rules.reactivate raises, and AccessSuspended for a held person in charge."""
    actor = _actor(call)
    async with database.transaction() as tx:
        person = rules.find(await _lock_persons(tx, applicant_id, actor), person_id)
        freed, released = rules.reactivate(person, hold_id, actor=actor, at=call.at)
        await store.save_released(tx, released)
        await _tell_change(tx, call, person, after=freed)
        await _record(tx, call, "reactivate_person_in_charge", person=freed, hold=released)
    return HoldOnPerson(hold_id=hold_id, state=freed.state)


async def remove_person_in_charge(database: Database, *, applicant_id: UUID, person_id: UUID) -> None:
    """Clause 13: always refused. Raises UnknownOrForeign or RemovalBelongsToRepresentativeOrProvider."""
    rules.find(await store.list_of_applicant(database, applicant_id), person_id)
    raise RemovalBelongsToRepresentativeOrProvider


async def require_acting_person_in_charge(tx: Connection, call: Call, applicant_id: UUID) -> None:
    """For the commands of a person in charge, once the applicant is locked.

    Raises PersonInChargeNotActive, AccessSuspended.
    """
    rules.require_unheld_actor(await store.list_for_update(tx, applicant_id), _user_code_of(call))


async def note_designated(
    tx: Connection, call: Call, event: PersonInChargeDesignated, *, pairwise_key: bytes
) -> None:
    """Keeps the person, pending; cleared already: active."""
    if await applicants.lock_or_add(tx, event.applicant_id) is ApplicantState.REJECTED:
        return
    await store.add(tx, event, at=call.at)
    await applicants.name_user_code(tx, event.applicant_id, event.user_code_id, pairwise_key=pairwise_key)
    cleared = ClearedPerson(person_id=event.person_id, user_code_id=event.user_code_id)
    await _activate_if_cleared(tx, call, event.applicant_id, cleared=cleared)


async def note_activated(tx: Connection, call: Call, event: RegistrationActivated) -> None:
    await applicants.note_state(tx, call, event.applicant_id, state=ApplicantState.ACTIVE)
    await _note_cleared(tx, call, event.applicant_id, cleared=event.cleared)


async def note_form_accepted(tx: Connection, call: Call, event: DesignationFormAccepted) -> None:
    await applicants.lock_or_add(tx, event.applicant_id)
    await _note_cleared(tx, call, event.applicant_id, cleared=event.cleared)


async def note_rejected(tx: Connection, call: Call, event: RegistrationRejected) -> None:
    await applicants.note_state(tx, call, event.applicant_id, state=ApplicantState.REJECTED)
    dropped = await store.drop_pending(tx, event.applicant_id)
    await applicants.drop_user_codes(tx, event.applicant_id, dropped)


async def _note_cleared(
    tx: Connection, call: Call, applicant_id: UUID, *, cleared: Sequence[ClearedPerson]
) -> None:
    for person in cleared:
        await store.add_clearance(tx, applicant_id, person, at=call.at)
        await _activate_if_cleared(tx, call, applicant_id, cleared=person)


async def _activate_if_cleared(tx: Connection, call: Call, applicant_id: UUID, *, cleared: ClearedPerson) -> None:
    if not await store.activate_if_cleared(tx, cleared.person_id):
        return
    activated = PersonInChargeActivated(
        applicant_id=applicant_id, person_id=cleared.person_id, user_code_id=cleared.user_code_id
    )
    await publish(tx, call, activated, service=SERVICE, partitionkey=applicant_key(applicant_id))
    content = {"person_id": str(cleared.person_id), "user_code_id": str(cleared.user_code_id)}
    await record_evidence(tx, call, "activate_person_in_charge", applicant_id=applicant_id, content=content)


def _actor(call: Call) -> Actor:
    return Actor(call.actor, _user_code_of(call))


def _user_code_of(call: Call) -> UUID | None:
    return call.principal.user_code_id if call.principal else None


async def _lock_persons(tx: Connection, applicant_id: UUID, actor: Actor) -> list[PersonInCharge]:
    await applicants.lock(tx, applicant_id)
    persons = await store.list_for_update(tx, applicant_id)
    if actor.user_code_id is not None:
        rules.require_unheld_actor(persons, actor.user_code_id)
    return persons


async def _tell_change(tx: Connection, call: Call, before: PersonInCharge, *, after: PersonInCharge) -> None:
    """A second hold, or the release of one of two, is no news."""
    if before.state is after.state:
        return
    kind = PersonInChargeSuspended if after.state is PersonState.SUSPENDED else PersonInChargeReactivated
    event = kind(applicant_id=after.applicant_id, person_id=after.id, user_code_id=after.user_code_id)
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(after.applicant_id))
    await set_standing(
        tx, "user_code", after.user_code_id, source=SERVICE, state=after.state.value, changed_at=call.at
    )


async def _record(tx: Connection, call: Call, command: str, *, person: PersonInCharge, hold: Hold) -> None:
    content = {
        "person_id": str(person.id),
        "user_code_id": str(person.user_code_id),
        "hold_id": str(hold.id),
        "side": hold.side.value,
        "reason_code": hold.reason_code,
        "state": person.state.value,
    }
    await record_evidence(tx, call, command, applicant_id=person.applicant_id, content=content)
