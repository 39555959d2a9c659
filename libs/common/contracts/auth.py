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
