from libs.common.call import Call
from libs.common.contracts.auth import (
    CredentialsReset,
    IncidentPassedOn,
    IncidentReported,
    IncidentResolved,
    PasswordChanged,
    PasswordGivenUp,
    RecoveryCodeUsed,
    SecondFactorEnrolled,
    SecondFactorGuessed,
    SecondFactorRemoved,
    SuspiciousSignIn,
    TwoPersonCommandExecuted,
    UserCodeDisused,
    UserCodeReactivated,
    UserCodeRevoked,
    UserCodeSuspended,
)
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended, UserAdded
from libs.common.contracts.registry import PersonInChargeDesignated, RegistrationCancelled
from libs.common.database import Connection
from libs.common.inbox import Handler, handlers_of
from libs.common.settings import ServiceSettings
from libs.common.standing_events import (
    AUTH_STANDING,
    DELEGATION_STANDING,
    REGISTRY_STANDING,
    PersonHeld,
    StateOfCode,
    note_applicant,
    note_person,
    note_user_code,
)
from services.mailbox.mailbox.commands import create_mailbox
from services.mailbox.notification.commands import notify

AboutCode = (
    IncidentReported
    | IncidentPassedOn
    | IncidentResolved
    | CredentialsReset
    | PasswordChanged
    | PasswordGivenUp
    | SuspiciousSignIn
    | UserCodeDisused
)
OfFactor = SecondFactorEnrolled | SecondFactorGuessed | SecondFactorRemoved | RecoveryCodeUsed


async def give_box(tx: Connection, call: Call, event: PersonInChargeDesignated | UserAdded) -> None:
    await create_mailbox(
        tx,
        call,
        applicant_id=event.applicant_id,
        user_code_id=event.user_code_id,
        language=event.language,
        role="person_in_charge" if isinstance(event, PersonInChargeDesignated) else "user",
    )


async def tell(tx: Connection, call: Call, event: AboutCode | PersonHeld | StateOfCode) -> None:
    await notify(tx, call, event, applicant_id=event.applicant_id, about=event.user_code_id)


async def tell_factor(tx: Connection, call: Call, event: OfFactor) -> None:
    """An agent has no box."""
    if event.applicant_id is not None:
        await notify(tx, call, event, applicant_id=event.applicant_id, about=event.user_code_id)


async def tell_held(tx: Connection, call: Call, event: PersonHeld) -> None:
    await note_person(tx, call, event)
    await tell(tx, call, event)


async def tell_code(tx: Connection, call: Call, event: StateOfCode) -> None:
    await note_user_code(tx, call, event)
    await tell(tx, call, event)


async def tell_decided(tx: Connection, call: Call, event: TwoPersonCommandExecuted) -> None:
    await notify(tx, call, event, applicant_id=event.applicant_id, about=None)


async def tell_cancelled(tx: Connection, call: Call, event: RegistrationCancelled) -> None:
    await note_applicant(tx, call, event)
    await notify(tx, call, event, applicant_id=event.applicant_id, about=None)


def handlers(_settings: ServiceSettings) -> dict[str, Handler]:
    return {
        **REGISTRY_STANDING,
        **DELEGATION_STANDING,
        **AUTH_STANDING,
        **handlers_of(
            (PersonInChargeDesignated, give_box),
            (UserAdded, give_box),
            (IncidentReported, tell),
            (IncidentPassedOn, tell),
            (IncidentResolved, tell),
            (PersonInChargeSuspended, tell_held),
            (PersonInChargeReactivated, tell_held),
            (RegistrationCancelled, tell_cancelled),
            (CredentialsReset, tell),
            (PasswordChanged, tell),
            (PasswordGivenUp, tell),
            (UserCodeDisused, tell),
            (SuspiciousSignIn, tell),
            (SecondFactorEnrolled, tell_factor),
            (SecondFactorGuessed, tell_factor),
            (SecondFactorRemoved, tell_factor),
            (RecoveryCodeUsed, tell_factor),
            (UserCodeSuspended, tell_code),
            (UserCodeReactivated, tell_code),
            (UserCodeRevoked, tell_code),
            (TwoPersonCommandExecuted, tell_decided),
        ),
    }
