"""Signed paper that the provider received (clauses 6 and 17)."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from libs.common.errors import Invalid


class DocumentKind(StrEnum):
    REGISTRATION_FORM = "registration-form"
    DESIGNATION_FORM = "designation-form"


@dataclass(frozen=True, slots=True)
class Document:
    """A designation form names one person; a registration form none. Dates are civil dates."""

    id: UUID
    kind: DocumentKind
    person_id: UUID | None
    signed_on: date
    received_on: date


class DocumentDatesImpossible(Invalid):
    code = "document-dates-impossible"
    en = "A form is signed before it is received, and received by today."
    fr = "Un formulaire est signé avant d'être reçu, et reçu au plus tard aujourd'hui."


class DocumentPersonMismatch(Invalid):
    code = "document-person-mismatch"
    en = "A designation form names one person in charge; a registration form names none."
    fr = "Un formulaire de désignation nomme une personne; un formulaire d'inscription n'en nomme aucune."


def check(document: Document, *, today: date) -> None:
    """Raises DocumentDatesImpossible, DocumentPersonMismatch."""
    if not document.signed_on <= document.received_on <= today:
        raise DocumentDatesImpossible
    if (document.kind is DocumentKind.DESIGNATION_FORM) != (document.person_id is not None):
        raise DocumentPersonMismatch
