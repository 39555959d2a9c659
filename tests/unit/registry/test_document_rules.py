from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from services.registry.document.rules import (
    Document,
    DocumentDatesImpossible,
    DocumentKind,
    DocumentPersonMismatch,
    check,
)

TODAY = date(2026, 3, 2)
DAY = timedelta(days=1)


def form(
    kind: DocumentKind = DocumentKind.REGISTRATION_FORM,
    *,
    person_id: UUID | None = None,
    signed_on: date = TODAY,
    received_on: date = TODAY,
) -> Document:
    return Document(uuid4(), kind, person_id, signed_on, received_on)


def test_a_form_signed_and_received_today_is_good() -> None:
    check(form(), today=TODAY)


@pytest.mark.parametrize("received_on", [TODAY - DAY, TODAY + DAY])
def test_a_form_is_signed_before_it_is_received_and_received_by_today(received_on: date) -> None:
    with pytest.raises(DocumentDatesImpossible):
        check(form(received_on=received_on), today=TODAY)


def test_a_designation_form_names_a_person() -> None:
    with pytest.raises(DocumentPersonMismatch):
        check(form(DocumentKind.DESIGNATION_FORM), today=TODAY)


def test_a_registration_form_names_no_person() -> None:
    with pytest.raises(DocumentPersonMismatch):
        check(form(person_id=uuid4()), today=TODAY)
