from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.common.clock import civil_date, now
from libs.common.contracts.auth import SessionEnded
from libs.common.contracts.delegation import (
    AccessRight,
    AccessRightsChanged,
    PersonInChargeActivated,
    PersonInChargeReactivated,
    PersonInChargeSuspended,
    UserAdded,
    UserReactivated,
    UserRevoked,
    UserSuspended,
)
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.ids import new_id
from libs.common.key_files import read_key
from libs.common.pairwise import pairwise_id
from libs.common.settings import own_settings
from services.registry.notice.store import list_hearers_of_person
from services.registry.settings import RegistrySettings
from tests.integration.registry.applicant.steps import IDENTIFIERS, File, new_file, notices
from tests.kit import Running

ASSIGN = """
UPDATE outbox SET sequence = given.number, position = $2 * 1000000 + given.number
FROM (SELECT row_number, row_number() OVER (ORDER BY row_number) AS number FROM outbox WHERE topic = $1) AS given
WHERE outbox.row_number = given.row_number
"""


async def tell(file: File, event: Event) -> None:
    await file.service.deliver(event, publisher="delegation", partitionkey=applicant_key(file.applicant_id))


def person(file: File) -> dict[str, Any]:
    return {"applicant_id": file.applicant_id, "person_id": new_id(), "user_code_id": file.code}


async def pull(service: Running, code: str, *, by: str | None = None, query: str = "") -> httpx.Response:
    headers = service.tokens.department(by or code)
    return await service.public.get(f"/v1/departments/{code}/notices{query}", headers=headers)


async def test_a_department_that_is_not_enrolled_with_hears_nothing(file: File) -> None:
    await file.release(await file.hold())
    await file.cancel()
    await file.decide(await file.request_reactivation(), "accepted")
    assert await notices(file.service, "cnesst") == []
    assert await notices(file.service, "mtess") == []
    assert len(await notices(file.service, "revenu-quebec")) == 5


async def test_a_notice_names_the_applicant_by_the_identifiers_listed_and_no_more(file: File) -> None:
    await file.post("/enrolments", file.person(), {"online_service": "mon-espace"})
    await file.hold()
    [*_, (_, revenue)] = await notices(file.service, "revenu-quebec")
    [*_, (_, labour)] = await notices(file.service, "cnesst")
    assert revenue == {"applicant_id": str(file.applicant_id), "identifiers": IDENTIFIERS}
    assert labour == {"applicant_id": str(file.applicant_id), "identifiers": {"neq": IDENTIFIERS["neq"]}}


async def test_a_held_person_in_charge_is_told_pairwise_and_only_where_enrolled(file: File) -> None:
    await file.post("/enrolments", file.person(), {"online_service": "mon-espace"})
    await tell(file, PersonInChargeActivated(**person(file)))
    await tell(file, PersonInChargeSuspended(**person(file)))
    key = read_key(own_settings(file.service.settings, RegistrySettings).pairwise_key_file)
    heard = {}
    for department in ("revenu-quebec", "cnesst"):
        kind, notice = (await notices(file.service, department))[-1]
        assert kind == "person-suspended"
        assert notice["person"] == pairwise_id(key, department=department, user_code_id=file.code)
        heard[department] = notice["person"]
    assert len(set(heard.values())) == 2
    assert await notices(file.service, "mtess") == []
    assert str(file.code) not in str(await notices(file.service, "cnesst"))


async def test_a_person_held_by_delegation_is_refused_here_too_and_their_old_token_stays_dead(file: File) -> None:
    old = file.person()
    await tell(file, PersonInChargeSuspended(**person(file)))
    assert (await file.get("", old)).json()["code"] == "token-refused"
    assert (await file.get("", file.person(later=2))).json()["code"] == "access-suspended"
    await tell(file, PersonInChargeReactivated(**person(file)))
    assert (await file.get("", old)).json()["code"] == "token-refused"
    assert (await file.get("", file.person(later=2))).status_code == 200


async def test_a_user_held_or_revoked_by_delegation_is_refused_here_too(file: File) -> None:
    user = {"applicant_id": file.applicant_id, "user_id": new_id(), "user_code_id": file.code}
    for event, code in (
        (UserSuspended, "access-suspended"),
        (UserReactivated, None),
        (UserRevoked, "access-suspended"),
    ):
        old = file.person(later=2)
        await tell(file, event(**user))
        assert (await file.get("", file.person())).json()["code"] == "token-refused"
        assert (await file.get("", old)).json().get("code") == code


