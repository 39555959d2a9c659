import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from libs.common.clock import now
from libs.common.errors import AccessSuspended
from libs.common.standing import set_standing
from services.registry.enrolment.commands import enrol
from tests.integration.registry.applicant.steps import (
    HOLD,
    IDENTIFIERS,
    File,
    evidence,
    notices,
    published,
    system_call,
)
from tests.kit import idempotent


async def enrolments(file: File) -> list[str]:
    answer = await file.get("/enrolments", file.staff("support"))
    return [enrolment["online_service"] for enrolment in answer.json()["enrolments"]]


async def ask(file: File, online_service: str, **headers: str) -> httpx.Response:
    body: dict[str, Any] = {"online_service": online_service}
    return await file.post("/enrolments", {**file.person(), **headers}, body)


async def test_activation_enrols_with_clic_revenu_and_nothing_else(file: File) -> None:
    assert await enrolments(file) == ["clic-revenu"]
    assert await published(file.service) == ["enrolment-activated"]
    assert len(await evidence(file.service, "activate_applicant")) == 1
    assert len(await evidence(file.service, "activate_enrolment")) == 1


async def test_an_automatic_service_is_active_at_once_and_its_department_alone_hears(file: File) -> None:
    before = await notices(file.service, "revenu-quebec")
    answer = await ask(file, "mon-espace")
    assert (answer.status_code, answer.json()["department"]) == (201, "cnesst")
    assert (await published(file.service))[-1] == "enrolment-activated"
    [(kind, notice)] = await notices(file.service, "cnesst")
    assert (kind, notice["online_service"]) == ("enrolment-activated", "mon-espace")
    assert notice["identifiers"] == {"neq": IDENTIFIERS["neq"]}
    assert await notices(file.service, "revenu-quebec") == before
    [_, record] = await evidence(file.service, "activate_enrolment")
    assert record["user_code_id"] == file.code


@pytest.mark.parametrize("online_service", ["subsidies", "no-such-service"])
async def test_a_service_that_its_department_decides_on_or_unknown_is_not_offered(
    file: File, online_service: str
) -> None:
    answer = await ask(file, online_service)
    assert (answer.status_code, answer.json()["code"]) == (404, "online-service-not-offered")


async def test_an_applicant_is_enrolled_once_with_a_service(file: File) -> None:
    assert (await ask(file, "clic-revenu")).json()["code"] == "already-enrolled"
    answers = await asyncio.gather(*(ask(file, "mon-espace") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await enrolments(file) == ["clic-revenu", "mon-espace"]


async def test_a_repeated_enrolment_is_answered_as_the_first(file: File) -> None:
    key = idempotent("k")
    first, second = await ask(file, "mon-espace", **key), await ask(file, "mon-espace", **key)
    assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())


async def test_enrolments_stay_through_suspension_and_cancellation(file: File) -> None:
    await ask(file, "mon-espace")
    await file.hold()
    await file.cancel()
    assert await enrolments(file) == ["clic-revenu", "mon-espace"]


async def test_an_enrolment_admitted_just_before_a_suspension_is_refused_under_the_lock(file: File) -> None:
    await file.hold()
    with pytest.raises(AccessSuspended):
        await enrol(
            file.service.database, system_call(), applicant_id=file.applicant_id, online_service="mon-espace"
        )
    assert await notices(file.service, "cnesst") == []


async def test_an_enrolment_and_a_suspension_at_the_same_moment_agree_on_who_hears(file: File) -> None:
    enrolled, _ = await asyncio.gather(ask(file, "mon-espace"), file.post("/holds", file.staff(), HOLD))
    told = [kind for kind, _ in await notices(file.service, "cnesst")]
    assert told == (["enrolment-activated", "access-suspended"] if enrolled.status_code == 201 else [])


async def test_others_objections_to_a_person_do_not_bar_the_applicant(file: File) -> None:
    async with file.service.database.transaction() as tx:
        past = now() - timedelta(minutes=1)
        await set_standing(tx, "user_code", file.code, source="auth", state="suspended", changed_at=past)
    assert (await ask(file, "mon-espace")).json()["code"] == "access-suspended"
    enrolled = await enrol(
        file.service.database, system_call(), applicant_id=file.applicant_id, online_service="mon-espace"
    )
    assert enrolled.state == "active"
