"""Who may sign in by a user code and when a code becomes active (clauses 15, 17-20)."""

import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict
from libs.common.holds import Side

# What makes a session one of two factors; mail proves no device (NIST SP 800-63B-4 §3.1.3.1), see decision 0012.
STRONG_FACTORS = frozenset({"totp", "passkey"})
# Neither 0 nor O, neither 1 nor I nor L.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 10
ONE_TIME_LENGTH = 24  # 118 bits
ONE_TIME_GROUP = 4
SEPARATORS = str.maketrans("", "", "- \u00a0\u2010\u2011\u2013")


class CodeState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    REVOKED = "revoked"


class Role(StrEnum):
    PERSON_IN_CHARGE = "person_in_charge"
    USER = "user"


class RegistrationState(StrEnum):
    UNKNOWN = "unknown"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


ASSIGNER_OF_ROLE = {Role.PERSON_IN_CHARGE: "registry", Role.USER: "delegation"}
DISUSE = "disuse"
BARRED_STATES = frozenset({RegistrationState.SUSPENDED, RegistrationState.CANCELLED})


@dataclass(frozen=True, slots=True)
class UserCode:
    """`password_hash`: None since `password_set_at`, when its person signs in by passkey alone.

    `password_may_stand_alone`: False for one that was chosen beside a second factor.
    """

    id: UUID
    applicant_id: UUID
    assigned_by: str
    code: str = field(repr=False)
    language: str
    state: CodeState
    assigned_at: datetime
    activated_at: datetime | None
    password_hash: str | None = field(repr=False)
    pepper_key_id: str | None
    password_set_at: datetime
    password_is_one_time: bool
    first_used_at: datetime | None
    revoked_at: datetime | None = None
    password_may_stand_alone: bool = True

    @property
    def actor(self) -> str:
        return f"user_code:{self.id}"


@dataclass(frozen=True, slots=True)
class Person:
    """What others told of the person behind a code: named and cleared come from different events."""

    user_code_id: UUID
    applicant_id: UUID
    role: Role | None = None
    named_at: datetime | None = None
    cleared_at: datetime | None = None
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    applicant_id: UUID
    state: RegistrationState
    activated_at: datetime | None
    changed_at: datetime
    reactivated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A hold in force, as far as a sign-in needs it."""

    side: Side
    reason_code: str

    @property
    def leaves_recourse(self) -> bool:
        return self.side is Side.SYSTEM and self.reason_code == DISUSE


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides on a sign-in by one code; `factors` are the kinds of second factor bound to it."""

    code: UserCode
    person: Person | None
    registration: Registration | None
    bars: tuple[Bar, ...] = ()
    factors: frozenset[str] = frozenset()

    @property
    def has_second_factor(self) -> bool:
        return not self.factors.isdisjoint(STRONG_FACTORS)

    @property
    def is_held(self) -> bool:
        """Held by anything but disuse, which leaves recourse."""
        return any(not bar.leaves_recourse for bar in self.bars)

    @property
    def is_recourse_only(self) -> bool:
        """Barred by nothing but the state of the registration, or disuse."""
        return bool(self.bars) or self.registration_state in BARRED_STATES

    @property
    def registration_state(self) -> RegistrationState:
        return self.registration.state if self.registration else RegistrationState.UNKNOWN

    @property
    def role(self) -> Role | None:
        return self.person.role if self.person else None


class Verdict(StrEnum):
    """How a sign-in ends; all but the last five are answered alike (one answer, whatever the reason)."""

    UNKNOWN_CODE = "unknown-user-code"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 - a reason code
    CODE_PENDING = "code-pending"
    CODE_REVOKED = "code-revoked"
    CODE_HELD = "code-held"
    PERSON_HELD = "person-held"
    ONE_TIME_PASSWORD_EXPIRED = "one-time-password-expired"  # noqa: S105 - a reason code
    CODE_DISUSED = "code-disused"
    REGISTRATION_SUSPENDED = "registration-suspended"
    REGISTRATION_CANCELLED = "registration-cancelled"
    RECOURSE = "recourse"
    ADMITTED = "admitted"


