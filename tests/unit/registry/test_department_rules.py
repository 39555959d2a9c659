import pytest

from libs.common.contracts.registry import PublishedTask, Translated
from services.registry.department import rules
from services.registry.department.rules import Department, EnrolmentKind, OnlineService, OnlineServiceNotOffered

NAME = Translated(fr="Nom", en="Name")


def service(enrolment: EnrolmentKind) -> OnlineService:
    return OnlineService("mon-espace", "cnesst", NAME, enrolment, (PublishedTask(code="declare", name=NAME),))


@pytest.mark.parametrize("enrolment", [EnrolmentKind.AUTOMATIC, EnrolmentKind.WITH_REGISTRATION])
def test_a_service_that_needs_no_decision_is_offered(enrolment: EnrolmentKind) -> None:
    assert rules.require_offered(service(enrolment)) == service(enrolment)


@pytest.mark.parametrize("found", [None, service(EnrolmentKind.DECIDED)])
def test_an_unknown_service_and_one_that_its_department_decides_on_are_not_offered(
    found: OnlineService | None,
) -> None:
    with pytest.raises(OnlineServiceNotOffered):
        rules.require_offered(found)


def test_publishing_a_service_names_its_tasks_and_not_how_one_enrols() -> None:
    event = rules.published(service(EnrolmentKind.AUTOMATIC)).model_dump()
    assert [task["code"] for task in event["tasks"]] == ["declare"]
    assert "enrolment" not in event


def test_registering_a_department_does_not_tell_which_identifiers_it_reads() -> None:
    event = rules.registered(Department("cnesst", NAME, ("neq",))).model_dump()
    assert set(event) == {"code", "name"}
