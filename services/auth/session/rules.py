"""What a session is good for, and how long."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from libs.common import assurance
from libs.common.errors import StateChanged
from services.auth.second_factor.rules import FactorKind
from services.auth.session.holder import Holder
from services.auth.user_code.password_rules import Aging, reason_to_change
from services.auth.user_code.rules import (
    Facts,
    Role,
    objection,
)

ACR_PASSWORD, ACR_TWO_FACTOR, ACR_PASSKEY = assurance.LEVELS
# RFC 8176. Nobody attests where a passkey's key lies, so `pop` and neither `hwk` nor `swk`; decision 0012.
PASSWORD, ONE_TIME_CODE, KEY, PRESENCE, CHANNELS, FACTORS = "pwd", "otp", "pop", "user", "mca", "mfa"
METHODS = {
    FactorKind.TOTP: (ONE_TIME_CODE,),
    FactorKind.RECOVERY_CODE: (ONE_TIME_CODE,),
    FactorKind.EMAIL: (CHANNELS,),
    FactorKind.PASSKEY: (KEY, PRESENCE),
}
MANDATARY = "mandatary"
RESTRICTED = timedelta(minutes=15)
IPV6_SITE = 64
# In one api: few calls to one client, and so many clients that some that hang leave places for the others.
LOGOUTS_AT_ONCE_TO_CLIENT, LOGOUT_CLIENTS_AT_ONCE = 4, 32
LOGOUT_ATTEMPTS = 9
LOGOUT_FIRST_WAIT, LOGOUT_LONGEST_WAIT = timedelta(seconds=10), timedelta(hours=1)


class SessionOver(StateChanged):
    code = "session-over"
    en = "This session has ended meanwhile. Sign in again."
    fr = "Cette session a pris fin entre-temps. Ouvrez-en une autre."


class Stage(StrEnum):
    """What must still be done before the session is good for anything else; its page has the same name."""

    ONE_TIME_CODE = "one-time-code"
    CHANGE_PASSWORD = "change-password"  # noqa: S105 - a stage
    CONDITIONS = "conditions"
    APPLICANT = "applicant"
    COMPLETE = "complete"
    # Of no session, which may be complete already: the request asks for a factor that nobody bound yet.
    SECOND_FACTORS = "second-factors"
    # Nor this: a vendor's product asks what its person has not allowed it yet.
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Session:
    id: UUID
    secret_hash: bytes = field(repr=False)
    stage: Stage
    user_code_id: UUID | None
    applicant_id: UUID | None
    agent_id: UUID | None
    is_recourse: bool
    amr: tuple[str, ...]
    conditions: str | None
    authenticated_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    started_at: datetime | None = None
    address: str | None = None
    user_agent: str | None = None
    represented_applicant_id: UUID | None = None
    power_of_attorney_id: UUID | None = None

    @property
    def acr(self) -> str:
        return acr_of(self.amr)

    @property
    def acts_for(self) -> UUID | None:
        """The applicant that what is done in it is done for."""
        return self.represented_applicant_id or self.applicant_id


@dataclass(frozen=True, slots=True)
class Lifetime:
    idle: timedelta
    longest: timedelta


def acr_of(amr: tuple[str, ...]) -> str:
    if KEY in amr:
        return ACR_PASSKEY
    return ACR_TWO_FACTOR if ONE_TIME_CODE in amr else ACR_PASSWORD


@dataclass(frozen=True, slots=True)
class PostedConditions:
    """A version that applies; `is_shown`: to the person in question."""

    version: str
    posted_at: datetime
    addresses: dict[str, str]
    is_shown: bool


def hash_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def stage_of(
    holder: Holder, *, amr: tuple[str, ...], aging: Aging, at: datetime, conditions_due: bool = False
) -> Stage:
    """The first step that is still to be done, of all steps in their order."""
    if is_second_factor_due(holder, amr=amr):
        return Stage.ONE_TIME_CODE
    if holder.agent is not None and holder.agent.password_is_one_time:
        return Stage.CHANGE_PASSWORD
    if holder.facts is not None and reason_to_change(holder.facts, aging=aging, at=at):
        return Stage.CHANGE_PASSWORD
    if conditions_due:
        return Stage.CONDITIONS
    return Stage.APPLICANT if holder.represented else Stage.COMPLETE


def is_second_factor_due(holder: Holder, *, amr: tuple[str, ...]) -> bool:
    """An agent always proves one, a person who has bound one."""
    if is_strongly_proved(amr):
        return False
    return holder.agent is not None or (bool(holder.factors) and CHANNELS not in amr)


def is_strongly_proved(amr: tuple[str, ...]) -> bool:
    return ONE_TIME_CODE in amr or KEY in amr


def with_proof(amr: tuple[str, ...], kind: FactorKind) -> tuple[str, ...]:
    """RFC 8176: a passkey that verified its user is several factors by itself, others are with the password."""
    methods = tuple(dict.fromkeys([*amr, *METHODS[kind]]))
    return methods if FACTORS in methods or not is_strongly_proved(methods) else (*methods, FACTORS)


def may_stand_alone(holder: Holder) -> bool:
    """A one-time password is proved first: else whoever bound a passkey before a reset chose the next one."""
    if holder.agent is not None:
        return not holder.agent.password_is_one_time
    return holder.facts is None or not holder.facts.code.password_is_one_time


def step_up_stage(session: Session, *, required_acr: str | None, factors: frozenset[FactorKind]) -> Stage | None:
    """Where a complete session that proves too little for a request goes; None when it proves enough."""
    if assurance.is_enough(session.acr, required_acr):
        return None
    reaching = {FactorKind.PASSKEY} if required_acr == ACR_PASSKEY else {FactorKind.PASSKEY, FactorKind.TOTP}
    return Stage.ONE_TIME_CODE if factors & reaching else Stage.SECOND_FACTORS


def is_alive(session: Session, *, lifetime: Lifetime, at: datetime) -> bool:
    if session.ended_at is not None:
        return False
    if session.stage is not Stage.COMPLETE:
        return at - session.authenticated_at <= RESTRICTED
    return at - session.last_seen_at <= lifetime.idle and at - session.authenticated_at <= lifetime.longest


def is_still_proved(session: Session, facts: Facts) -> bool:
    """Whether the code's own facts still stand behind the session, but for the registration's state."""
    return objection(facts) is None and session.authenticated_at >= facts.code.password_set_at


def may_act(session: Session, facts: Facts) -> bool:
    """Whether a code's session still gives tokens: a change of the registration asks for a fresh sign-in.

    A session of recourse gives recourse only, whatever becomes of the registration.
    """
    if not is_still_proved(session, facts) or facts.registration is None:
        return False
    if session.is_recourse:
        return True
    return not facts.is_recourse_only and session.authenticated_at > facts.registration.changed_at


def serves(session: Session, holder: Holder, *, by_portal: bool, recourse_asked: bool) -> bool:
    """Whether a session may answer a request, by itself or once all steps are done, whatever it was opened for.

    An agent's answers the portal alone; recourse the portal, while the registration bars and it is asked for.
    """
    if holder.agent is not None:
        return by_portal
    if holder.facts is None or not may_act(session, holder.facts):
        return False
    return not session.is_recourse or (by_portal and recourse_asked and holder.facts.is_recourse_only)


def is_overseen(facts: Facts, *, applicant_id: UUID, by_staff: bool) -> bool:
    """Whose sessions others see and end: the provider all, a person in charge those of users, never a peer's."""
    return facts.code.applicant_id == applicant_id and (by_staff or facts.role is Role.USER)


