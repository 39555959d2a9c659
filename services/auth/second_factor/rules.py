"""What proves somebody beside the password (clause 20), how it is typed, and who may change it."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict, Invalid, TooManyAttempts, Unavailable, UnknownOrForeign
from services.auth.user_code.rules import ALPHABET, STRONG_FACTORS, normalise_code

MOST_FACTORS = 10
ENROLMENT_LIFE = timedelta(minutes=15)
FRESH = timedelta(minutes=10)
RECOVERY_CODES = 10
RECOVERY_LENGTH = 16  # 79 bits
RECOVERY_GROUP = 4
FEW_LEFT = 3
EMAILED_DIGITS = 8
EMAILED_LIFE = timedelta(minutes=10)
EMAILED_TRIES = 3
SENDINGS_PER_SESSION = 3
SENDINGS_PER_OWNER = 10
SENDINGS_COUNTED = timedelta(hours=1)
BETWEEN_SENDINGS = timedelta(seconds=30)
CHALLENGE_LIFE = timedelta(minutes=5)
NAME_LENGTH = 40


class FactorKind(StrEnum):
    TOTP = "totp"
    PASSKEY = "passkey"
    EMAIL = "email"
    RECOVERY_CODE = "recovery-code"


STRONG = frozenset(map(FactorKind, STRONG_FACTORS))
# Few enough digits to be found by trying. A recovery code and a passkey are not.
GUESSABLE = frozenset({FactorKind.TOTP, FactorKind.EMAIL})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose factor it is: a person's by a user code, an agent's where there is no applicant."""

    id: UUID
    applicant_id: UUID | None

    @property
    def user_code_id(self) -> UUID | None:
        return None if self.applicant_id is None else self.id

    @property
    def agent_id(self) -> UUID | None:
        return self.id if self.applicant_id is None else None


@dataclass(frozen=True, slots=True)
class SecondFactor:
    id: UUID
    owner: Owner
    kind: FactorKind
    name: str
    enrolled_at: datetime
    sealed_secret: bytes | None = field(default=None, repr=False)
    sealing_key_id: str | None = None
    last_step: int = 0
    credential_id: bytes | None = None
    public_key: bytes | None = None
    sign_count: int = 0


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What was begun and is not proved yet; `factor_id` is the factor's, once it is."""

    owner_id: UUID
    factor_id: UUID
    kind: FactorKind
    name: str
    expires_at: datetime
    sealed_secret: bytes | None = field(default=None, repr=False)
    sealing_key_id: str | None = None
    challenge: bytes | None = None


@dataclass(frozen=True, slots=True)
class EmailedCode:
    session_id: UUID
    owner_id: UUID
    code_hash: bytes = field(repr=False)
    sent_at: datetime
    expires_at: datetime
    tries: int
    sendings: int


class TooManySecondFactors(Conflict):
    code = "too-many-second-factors"
    en = "You may have at most 10 second factors. Remove one first."
    fr = "Vous pouvez avoir au plus 10 seconds facteurs. Retirez-en un d'abord."


class EnrolmentNotBegun(Conflict):
    code = "second-factor-enrolment-not-begun"
    en = "This took too long, or another one was begun meanwhile. Begin again."
    fr = "L'opération a trop duré, ou une autre a été commencée entre-temps. Recommencez."


class SecondFactorNotProved(Invalid):
    code = "second-factor-not-proved"
    en = "This is not right, so nothing was added. Look at the code again, or wait for the next one."
    fr = "Ce n'est pas exact\u00a0: rien n'a été ajouté. Vérifiez le code ou attendez le prochain."


class SecondFactorAlreadyBound(Conflict):
    code = "second-factor-already-bound"
    en = "You have this second factor already."
    fr = "Vous avez déjà ce second facteur."


class NoEmailAddress(Conflict):
    code = "no-email-address"
    en = "No e-mail address is known for you, or codes by e-mail are not offered here."
    fr = "Aucune adresse de courriel n'est connue pour vous, ou l'envoi de codes n'est pas offert ici."


