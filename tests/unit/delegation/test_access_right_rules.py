from datetime import date

import pytest

from services.delegation.access_right.rules import (
    ApplicantNotEnrolled,
    Offer,
    Right,
    RightEndsBeforeItStarts,
    RightListedTwice,
    TaskNotFound,
    check,
)

OFFER = Offer(
    tasks=frozenset({("clic-revenu", "remit"), ("clic-revenu", "read-mail"), ("mon-espace", "declare-wages")}),
    enrolled=frozenset({"clic-revenu"}),
)


def test_rights_on_offered_tasks_of_enrolled_services_pass() -> None:
    day = date(2026, 3, 10)
    check([Right("clic-revenu", "remit", day, day), Right("clic-revenu", "read-mail")], OFFER)
    check([], OFFER)


@pytest.mark.parametrize(
    ("rights", "error"),
    [
        ([Right("clic-revenu", "fly")], TaskNotFound),
        ([Right("nowhere", "remit")], TaskNotFound),
        ([Right("clic-revenu", "declare-wages")], TaskNotFound),
        ([Right("mon-espace", "declare-wages")], ApplicantNotEnrolled),
        ([Right("clic-revenu", "remit", date(2026, 3, 10), date(2026, 3, 9))], RightEndsBeforeItStarts),
        ([Right("clic-revenu", "remit"), Right("clic-revenu", "remit", date(2026, 1, 1))], RightListedTwice),
    ],
)
def test_a_right_that_cannot_be_given_is_refused(rights: list[Right], error: type[Exception]) -> None:
    with pytest.raises(error):
        check(rights, OFFER)
