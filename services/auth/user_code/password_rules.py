"""What a password must be and how long it serves (clauses 18, 20; NIST SP 800-63B-4 §3.1.1)."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Conflict, Invalid
from services.auth.user_code.rules import Facts

FEWEST_ALONE = 15
FEWEST_WITH_SECOND_FACTOR = 8
MOST = 128
ESTIMATED = 72
SHORTEST_WORD = 4
NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")
SERVICES_WORDS = (
    "clicséqur", "clicsequr", "clic", "sequr", "clicrevenu", "revenu", "québec", "quebec", "revenuquébec",
    "revenuquebec", "entreprise", "entreprises", "business", "motdepasse", "utilisateur", "gouvernement",
)  # fmt: skip


class PasswordTooShort(Invalid):
    code = "password-too-short"
    en = "The password needs at least {fewest} characters."
    fr = "Le mot de passe doit compter au moins {fewest} caractères."


class PasswordTooLong(Invalid):
    code = "password-too-long"
    en = "The password may have at most 128 characters."
    fr = "Le mot de passe peut compter au plus 128 caractères."


class PasswordContainsCode(Invalid):
    code = "password-contains-code"
    en = "The password must not contain the user code."
    fr = "Le mot de passe ne doit pas contenir le code d'utilisateur."


class PasswordTooCommon(Invalid):
    code = "password-too-common"
    en = "This password is known from a breach and among those that are tried first. Choose another one."
    fr = "Ce mot de passe a été divulgué ailleurs et est de ceux qu'on essaie en premier. Choisissez-en un autre."


class PasswordGuessable(Invalid):
    code = "password-guessable"
    en = "This password can be guessed from common words, repetitions or what is known of you. Choose another one."
    fr = (
        "Ce mot de passe peut être deviné\u00a0: mots courants, répétitions ou ce qu'on sait de vous. "
        "Choisissez-en un autre."
    )


class PasswordUsedBefore(Invalid):
    code = "password-used-before"
    en = "The new password must differ from the present one, the one-time password and recent ones."
    fr = (
        "Le nouveau mot de passe doit différer de l'actuel, du mot de passe à usage unique et des derniers "
        "que vous avez eus."
    )


class PasswordsDiffer(Invalid):
    code = "passwords-differ"
    en = "The two passwords are not the same."
    fr = "Les deux mots de passe ne sont pas identiques."


class PresentPasswordWrong(Invalid):
    code = "present-password-wrong"
    en = "The present password is not right."
    fr = "Le mot de passe actuel n'est pas exact."


class NoPassword(Conflict):
    code = "no-password"
    en = "This user code has no password."
    fr = "Ce code d'utilisateur n'a pas de mot de passe."


class PasskeyNotProved(Conflict):
    code = "passkey-not-proved"
    en = "The passkey was not right, or this took too long. Try again."
    fr = "La clé d'accès n'était pas la bonne, ou l'opération a trop duré. Réessayez."


@dataclass(frozen=True, slots=True)
class Demands:
    """`fewest_guesses` in powers of ten."""

    fewest_characters: int
    fewest_guesses: float


@dataclass(frozen=True, slots=True)
class Aging:
    """How long a chosen password serves, and how long before its end one is told."""

    alone: timedelta
    with_second_factor: timedelta
    warning: timedelta

    def life(self, *, has_second_factor: bool) -> timedelta:
        return self.with_second_factor if has_second_factor else self.alone


class PasswordAge(StrEnum):
    FINE = "fine"
    DUE_SOON = "due-soon"
    OVERDUE = "overdue"


class ChangeReason(StrEnum):
    """Why the password must be changed before the session is good for anything."""

    FIRST_USE = "first-use"
    RESET = "reset"
    REACTIVATED = "reactivated"
    OVERDUE = "overdue"
    FACTOR_GONE = "factor-gone"


def normalise_password(typed: str) -> str:
    """NIST SP 800-63B-4 §3.1.1.2: one form for the same characters, spaces kept, nothing cut."""
    return unicodedata.normalize("NFC", typed)


def require_well_formed(new: str, *, repeated: str, code: str, demands: Demands) -> None:
    """The rules that cost nothing. Raises the one that the new password breaks."""
    password = normalise_password(new)
    if password != normalise_password(repeated):
        raise PasswordsDiffer
    if len(password) < demands.fewest_characters:
        raise PasswordTooShort(fewest=demands.fewest_characters)
    if len(password) > MOST:
        raise PasswordTooLong
    if contains_code(password, code=code):
        raise PasswordContainsCode


def is_too_short_alone(typed: str) -> bool:
    return len(normalise_password(typed)) < FEWEST_ALONE


def contains_code(password: str, *, code: str) -> bool:
    """Whatever stands between its characters, in small letters or capitals, forwards or backwards."""
    letters = NO_LETTER_OR_DIGIT.sub("", unicodedata.normalize("NFKC", password)).upper()
    return code in letters or code[::-1] in letters


def estimated_part(password: str) -> str:
    """The part whose guesses are estimated, since the estimator's time grows with the square of the length.

    Whoever guesses the whole guesses this part too, so the whole never takes fewer guesses than it.
    """
    return normalise_password(password)[:ESTIMATED]


def words_of_person(
    *, code: str, applicant_id: UUID, names: tuple[str, ...], address: str | None
) -> tuple[str, ...]:
    """All that is known here of who chooses: `names` in their order, one after the other and together."""
    local, _, domain = (address or "").partition("@")
    known = (code, str(applicant_id), " ".join(names), *names, address or "", local, domain)
    return tuple(dict.fromkeys(word for word in known if word))


def guessing_words(known_of_person: Iterable[str]) -> list[str]:
    """What somebody who aims at this person here tries first, whole and in its parts, with accents and without."""
    parts = [part for text in known_of_person for part in (text, *NO_LETTER_OR_DIGIT.split(text))]
    words = [part.casefold() for part in (*parts, *SERVICES_WORDS) if len(part) > 1]
    return list(dict.fromkeys(spelt for word in words for spelt in (word, without_accents(word))))


def without_accents(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def is_mostly_known(password: str, *, words: Iterable[str], demands: Demands) -> bool:
    """Whether little is left of it without the words that are tried first.

    The estimator rates every word more in a row far higher than somebody who joins just these words would.
    """
    whole = normalise_password(password).casefold()
    left = whole
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_WORD:
            left = left.replace(word, " ")
    is_less = left != whole
    return is_less and len(NO_LETTER_OR_DIGIT.sub("", left)) * 2 < demands.fewest_characters


def password_age_state(set_at: datetime, *, aging: Aging, has_second_factor: bool, at: datetime) -> PasswordAge:
    """Clause 20: passwords change periodically."""
    ends_at = set_at + aging.life(has_second_factor=has_second_factor)
    if at >= ends_at:
        return PasswordAge.OVERDUE
    return PasswordAge.DUE_SOON if at >= ends_at - aging.warning else PasswordAge.FINE


def reason_to_change(facts: Facts, *, aging: Aging, at: datetime) -> ChangeReason | None:
    """At first use and after a reset (clause 18), after a reactivation, and periodically (clause 20).

    Also once the factor is gone that it was chosen beside. A code that has no password has nothing to change.
    """
    if facts.code.password_hash is None:
        return None
    if facts.code.password_is_one_time:
        return ChangeReason.FIRST_USE if facts.code.first_used_at is None else ChangeReason.RESET
    reactivated_at = facts.registration.reactivated_at if facts.registration else None
    if reactivated_at is not None and facts.code.password_set_at < reactivated_at:
        return ChangeReason.REACTIVATED
    if not facts.code.password_may_stand_alone and not facts.has_second_factor:
        return ChangeReason.FACTOR_GONE
    state = password_age_state(
        facts.code.password_set_at, aging=aging, has_second_factor=facts.has_second_factor, at=at
    )
    return ChangeReason.OVERDUE if state is PasswordAge.OVERDUE else None
