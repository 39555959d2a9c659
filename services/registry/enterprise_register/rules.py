"""The Registraire's register proves existence, names and status, never identity: all of it is public."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from libs.common.errors import Conflict

REGISTERED = "IM"


@dataclass(frozen=True, slots=True)
class Enterprise:
    """`status` is COD_STAT_IMMAT: IM registered; RD, RO, RX struck off; others never registered or annulled."""

    neq: str
    is_bankrupt: bool
    registered_on: date | None
    status: str
    status_on: date | None
    legal_form: str
    names: Sequence[str] = ()


class RegisterFolderIncomplete(Conflict):
    code = "register-folder-incomplete"
    en = "The folder holds no {missing}."
    fr = "Le dossier ne contient pas {missing}."


class RegisterHeaderWrong(Conflict):
    code = "register-header-wrong"
    en = "{file} is not of the register's open data set: it lacks the columns {missing}. Nothing was loaded."
    fr = "{file} n'est pas du jeu de données du registre : il y manque {missing}. Rien n'a été chargé."


class RegisterEmpty(Conflict):
    code = "register-empty"
    en = "{file} holds no row that can be kept. Nothing was loaded."
    fr = "{file} ne contient aucune ligne à garder. Rien n'a été chargé."


class RegisterTooMalformed(Conflict):
    code = "register-too-malformed"
    en = "{malformed} of {rows} rows are malformed, more than is allowed. Nothing was loaded."
    fr = "{malformed} lignes sur {rows} sont mal formées, plus qu'il n'est permis. Rien n'a été chargé."


def comparable(name: str) -> str:
    """A name without case, accents and punctuation: how the register and people write differs in these alone."""
    # Folded twice, as Unicode's caseless matching asks (The Unicode Standard, 3.13, D146).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", name).casefold())
    decomposed = unicodedata.normalize("NFKD", folded.casefold())
    kept = "".join(
        letter if letter.isalnum() else " " for letter in decomposed if not unicodedata.combining(letter)
    )
    return " ".join(kept.split())


def confirms(enterprise: Enterprise | None, name: str) -> bool:
    """Known, registered, not bankrupt, and of this name among those in force."""
    return (
        enterprise is not None
        and enterprise.status == REGISTERED
        and not enterprise.is_bankrupt
        and comparable(name) in {comparable(known) for known in enterprise.names}
    )
