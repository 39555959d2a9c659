"""The projection of others' facts into `standing`, the same in every service."""

from libs.common.call import Call
from libs.common.contracts.auth import (
    AgentAccountDisabled,
    AgentAccountEnabled,
    SessionEnded,
    UserCodeReactivated,
    UserCodeRevoked,
    UserCodeSuspended,
)
from libs.common.contracts.delegation import (
    PersonInChargeReactivated,
    PersonInChargeRemoved,
    PersonInChargeSuspended,
    UserReactivated,
    UserRevoked,
    UserSuspended,
)
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    RegistrationCancelled,
    RegistrationReactivated,
)
from libs.common.database import Connection
from libs.common.inbox import handlers_of
from libs.common.standing import RECOURSE_ONLY, set_standing

STATE_OF_APPLICANT = {
    AccessSuspended.type: "suspended",
    AccessReactivated.type: "active",
    RegistrationCancelled.type: "cancelled",
    RegistrationReactivated.type: "active",
}
STATE_OF_PERSON = {
    PersonInChargeSuspended.type: "suspended",
    PersonInChargeReactivated.type: "active",
    PersonInChargeRemoved.type: "revoked",
    UserSuspended.type: "suspended",
    UserReactivated.type: "active",
    UserRevoked.type: "revoked",
}
StateOfApplicant = AccessSuspended | AccessReactivated | RegistrationCancelled | RegistrationReactivated
PersonHeld = PersonInChargeSuspended | PersonInChargeReactivated
UserHeld = UserSuspended | UserReactivated
PersonGone = PersonInChargeRemoved | UserRevoked
StateOfCode = UserCodeSuspended | UserCodeReactivated | UserCodeRevoked


async def note_applicant(tx: Connection, call: Call, event: StateOfApplicant) -> None:
    state = STATE_OF_APPLICANT[event.type]
    await set_standing(tx, "applicant", event.applicant_id, source="registry", state=state, changed_at=call.at)


async def note_person(tx: Connection, call: Call, event: PersonHeld | UserHeld | PersonGone) -> None:
    state = STATE_OF_PERSON[event.type]
    await set_standing(tx, "user_code", event.user_code_id, source="delegation", state=state, changed_at=call.at)


def state_of_code(event: StateOfCode) -> str:
    """As it stands in `standing`, in every service."""
    match event:
        case UserCodeSuspended():
            return RECOURSE_ONLY if event.leaves_recourse else "suspended"
        case UserCodeReactivated():
            return "active"
        case UserCodeRevoked():
            return "revoked"


async def note_user_code(tx: Connection, call: Call, event: StateOfCode) -> None:
    state = state_of_code(event)
    await set_standing(tx, "user_code", event.user_code_id, source="auth", state=state, changed_at=call.at)


async def note_session_ended(tx: Connection, call: Call, event: SessionEnded) -> None:
    await set_standing(tx, "session", event.session_id, source="auth", state="ended", changed_at=call.at)


async def note_agent(tx: Connection, call: Call, event: AgentAccountDisabled | AgentAccountEnabled) -> None:
    state = "disabled" if isinstance(event, AgentAccountDisabled) else "active"
    await set_standing(tx, "agent", event.agent_id, source="auth", state=state, changed_at=call.at)


REGISTRY_STANDING = handlers_of(
    (AccessSuspended, note_applicant),
    (AccessReactivated, note_applicant),
    (RegistrationCancelled, note_applicant),
    (RegistrationReactivated, note_applicant),
)
DELEGATION_STANDING = handlers_of(
    (PersonInChargeSuspended, note_person),
    (PersonInChargeReactivated, note_person),
    (PersonInChargeRemoved, note_person),
    (UserSuspended, note_person),
    (UserReactivated, note_person),
    (UserRevoked, note_person),
)
AUTH_STANDING = handlers_of(
    (SessionEnded, note_session_ended),
    (UserCodeSuspended, note_user_code),
    (UserCodeReactivated, note_user_code),
    (UserCodeRevoked, note_user_code),
    (AgentAccountDisabled, note_agent),
    (AgentAccountEnabled, note_agent),
)
