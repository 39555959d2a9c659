"""Rights per (online service, task) with optional civil dates, replaced as a whole (clause 12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from libs.common.errors import Conflict, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Right:
    """`starts_on` and `ends_on` are civil dates in America/Toronto, end inclusive."""

    online_service: str
    task: str
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A user, as far as rights and disclosure are concerned."""

    user_id: UUID
    applicant_id: UUID
    user_code_id: UUID


@dataclass(frozen=True, slots=True)
class Offer:
    """What an applicant can extend to its users: tasks that services offer, of services it is enrolled with."""

    tasks: frozenset[tuple[str, str]]
    enrolled: frozenset[str]


class TaskNotFound(NotFound):
    code = "task-not-found"
    en = "There is no task {task} of an online service {online_service}."
    fr = "Il n'y a pas de tâche {task} d'un service en ligne {online_service}."


class ApplicantNotEnrolled(Conflict):
    code = "applicant-not-enrolled"
    en = "You are not enrolled with {online_service}. A person in charge can enrol you."
    fr = "Vous n'êtes pas inscrit à {online_service}. Un responsable peut vous y inscrire."


class RightEndsBeforeItStarts(Invalid):
    code = "right-ends-before-it-starts"
    en = "The right to {task} would end before it starts."
    fr = "Le droit {task} prendrait fin avant de commencer."


class RightListedTwice(Invalid):
    code = "right-listed-twice"
    en = "The right to {task} of {online_service} is listed twice."
    fr = "Le droit {task} de {online_service} figure deux fois."


def check(rights: Sequence[Right], offer: Offer) -> None:
    """Raises TaskNotFound, ApplicantNotEnrolled, RightEndsBeforeItStarts, RightListedTwice."""
    seen: set[tuple[str, str]] = set()
    for right in rights:
        place = (right.online_service, right.task)
        if place in seen:
            raise RightListedTwice(online_service=right.online_service, task=right.task)
        seen.add(place)
        if place not in offer.tasks:
            raise TaskNotFound(online_service=right.online_service, task=right.task)
        if right.online_service not in offer.enrolled:
            raise ApplicantNotEnrolled(online_service=right.online_service)
        if right.starts_on and right.ends_on and right.ends_on < right.starts_on:
            raise RightEndsBeforeItStarts(task=right.task)