def may_choose(session: Session) -> bool:
    """Whether its person may choose for whom it acts, first or anew."""
    return session.user_code_id is not None and not session.is_recourse


def role_in(session: Session, facts: Facts) -> str | None:
    """Under a power of attorney nobody is in charge of anything."""
    return MANDATARY if session.power_of_attorney_id is not None else facts.role


def is_recent(session: Session, *, max_age: int | None, at: datetime) -> bool:
    """OpenID Connect Core §3.1.2.1, `max_age` in seconds."""
    return max_age is None or at - session.authenticated_at <= timedelta(seconds=max_age)


def network_of(address: str | None) -> str:
    """The network that attempts are counted by: one address, or one site of IPv6.

    What comes by no network (None) or from nothing that can be read shares one. Raises ValueError when left empty.
    """
    if address == "":
        raise ValueError("an attempt is counted by the address of its call")
    try:
        parsed = ip_address(address or "unknown")
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, IPV6_SITE), strict=False))
    return str(parsed)


def logout_wait(attempts: int) -> timedelta | None:
    """How long until a client is told again that did not accept it; None once it was tried often enough (3 h)."""
    if attempts >= LOGOUT_ATTEMPTS:
        return None
    return min(LOGOUT_FIRST_WAIT * 3.0 ** (attempts - 1), LOGOUT_LONGEST_WAIT)
