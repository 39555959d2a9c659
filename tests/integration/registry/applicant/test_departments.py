import asyncio
import copy
from typing import Any

import pytest
from pydantic import ValidationError

from libs.common.errors import OnlineServiceOfAnotherDepartment
from tests.integration.registry.applicant.steps import File, evidence, install, installed_departments
from tests.kit import Running

Change = tuple[str, Any]


async def test_installing_again_leaves_no_event_and_no_evidence(service: Running) -> None:
    before = await service.events()
    records = await evidence(service, "register_department") + await evidence(service, "publish_online_service")
    assert [kind for kind, _ in before] == ["department-registered", "online-service-published"] * 3
    await asyncio.gather(*(install(service, installed_departments()) for _ in range(3)))
    assert await service.events() == before
    again = await evidence(service, "register_department") + await evidence(service, "publish_online_service")
    assert again == records
    assert len(records) == 6


async def test_a_change_is_published_and_evidenced_alone(service: Running) -> None:
    before = await service.events()
    changed = installed_departments()
    changed[1]["online_services"][0]["name"]["fr"] = "Mon Espace"
    await install(service, changed)
    [(kind, event)] = (await service.events())[len(before) :]
    assert (kind, event["code"], event["name"]["fr"]) == ("online-service-published", "mon-espace", "Mon Espace")
    assert [task["code"] for task in event["tasks"]] == ["declare-wages"]
    [*_, record] = await evidence(service, "publish_online_service")
    assert record["content"]["name"]["fr"] == "Mon Espace"


async def test_what_the_file_no_longer_names_stays(service: Running) -> None:
    before = await service.events()
    await install(service, [])
    assert await service.events() == before


async def test_a_service_cannot_be_taken_over_by_another_department(service: Running) -> None:
    before = await service.events()
    taken = installed_departments()
    taken[1]["online_services"], taken[0]["online_services"] = taken[0]["online_services"], []
    with pytest.raises(OnlineServiceOfAnotherDepartment):
        await install(service, taken)
    assert await service.events() == before


def _twice(departments: list[dict[str, Any]]) -> None:
    departments.append(copy.deepcopy(departments[0]))


def _unknown_identifier(departments: list[dict[str, Any]]) -> None:
    departments[0]["notice_identifiers"] = ["social-insurance-number"]


def _topic_breaking_code(departments: list[dict[str, Any]]) -> None:
    departments[0]["code"] = "revenu.quebec"


def _more(departments: list[dict[str, Any]]) -> None:
    departments[0]["grounds"] = "no such field"


@pytest.mark.parametrize("spoil", [_twice, _unknown_identifier, _topic_breaking_code, _more])
async def test_a_faulty_entry_installs_nothing(service: Running, spoil: Any) -> None:
    before = await service.events()
    departments = installed_departments()
    departments[2]["name"]["en"] = "Another"
    spoil(departments)
    with pytest.raises(ValidationError):
        await install(service, departments)
    assert await service.events() == before


async def test_the_catalogue_is_readable_by_those_whom_it_serves(file: File) -> None:
    for headers in (file.person(), file.user(), file.staff("support"), file.service.tokens.department("cnesst")):
        answer = await file.service.public.get("/v1/departments", headers=headers)
        assert answer.status_code == 200
        cnesst, *_ = answer.json()["departments"]
        assert cnesst["notice_identifiers"] == ["neq"]
        [mon_espace] = cnesst["online_services"]
        assert (mon_espace["code"], mon_espace["enrolment"]) == ("mon-espace", "automatic")