class MailNotSent(Unavailable):
    code = "mail-not-sent"
    en = "The e-mail could not be sent. Use another second factor, or try again later."
    fr = "Le courriel n'a pu être envoyé. Utilisez un autre second facteur ou réessayez plus tard."


class TooManyMails(TooManyAttempts):
    code = "too-many-mails"
    en = "A code was sent a moment ago, or too many were. Wait, then ask again."
    fr = "Un code vient d'être envoyé, ou trop l'ont été. Attendez, puis redemandez-en un."


class TooManyTries(TooManyAttempts):
    code = "too-many-second-factor-tries"
    en = "Too many tries. Wait a little, then try again."
    fr = "Trop d'essais. Attendez un peu, puis réessayez."


class NothingToRecover(Conflict):
    code = "no-second-factor-to-recover"
    en = "Recovery codes stand in for an authenticator application or a passkey. Add one first."
    fr = "Les codes de secours remplacent une application d'authentification ou une clé d'accès. Ajoutez-en une."


class OnlyPasskey(Conflict):
    code = "only-passkey"
    en = "You have no password, and this is your only passkey. Add another one or choose a password first."
    fr = (
        "Vous n'avez pas de mot de passe et c'est votre seule clé d'accès. Ajoutez-en une autre ou choisissez "
        "d'abord un mot de passe."
    )


class UnknownSecondFactor(UnknownOrForeign):
    """Not among the owner's own."""


def kind_of_typed(typed: str) -> FactorKind:
    """Which proof was typed: the three look different, so one field serves them all."""
    digits = "".join(typed.split())
    if digits.isascii() and digits.isdigit():
        if len(digits) == EMAILED_DIGITS:
            return FactorKind.EMAIL
        return FactorKind.TOTP
    return FactorKind.RECOVERY_CODE


def new_recovery_code() -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LENGTH))
    return "-".join(letters[at : at + RECOVERY_GROUP] for at in range(0, RECOVERY_LENGTH, RECOVERY_GROUP))


def normalise_recovery_code(typed: str) -> str:
    return normalise_code(typed)


def new_emailed_code() -> str:
    return f"{secrets.randbelow(10**EMAILED_DIGITS):0{EMAILED_DIGITS}}"


def require_place(bound: Iterable[FactorKind]) -> None:
    """Raises TooManySecondFactors."""
    if len(list(bound)) >= MOST_FACTORS:
        raise TooManySecondFactors


def is_usable(code: EmailedCode, *, at: datetime) -> bool:
    return at <= code.expires_at and code.tries < EMAILED_TRIES


def require_may_send(last: EmailedCode | None, *, sent_to_owner: int, at: datetime) -> None:
    """`sent_to_owner`: how many were sent to this address within the hour. Raises TooManyMails."""
    if sent_to_owner >= SENDINGS_PER_OWNER:
        raise TooManyMails(retry_after=int(SENDINGS_COUNTED.total_seconds()))
    if last is None:
        return
    if last.sendings >= SENDINGS_PER_SESSION:
        raise TooManyMails(retry_after=int(SENDINGS_COUNTED.total_seconds()))
    wait = last.sent_at + BETWEEN_SENDINGS - at
    if wait > timedelta():
        raise TooManyMails(retry_after=int(wait.total_seconds()) + 1)


def may_change(
    *, proved_strongly: bool, bound: Iterable[FactorKind], authenticated_at: datetime, at: datetime
) -> bool:
    """Whether a session may add and remove factors: minutes old, and by a strong factor where one is bound."""
    is_fresh = at - authenticated_at <= FRESH
    return is_fresh and (proved_strongly or not STRONG & set(bound))


def is_cloned(factor: SecondFactor, *, sign_count: int) -> bool:
    """WebAuthn §6.1.1: a counter that does not grow tells of a second copy of the key."""
    return (sign_count > 0 or factor.sign_count > 0) and sign_count <= factor.sign_count


def masked(address: str) -> str:
    """Enough for its owner to know it by."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}"
