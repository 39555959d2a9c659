"""Versions of conditions for use and their texts (clauses 22 and 23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.contracts.envelope import PROVIDER_KEY, department_key
from libs.common.errors import Conflict, NotFound

OWNER_OF_PROVIDER = "clicsequr"


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    is_official: bool


@dataclass(frozen=True, slots=True)
class Version:
    """`texts` by language."""

    owner: str
    version: str
    posted_at: datetime
    texts: Mapping[str, Text]


class ConditionsNotFound(NotFound):
    code = "conditions-not-found"
    en = "There are no such conditions."
    fr = "Il n'existe pas de telles conditions."


class ConditionsAlreadyPosted(Conflict):
    code = "conditions-already-posted"
    en = "Version {version} of the conditions of {owner} was posted otherwise; a change is a new version."
    fr = "La version {version} des conditions de {owner} a été publiée autrement; un changement est une version."


class ConditionsIncomplete(Conflict):
    code = "conditions-incomplete"
    en = "Version {version} of the conditions of {owner} needs a French and an English text."
    fr = "La version {version} des conditions de {owner} exige un texte français et un texte anglais."


def require_both_languages(version: Version) -> None:
    """Raises ConditionsIncomplete."""
    if set(version.texts) != {"fr", "en"} or not all(text.text.strip() for text in version.texts.values()):
        raise ConditionsIncomplete(owner=version.owner, version=version.version)


def is_repetition(known: Version | None, posted: Version) -> bool:
    """False when it is new. Raises ConditionsAlreadyPosted when the version stands for something else."""
    if known is None:
        return False
    if known != posted:
        raise ConditionsAlreadyPosted(owner=posted.owner, version=posted.version)
    return True


def event_key(owner: str) -> str:
    return PROVIDER_KEY if owner == OWNER_OF_PROVIDER else department_key(owner)