VERDICT_OF_STATE = {
    RegistrationState.SUSPENDED: Verdict.REGISTRATION_SUSPENDED,
    RegistrationState.CANCELLED: Verdict.REGISTRATION_CANCELLED,
}


class UserCodeAlreadyUsed(Conflict):
    code = "user-code-already-used"
    en = "This user code has been used: its password is chosen by its person."
    fr = "Ce code d'utilisateur a déjà servi : son mot de passe est choisi par la personne."


class ApplicantNotActive(Conflict):
    code = "applicant-not-active"
    en = "The registration is not active, or not yet known to be. Try again when it is."
    fr = "L'inscription n'est pas active, ou ne l'est pas encore ici. Réessayez lorsqu'elle le sera."


def new_code() -> str:
    return _random(CODE_LENGTH)


def new_one_time_password() -> str:
    """At least 100 random bits, in groups that can be read out and typed."""
    letters = _random(ONE_TIME_LENGTH)
    return "-".join(letters[at : at + ONE_TIME_GROUP] for at in range(0, ONE_TIME_LENGTH, ONE_TIME_GROUP))


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def display(code: str) -> str:
    return f"{code[:5]}-{code[5:]}"


def normalise_code(typed: str) -> str:
    """As stored: capitals, without dashes and spaces."""
    return unicodedata.normalize("NFKC", typed).translate(SEPARATORS).upper().strip()


def looks_like_code(typed: str) -> bool:
    """Whether it may be shown again: what a person types in the wrong field, such as a password, is not."""
    code = normalise_code(typed)
    return len(code) == CODE_LENGTH and code.isascii() and code.isalnum()


def normalise_one_time(typed: str) -> str:
    return normalise_code(typed)


def may_activate(code: UserCode, person: Person | None, registration: Registration | None) -> bool:
    """Clause 17: active once its own service named it for this applicant and the file lets it be."""
    if code.state is not CodeState.PENDING or person is None or person.role is None or registration is None:
        return False
    if person.applicant_id != code.applicant_id or ASSIGNER_OF_ROLE[person.role] != code.assigned_by:
        return False
    if registration.activated_at is None or registration.state is RegistrationState.REJECTED:
        return False
    return person.role is Role.USER or person.cleared_at is not None


def one_time_password_expired(code: UserCode, *, days: int, at: datetime) -> bool:
    """A one-time password lives from activation, or from its issue when that came later."""
    if not code.password_is_one_time or code.activated_at is None:
        return False
    return at > max(code.activated_at, code.password_set_at) + timedelta(days=days)


def objection(facts: Facts) -> Verdict | None:
    """Why nobody may sign in by this code, not even for recourse, whatever the state of the registration."""
    if facts.code.state is CodeState.REVOKED:
        return Verdict.CODE_REVOKED
    if facts.is_held:
        return Verdict.CODE_HELD
    if facts.code.state is CodeState.PENDING or facts.role is None:
        return Verdict.CODE_PENDING
    if facts.person is not None and facts.person.is_held:
        return Verdict.PERSON_HELD
    if facts.registration_state in {RegistrationState.UNKNOWN, RegistrationState.REJECTED}:
        return Verdict.CODE_PENDING
    return None


def judge_sign_in(
    facts: Facts, *, password_matches: bool, recourse: bool, one_time_days: int, at: datetime
) -> Verdict:
    """`recourse`: whether the client may ask for it and did. Only the right password learns the state."""
    if not password_matches:
        return Verdict.WRONG_PASSWORD
    barred = objection(facts)
    if barred is not None:
        return barred
    if one_time_password_expired(facts.code, days=one_time_days, at=at):
        return Verdict.ONE_TIME_PASSWORD_EXPIRED
    if not facts.is_recourse_only:
        return Verdict.ADMITTED
    if recourse:
        return Verdict.RECOURSE
    return VERDICT_OF_STATE.get(facts.registration_state, Verdict.CODE_DISUSED)
