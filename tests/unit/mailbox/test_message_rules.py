from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from libs.common.errors import NotKnown
from services.mailbox.message import rules
from services.mailbox.message.rules import Content, Receipt

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
LATER = AT + timedelta(days=1)


def content(subject: str, body: str) -> Content:
    return Content(SecretStr(subject), SecretStr(body))


def test_the_first_opening_is_the_receipt() -> None:
    assert rules.open(Receipt(), at=AT) == Receipt(opened_at=AT)


def test_a_later_opening_leaves_the_receipt_as_it_is() -> None:
    assert rules.open(Receipt(opened_at=AT), at=LATER) == Receipt(opened_at=AT)


def test_an_opened_message_that_asks_for_it_is_confirmed() -> None:
    confirmed = rules.confirm(Receipt(opened_at=AT), needs_confirmation=True, at=LATER)
    assert confirmed == Receipt(opened_at=AT, confirmed_at=LATER)


def test_a_second_confirmation_leaves_the_first() -> None:
    once = Receipt(opened_at=AT, confirmed_at=AT)
    assert rules.confirm(once, needs_confirmation=True, at=LATER) == once


def test_a_message_that_asks_for_no_confirmation_cannot_be_confirmed() -> None:
    with pytest.raises(rules.ConfirmationNotAsked):
        rules.confirm(Receipt(opened_at=AT), needs_confirmation=False, at=LATER)


def test_a_message_is_not_confirmed_before_it_is_opened() -> None:
    with pytest.raises(rules.MessageNotOpened):
        rules.confirm(Receipt(), needs_confirmation=True, at=AT)


def test_an_applicant_or_service_that_delegation_does_not_answer_for_is_not_known() -> None:
    with pytest.raises(NotKnown):
        rules.require_addressees(None)


def test_a_message_that_nobody_may_receive_has_no_addressee() -> None:
    with pytest.raises(rules.NoAddressee):
        rules.require_addressees([])


def test_those_whom_delegation_names_receive() -> None:
    assert rules.require_addressees(["one", "two"]) == ["one", "two"]


@pytest.mark.parametrize(
    ("role", "confidential", "asked"),
    [
        ("person_in_charge", True, False),
        ("person_in_charge", False, False),
        ("user", True, True),
        ("user", False, False),
        (None, True, True),
    ],
)
def test_only_a_person_in_charge_reads_what_is_confidential_without_a_disclosure_authorization(
    role: str | None,
    confidential: bool,  # noqa: FBT001 - a parameter
    asked: bool,  # noqa: FBT001
) -> None:
    assert rules.needs_disclosure(role=role, confidential=confidential) is asked


def test_the_content_hash_is_of_subject_line_feed_and_body() -> None:
    # printf 'Objet\\nTexte' | sha256sum
    expected = "46f54ea9fcdb1e4ae1e53b1442bf5b2f174c3de576d6a9d938a9393d5e070610"
    assert content("Objet", "Texte").sha256().hex() == expected


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_representation_never_shows_the_content(subject: str, body: str) -> None:
    marked = content(f"marker{subject}", f"marker{body}")
    assert "marker" not in repr(marked)


@given(st.lists(st.sampled_from(["open", "confirm"]), max_size=12), st.booleans())
def test_no_sequence_of_openings_and_confirmations_reaches_an_illegal_receipt(
    steps: list[str],
    needs_confirmation: bool,  # noqa: FBT001 - a parameter
) -> None:
    receipt = Receipt()
    for number, step in enumerate(steps):
        before, at = receipt, AT + timedelta(minutes=number)
        try:
            if step == "open":
                receipt = rules.open(receipt, at=at)
            else:
                receipt = rules.confirm(receipt, needs_confirmation=needs_confirmation, at=at)
        except (rules.ConfirmationNotAsked, rules.MessageNotOpened):
            assert receipt == before
        assert receipt.opened_at == (before.opened_at or receipt.opened_at)
        assert receipt.confirmed_at == (before.confirmed_at or receipt.confirmed_at)
        assert receipt.confirmed_at is None or (receipt.opened_at is not None and needs_confirmation)
