from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    EnrolmentActivated,
    RegistrationCancelled,
    RegistrationReactivated,
)
from services.registry.notice import rules
from services.registry.notice.rules import Hearer, Told

APPLICANT = uuid4()
ENROLLED = EnrolmentActivated(
    applicant_id=APPLICANT, enrolment_id=uuid4(), department="cnesst", online_service="mon-espace"
)
STATE_EVENTS: list[Told] = [
    AccessSuspended(applicant_id=APPLICANT),
    AccessReactivated(applicant_id=APPLICANT),
    RegistrationCancelled(applicant_id=APPLICANT, cancelled_by="provider"),
    RegistrationReactivated(applicant_id=APPLICANT),
]
NAMES = st.sampled_from(["neq", "business_number", "identification_number"])


@pytest.mark.parametrize("event", [*STATE_EVENTS, ENROLLED])
def test_a_notice_has_the_type_of_its_fact_and_names_the_applicant(event: Told) -> None:
    notice = rules.notice_of(event, identifiers={"neq": "1143456789"})
    assert (notice.type, notice.applicant_id) == (event.type, APPLICANT)
    assert notice.identifiers == {"neq": "1143456789"}


def test_a_notice_of_cancellation_says_by_whom_and_one_of_enrolment_says_where() -> None:
    assert rules.notice_of(STATE_EVENTS[2], identifiers={}).model_dump()["cancelled_by"] == "provider"
    enrolled = rules.notice_of(ENROLLED, identifiers={}).model_dump()
    assert set(enrolled) == {"applicant_id", "identifiers", "online_service"}


def test_an_enrolment_is_told_to_the_department_of_its_service_alone() -> None:
    assert rules.hears(Hearer("cnesst", {}), ENROLLED)
    assert not rules.hears(Hearer("revenu-quebec", {}), ENROLLED)


@pytest.mark.parametrize("event", STATE_EVENTS)
def test_a_change_of_state_concerns_every_department_enrolled_with(event: Told) -> None:
    assert rules.hears(Hearer("cnesst", {}), event)


@given(st.lists(NAMES), st.dictionaries(NAMES, st.text()))
def test_a_department_reads_only_listed_identifiers_that_the_applicant_has(
    listed: list[str], known: dict[str, str]
) -> None:
    found = rules.identifiers_for(listed, known)
    assert set(found) == set(listed) & set(known)
    assert all(found[name] == known[name] for name in found)


@pytest.mark.parametrize(("is_suspended", "kind"), [(True, "person-suspended"), (False, "person-reactivated")])
def test_a_persons_notice_names_the_person_pairwise(*, is_suspended: bool, kind: str) -> None:
    notice = rules.person_notice(
        Hearer("cnesst", {"neq": "1"}), applicant_id=APPLICANT, person="pairwise", is_suspended=is_suspended
    )
    assert notice.type == f"clicsequr.{kind}.v1"
    assert notice.model_dump() == {"applicant_id": APPLICANT, "identifiers": {"neq": "1"}, "person": "pairwise"}
