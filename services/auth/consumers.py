from libs.common.call import Call
from libs.common.contracts.delegation import (
    PersonInChargeReactivated,
    PersonInChargeRemoved,
    PersonInChargeSuspended,
    UserAdded,
    UserReactivated,
    UserRevoked,
    UserSuspended,
)
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    ConditionsPosted,
    DesignationFormAccepted,
    PersonInChargeDesignated,
    RegistrationActivated,
    RegistrationCancelled,
    RegistrationReactivated,
    RegistrationRejected,
)
from libs.common.database import Connection
from libs.common.inbox import handlers_of
from libs.common.standing_events import (
    DELEGATION_STANDING,
    REGISTRY_STANDING,
    PersonGone,
    PersonHeld,
    StateOfApplicant,
    UserHeld,
    note_applicant,
    note_person,
)
from services.auth.second_factor.emailed import note_address
from services.auth.session.duties import note_conditions
from services.auth.user_code import commands as user_codes
from services.auth.user_code import persons
from services.auth.user_code.rules import RegistrationState, Role

STATE_AFTER = {
    AccessSuspended.type: RegistrationState.SUSPENDED,
    AccessReactivated.type: RegistrationState.ACTIVE,
    RegistrationCancelled.type: RegistrationState.CANCELLED,
    RegistrationReactivated.type: RegistrationState.ACTIVE,
}
REASON_OF_REVOCATION = {
    PersonInChargeRemoved.type: "person-in-charge-removed",
    UserRevoked.type: "user-revoked",
}


async def apply_designated(tx: Connection, call: Call, event: PersonInChargeDesignated) -> None:
    await _name_person(tx, call, event, role=Role.PERSON_IN_CHARGE)


async def apply_user_added(tx: Connection, call: Call, event: UserAdded) -> None:
    await _name_person(tx, call, event, role=Role.USER)


async def _name_person(
    tx: Connection, call: Call, event: PersonInChargeDesignated | UserAdded, *, role: Role
) -> None:
    names = event.given_name, event.family_name
    await user_codes.name_person(
        tx, call, event.user_code_id, applicant_id=event.applicant_id, role=role, names=names
    )
    await _note_address(tx, call, event)


async def _note_address(tx: Connection, call: Call, event: PersonInChargeDesignated | UserAdded) -> None:
    """One-time codes are sent there."""
    await note_address(
        tx,
        event.user_code_id,
        applicant_id=event.applicant_id,
        address=event.email,
        language=event.language,
        at=call.at,
    )


async def apply_cleared(
    tx: Connection, call: Call, event: RegistrationActivated | DesignationFormAccepted
) -> None:
    await user_codes.note_registration_active(tx, call, event.applicant_id, cleared=event.cleared)


async def apply_rejected(tx: Connection, call: Call, event: RegistrationRejected) -> None:
    await user_codes.note_registration_state(tx, call, event.applicant_id, state=RegistrationState.REJECTED)


async def apply_applicant(tx: Connection, call: Call, event: StateOfApplicant) -> None:
    """Sessions are not rewritten: standing refuses their tokens, and what a session may do is asked at use."""
    await note_applicant(tx, call, event)
    await user_codes.note_registration_state(
        tx,
        call,
        event.applicant_id,
        state=STATE_AFTER[event.type],
        is_reactivated=isinstance(event, RegistrationReactivated),
    )


async def apply_held(tx: Connection, call: Call, event: PersonHeld | UserHeld) -> None:
    await note_person(tx, call, event)
    is_held = isinstance(event, PersonInChargeSuspended | UserSuspended)
    await persons.note_held(tx, call, event.user_code_id, applicant_id=event.applicant_id, is_held=is_held)


async def apply_gone(tx: Connection, call: Call, event: PersonGone) -> None:
    await note_person(tx, call, event)
    await persons.note_gone(
        tx, call, event.user_code_id, applicant_id=event.applicant_id, reason_code=REASON_OF_REVOCATION[event.type]
    )


async def apply_conditions(tx: Connection, _call: Call, event: ConditionsPosted) -> None:
    await note_conditions(
        tx,
        owner=event.owner,
        version=event.version,
        posted_at=event.posted_at,
        addresses={"fr": event.url.fr, "en": event.url.en},
    )


HANDLERS = {
    **REGISTRY_STANDING,
    **DELEGATION_STANDING,
    **handlers_of(
        (PersonInChargeDesignated, apply_designated),
        (UserAdded, apply_user_added),
        (RegistrationActivated, apply_cleared),
        (DesignationFormAccepted, apply_cleared),
        (RegistrationRejected, apply_rejected),
        (AccessSuspended, apply_applicant),
        (AccessReactivated, apply_applicant),
        (RegistrationCancelled, apply_applicant),
        (RegistrationReactivated, apply_applicant),
        (PersonInChargeSuspended, apply_held),
        (PersonInChargeReactivated, apply_held),
        (PersonInChargeRemoved, apply_gone),
        (UserSuspended, apply_held),
        (UserReactivated, apply_held),
        (UserRevoked, apply_gone),
        (ConditionsPosted, apply_conditions),
    ),
}
