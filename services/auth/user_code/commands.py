from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from libs.common.call import Call
from libs.common.contracts.auth import UserCodeActivated, UserCodeRevoked
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import ClearedPerson
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.auth.user_code import hold_rules, holds_store, rules, store
from services.auth.user_code.hold_rules import HeldCode, Standing
from services.auth.user_code.passwords import HashedPassword
from services.auth.user_code.rules import Facts, RegistrationState, Role, UserCode
from services.auth.user_code.telling import tell_standing

SERVICE = "auth"


async def name_person(  # noqa: PLR0913 - what the event tells, each by name
    tx: Connection, call: Call, user_code_id: UUID, *, applicant_id: UUID, role: Role, names: tuple[str, str]
) -> None:
    """The event that names a code for its applicant; from then on a pending code is kept.

    `names`: given and family name, of which no password is made.
    """
    await store.lock_registration(tx, applicant_id, at=call.at)
    await store.save_named(tx, user_code_id, applicant_id=applicant_id, role=role, names=names, at=call.at)
    await activate_what_may(tx, call, applicant_id)


async def note_registration_active(
    tx: Connection, call: Call, applicant_id: UUID, *, cleared: Sequence[ClearedPerson]
) -> None:
    """The file became active, or a form of an active file came in: those listed are cleared (clause 17)."""
    registration = await store.lock_registration(tx, applicant_id, at=call.at)
    if registration.activated_at is None:
        active = replace(registration, state=RegistrationState.ACTIVE, activated_at=call.at, changed_at=call.at)
        await store.save_registration(tx, active)
    for person in cleared:
        await store.save_cleared(tx, person.user_code_id, applicant_id=applicant_id, at=call.at)
    await activate_what_may(tx, call, applicant_id)


async def note_registration_state(
    tx: Connection, call: Call, applicant_id: UUID, *, state: RegistrationState, is_reactivated: bool = False
) -> None:
    reactivated_at = call.at if is_reactivated else None
    await store.save_registration_state(
        tx, applicant_id, state=state, changed_at=call.at, reactivated_at=reactivated_at
    )
    if state is RegistrationState.REJECTED:
        await _revoke_pending(tx, call, applicant_id)


async def _revoke_pending(tx: Connection, call: Call, applicant_id: UUID) -> None:
    revoked = await store.revoke_pending(tx, applicant_id, at=call.at)
    for user_code_id in revoked:
        event = UserCodeRevoked(applicant_id=applicant_id, user_code_id=user_code_id)
        await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(applicant_id))
    if revoked:
        content = {"user_code_ids": [str(user_code_id) for user_code_id in revoked]}
        await record_evidence(tx, call, "revoke_user_codes", applicant_id=applicant_id, content=content)


async def activate_what_may(tx: Connection, call: Call, applicant_id: UUID) -> None:
    for facts in await store.list_pending_facts(tx, applicant_id):
        if rules.may_activate(facts.code, facts.person, facts.registration):
            await _activate(tx, call, facts)


async def _activate(tx: Connection, call: Call, facts: Facts) -> None:
    """A hold that was placed before counts from now on, and is told right after."""
    code = facts.code
    await store.save_active(tx, code.id, at=call.at)
    activated = UserCodeActivated(applicant_id=code.applicant_id, user_code_id=code.id)
    await publish(tx, call, activated, service=SERVICE, partitionkey=applicant_key(code.applicant_id))
    content = {"user_code_id": str(code.id)}
    await record_evidence(tx, call, "activate_user_code", applicant_id=code.applicant_id, content=content)
    held = hold_rules.activate(HeldCode(facts, await holds_store.list_holds(tx, code.id)), at=call.at)
    if held.standing is not Standing.ACTIVE:
        await tell_standing(tx, call, held)


async def find_facts(database: Database | Connection, user_code_id: UUID) -> Facts | None:
    return await store.find_facts(database, user_code_id)


async def find_facts_for_update(tx: Connection, user_code_id: UUID) -> Facts | None:
    return await store.find_facts_for_update(tx, user_code_id)


async def keep_code(tx: Connection, user_code_id: UUID) -> None:
    """Waits for whoever suspends, revokes or resets the code, and keeps them waiting until the end."""
    await store.keep(tx, user_code_id)


async def find_facts_by_code(database: Database, typed: str) -> Facts | None:
    return await store.find_facts_by_code(database, rules.normalise_code(typed))


async def has_password(tx: Connection, code: UserCode) -> bool:
    return await store.has_password(tx, code)


def password_of(code: UserCode) -> HashedPassword | None:
    """None: its person signs in by passkey alone."""
    if code.password_hash is None or code.pepper_key_id is None:
        return None
    return HashedPassword(code.password_hash, code.pepper_key_id, code.password_is_one_time)


async def save_password(
    tx: Connection, call: Call, code: UserCode, *, password: HashedPassword, kept: int
) -> None:
    """Stores the password that a person chose, if the one it replaces is still the present one.

    `kept`: how many former ones stay, so as not to be chosen again.
    """
    await store.save_password(tx, code, password=password, at=call.at)
    await store.add_former_password(tx, code, kept=kept, at=call.at)


async def give_password_up(tx: Connection, call: Call, code: UserCode, *, kept: int) -> None:
    """From now on nothing that is typed opens the code; the caller knows that a passkey does."""
    await store.save_given_up(tx, code, at=call.at)
    await store.add_former_password(tx, code, kept=kept, at=call.at)
