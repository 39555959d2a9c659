"""Events of auth, topic `auth.events`, keyed `applicant:<id>` for codes and `agent:<id>` for agents."""

from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.envelope import Event


class UserCodeAssigned(Event):
    """A pending code exists. Never the code itself, never its one-time password."""

    type: ClassVar[str] = "clicsequr.user-code-assigned.v1"
    applicant_id: UUID
    user_code_id: UUID


class UserCodeActivated(Event):
    """The code may sign in."""

    type: ClassVar[str] = "clicsequr.user-code-activated.v1"
    applicant_id: UUID
    user_code_id: UUID


class UserCodeSuspended(Event):
    """Held. Its sessions are ended and every service refuses its tokens; never why, nor whose hold it is.

    `leaves_recourse`: held for disuse alone, so tokens of scope `recourse` still pass where a route lets them.
    Told again when that changes.
    """

    type: ClassVar[str] = "clicsequr.user-code-suspended.v1"
    applicant_id: UUID
    user_code_id: UUID
    leaves_recourse: bool = False


class UserCodeReactivated(Event):
    """The last hold on the code fell. Older tokens stay dead."""

    type: ClassVar[str] = "clicsequr.user-code-reactivated.v1"
    applicant_id: UUID
    user_code_id: UUID


class UserCodeRevoked(Event):
    """The code never works again. Its sessions are ended and every service refuses its tokens; never why."""

    type: ClassVar[str] = "clicsequr.user-code-revoked.v1"
    applicant_id: UUID
    user_code_id: UUID


class PasswordChanged(Event):
    """The person chose a password. Nothing about it."""

    type: ClassVar[str] = "clicsequr.password-changed.v1"
    applicant_id: UUID
    user_code_id: UUID
    was_first_use: bool


class SessionStarted(Event):
    """Somebody signed in, by a code or as an agent."""

    type: ClassVar[str] = "clicsequr.session-started.v1"
    session_id: UUID
    acr: str
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None


class SessionEnded(Event):
    """Every service refuses the session's tokens."""

    type: ClassVar[str] = "clicsequr.session-ended.v1"
    session_id: UUID
    reason: Literal["signed-out", "suspended", "expired", "ended-by-other"]
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None


class AuthenticationFailed(Event):
    """A wrong password or code for a known user code; unknown codes make no event. Never what was typed."""

    type: ClassVar[str] = "clicsequr.authentication-failed.v1"
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None
    factor: Literal["password", "totp"]