async def test_an_ended_session_is_refused(file: File) -> None:
    session_id = new_id()
    ended = SessionEnded(session_id=session_id, reason="signed-out")
    await file.service.deliver(ended, publisher="auth", partitionkey=applicant_key(file.applicant_id))
    assert (await file.get("", file.person(later=2, session_id=session_id))).json()["code"] == "access-suspended"
    assert (await file.get("", file.person())).status_code == 200


async def test_the_end_of_a_persons_suspension_is_told_to_whom_it_was_told_and_to_no_other(file: File) -> None:
    await tell(file, PersonInChargeReactivated(**person(file)))
    await tell(file, PersonInChargeSuspended(**person(file)))
    await tell(file, PersonInChargeSuspended(**person(file)))
    await file.post(
        "/enrolments",
        file.service.tokens.person_in_charge(file.applicant_id, new_id()),
        {"online_service": "mon-espace"},
    )
    await tell(file, PersonInChargeReactivated(**person(file)))
    assert [kind for kind, _ in await notices(file.service, "revenu-quebec")] == [
        "enrolment-activated",
        "person-suspended",
        "person-reactivated",
    ]
    assert [kind for kind, _ in await notices(file.service, "cnesst")] == ["enrolment-activated"]


async def hearers_of(file: File, user_code_id: UUID) -> list[str]:
    async with file.service.database.transaction() as tx:
        found = await list_hearers_of_person(
            tx, file.applicant_id, user_code_id=user_code_id, on=civil_date(now())
        )
    return [hearer.department for hearer in found]


async def test_a_user_concerns_only_departments_on_whose_services_a_right_is_in_force(file: File) -> None:
    await file.post("/enrolments", file.person(), {"online_service": "mon-espace"})
    user = {"applicant_id": file.applicant_id, "user_id": new_id(), "user_code_id": new_id()}
    today = civil_date(now())
    day = timedelta(days=1)

    async def with_rights(*rights: AccessRight) -> list[str]:
        await tell(file, AccessRightsChanged(**user, rights=list(rights)))
        return await hearers_of(file, user["user_code_id"])

    await tell(file, UserAdded(**user, given_name="A", family_name="B", language="fr", email="a@example.org"))
    assert await hearers_of(file, user["user_code_id"]) == []
    declare = {"online_service": "mon-espace", "task": "declare-wages"}
    assert await with_rights(AccessRight(**declare)) == ["cnesst"]
    assert await with_rights(AccessRight(**declare, starts_on=today, ends_on=today)) == ["cnesst"]
    assert await with_rights(AccessRight(**declare, ends_on=today - day)) == []
    assert await with_rights(AccessRight(**declare, starts_on=today + day)) == []
    assert await with_rights(AccessRight(online_service="clic-revenu", task="remit")) == ["revenu-quebec"]
    assert await with_rights() == []


async def test_a_department_pulls_its_own_notices_in_order_and_only_those_that_are_out(file: File) -> None:
    await file.release(await file.hold())
    assert (await pull(file.service, "revenu-quebec")).json() == {"notices": []}
    await file.service.database.execute(ASSIGN, "departments.revenu-quebec.notices", 1)
    await file.hold()
    page = (await pull(file.service, "revenu-quebec")).json()["notices"]
    assert [int(notice["sequence"]) for notice in page] == [1, 2, 3]
    assert [notice["type"].split(".")[1] for notice in page] == [
        "enrolment-activated",
        "access-suspended",
        "access-reactivated",
    ]
    assert {notice["source"] for notice in page} == {"urn:clicsequr:registry:departments.revenu-quebec.notices"}
    for notice in page:
        assert not {"actor", "correlationid", "causationid", "traceparent"} & set(notice)
    rest = (await pull(file.service, "revenu-quebec", query="?after_sequence=1&limit=1")).json()["notices"]
    assert [int(notice["sequence"]) for notice in rest] == [2]


@pytest.mark.parametrize("code", ["revenu-quebec", "nowhere"])
async def test_another_departments_notices_are_not_known(file: File, code: str) -> None:
    answer = await pull(file.service, code, by="cnesst")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-known")


async def test_nobody_but_a_department_pulls_notices(file: File) -> None:
    for headers in (file.person(), file.staff()):
        answer = await file.service.public.get("/v1/departments/cnesst/notices", headers=headers)
        assert answer.json()["code"] == "role-not-admitted"


async def test_one_applicants_suspension_is_no_notice_about_another(file: File) -> None:
    other = await new_file(file.service)
    await file.hold()
    about_other = [
        kind
        for kind, notice in await notices(file.service, "revenu-quebec")
        if notice["applicant_id"] == str(other.applicant_id)
    ]
    assert about_other == ["enrolment-activated"]
