"""Events of auth, topic `auth.events`, keyed `applicant:<id>` for codes and `agent:<id>` for agents."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from libs.common.contracts.envelope import Event


class UserCodeAssigned(Event):
    """A pending code exists. Never the code itself, never its one-time password."""

    type: ClassVar[str] = "clicsequr.user-code-assigned.v1"
    applicant_id: UUID
    user_code_id: UUID


class UserCodeActivated(Event):
    """The code may sign in. Where a hold stands already, its suspension is told right after."""

    type: ClassVar[str] = "clicsequr.user-code-activated.v1"
    applicant_id: UUID
    user_code_id: UUID


class UserCodeSuspended(Event):
    """Held. Its sessions are ended and every service refuses its tokens; never why, nor whose hold it is.

    `leaves_recourse`: held for disuse alone, so tokens of scope `recourse` still pass where a route lets them.
    Told again when that changes. `told_otherwise`: another event of the same transaction tells the persons in
    charge, so mailbox does not.
    """

    type: ClassVar[str] = "clicsequr.user-code-suspended.v1"
    applicant_id: UUID
    user_code_id: UUID
    leaves_recourse: bool = False
    told_otherwise: bool = False


class UserCodeDisused(Event):
    """Nobody has used the code for long; it is held at `held_at` at the earliest. mailbox warns its person."""

    type: ClassVar[str] = "clicsequr.user-code-disused.v1"
    applicant_id: UUID
    user_code_id: UUID
    held_at: datetime


class UserCodeReactivated(Event):
    """The last hold on the code fell. Older tokens stay dead. `told_otherwise`: as of its suspension."""

    type: ClassVar[str] = "clicsequr.user-code-reactivated.v1"
    applicant_id: UUID
    user_code_id: UUID
    told_otherwise: bool = False


class UserCodeRevoked(Event):
    """The code never works again. Its sessions are ended and every service refuses its tokens; never why."""

    type: ClassVar[str] = "clicsequr.user-code-revoked.v1"
    applicant_id: UUID
    user_code_id: UUID


class CredentialsReset(Event):
    """The password is dead and a one-time password was shown to another than its person. Never what it is.

    The person is to be told by their own channel and, where the provider did it, so are the applicant's other
    persons in charge.
    """

    type: ClassVar[str] = "clicsequr.credentials-reset.v1"
    applicant_id: UUID
    user_code_id: UUID
    by: Literal["person-in-charge", "provider"]


class PasswordChanged(Event):
    """The person chose a password. Nothing about it."""

    type: ClassVar[str] = "clicsequr.password-changed.v1"
    applicant_id: UUID
    user_code_id: UUID
    was_first_use: bool


class PasswordGivenUp(Event):
    """The person has no password any more and signs in by passkey alone; mailbox tells them."""

    type: ClassVar[str] = "clicsequr.password-given-up.v1"
    applicant_id: UUID
    user_code_id: UUID


class SessionStarted(Event):
    """Somebody signed in by a code or as an agent, or began to act for another applicant under a power."""

    type: ClassVar[str] = "clicsequr.session-started.v1"
    session_id: UUID
    acr: str
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None
    represented_applicant_id: UUID | None = None
    power_of_attorney_id: UUID | None = None


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
    factor: Literal["password", "totp", "passkey", "email", "recovery-code"]


class SuspiciousSignIn(Event):
    """A completed sign-in by a code may be somebody else's; it went on. mailbox tells its person.

    `browser` and `system` as the browser named itself. Never an address, nor all that the browser said.
    """

    type: ClassVar[str] = "clicsequr.suspicious-sign-in.v1"
    applicant_id: UUID
    user_code_id: UUID
    session_id: UUID
    reasons: tuple[Literal["new-browser", "many-networks", "spread-of-failures"], ...]
    browser: Literal["chrome", "edge", "firefox", "safari", "other"]
    system: Literal["android", "ios", "linux", "macos", "windows", "other"]


class IncidentReported(Event):
    """Unauthorized use or an attempted breach of a code; it is held. Never what was described.

    `passes_on_at`: when it goes to the provider by itself. mailbox tells the persons in charge.
    """

    type: ClassVar[str] = "clicsequr.incident-reported.v1"
    applicant_id: UUID
    incident_id: UUID
    user_code_id: UUID
    kind: Literal["unauthorized-use", "attempted-breach"]
    reported_to_person_in_charge_at: datetime | None = None
    reported_to_provider_at: datetime | None = None
    passes_on_at: datetime | None = None


class IncidentPassedOn(Event):
    """The provider knows of an incident that a user had reported to a person in charge."""

    type: ClassVar[str] = "clicsequr.incident-passed-on.v1"
    applicant_id: UUID
    incident_id: UUID
    user_code_id: UUID
    kind: Literal["unauthorized-use", "attempted-breach"]
    reported_to_provider_at: datetime
    by_silence: bool


class IncidentResolved(Event):
    """Whoever had to deal with it did. Other holds on the code stay."""

    type: ClassVar[str] = "clicsequr.incident-resolved.v1"
    applicant_id: UUID
    incident_id: UUID
    user_code_id: UUID
    outcome: Literal["confirmed", "unfounded"]


class AgentAccountDisabled(Event):
    """Two persons disabled an agent's account: every service refuses the agent. Never why, never who they are."""

    type: ClassVar[str] = "clicsequr.agent-account-disabled.v1"
    agent_id: UUID


class AgentAccountEnabled(Event):
    """Two persons enabled it again; what was issued before stays refused."""

    type: ClassVar[str] = "clicsequr.agent-account-enabled.v1"
    agent_id: UUID


class TwoPersonCommandExecuted(Event):
    """Two persons did something about an applicant; whoever can tells every person in charge.

    Never its content, never who the two are.
    """

    type: ClassVar[str] = "clicsequr.two-person-command-executed.v1"
    applicant_id: UUID
    proposal_id: UUID
    command: str
    executed_at: datetime


class SecondFactorEnrolled(Event):
    """Something beside the password proves this person or agent from now on. Never a secret."""

    type: ClassVar[str] = "clicsequr.second-factor-enrolled.v1"
    second_factor_id: UUID
    kind: Literal["totp", "passkey", "email"]
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None


class SecondFactorRemoved(Event):
    """It proves nobody any more, removed by its owner or, when it was lost, for them; mailbox tells them."""

    type: ClassVar[str] = "clicsequr.second-factor-removed.v1"
    second_factor_id: UUID
    kind: Literal["totp", "passkey", "email"]
    reason: Literal["by-owner", "reset"]
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None


class RecoveryCodeUsed(Event):
    """A recovery code stood in for a second factor; mailbox tells them how many are left. Never the code."""

    type: ClassVar[str] = "clicsequr.recovery-code-used.v1"
    remaining: int
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None


class SecondFactorGuessed(Event):
    """After the right password one wrong code followed another, until codes were slowed; mailbox tells its person.

    Told once for the failures in a row. Never what was typed, nor from where.
    """

    type: ClassVar[str] = "clicsequr.second-factor-guessed.v1"
    applicant_id: UUID | None = None
    user_code_id: UUID | None = None
    agent_id: UUID | None = None
