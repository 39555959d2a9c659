from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.common.clock import civil_date, now
from libs.common.ids import new_id
from tests.integration.delegation.world import Applicant, activated, enrolled
from tests.kit import Running


def authorization(applicant: Applicant, user: dict[str, Any], recipient: str) -> str:
    return applicant.path("users", user["user_id"], "disclosure-authorizations", recipient)


async def addressees(applicant: Applicant, *, confidential: bool, **changes: str) -> httpx.Response:
    service = applicant.service
    asked = {"department": "revenu-quebec", "online_service": "clic-revenu", **changes}
    return await service.internal.get(
        f"/internal/v1/applicants/{applicant.id}/addressees",
        params={**asked, "confidential": str(confidential).lower()},
        headers=service.tokens.service("mailbox", "addressees"),
    )


async def codes(applicant: Applicant, *, confidential: bool) -> set[str]:
    answer = await addressees(applicant, confidential=confidential)
    assert answer.status_code == 200, answer.text
    return {one["user_code_id"] for one in answer.json()["addressees"]}


async def is_disclosed(applicant: Applicant, user_code_id: object, department: str = "revenu-quebec") -> bool:
    service = applicant.service
    answer = await service.internal.get(
        f"/internal/v1/applicants/{applicant.id}/disclosure",
        params={"department": department, "user_code_id": str(user_code_id)},
        headers=service.tokens.service("mailbox", "addressees"),
    )
    assert answer.status_code == 200, answer.text
    disclosed: bool = answer.json()["disclosed"]
    return disclosed


async def test_disclosure_is_authorized_and_withdrawn_and_told_once(service: Running) -> None:
    applicant = await enrolled(service)
    user = await applicant.new_user(rights=[])
    before = len(await service.events())
    for recipient in ("revenu-quebec", "provider"):
        path = authorization(applicant, user, recipient)
        for method in ("PUT", "PUT", "DELETE", "DELETE"):
            answer = await service.public.request(method, path, headers=applicant.person())
            assert answer.status_code == 204, answer.text
    told = (await service.events())[before:]
    assert [(kind, data["recipient"]) for kind, data in told] == [
        ("disclosure-authorized", "revenu-quebec"),
        ("disclosure-withdrawn", "revenu-quebec"),
        ("disclosure-authorized", "provider"),
        ("disclosure-withdrawn", "provider"),
    ]
    assert {data["user_code_id"] for _, data in told} == {user["user_code_id"]}


@pytest.mark.parametrize(
    ("recipient", "status", "code"),
    [
        ("cnesst", 404, "recipient-not-found"),
        ("nobody", 404, "recipient-not-found"),
        ("Not%20A%20Code", 422, "malformed-request"),
        ("x%00y", 422, "malformed-request"),
    ],
)
async def test_disclosure_goes_only_to_whom_the_applicant_is_enrolled_with(
    service: Running, recipient: str, status: int, code: str
) -> None:
    applicant = await enrolled(service)
    user = await applicant.new_user()
    refused = await service.public.put(authorization(applicant, user, recipient), headers=applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_a_user_with_an_unknown_recipient_is_not_added(service: Running) -> None:
    applicant = await enrolled(service)
    refused = await applicant.add_user(disclosure_to=["cnesst"])
    assert (refused.status_code, refused.json()["code"]) == (404, "recipient-not-found")
    assert await service.database.fetch("SELECT 1 FROM users") == []


async def test_confidential_mail_goes_to_persons_in_charge_and_users_it_may_be_disclosed_to(
    service: Running,
) -> None:
    applicant = await enrolled(service)
    persons = {str(person.user_code_id) for person in applicant.persons}
    disclosed = await applicant.new_user(rights=[], disclosure_to=["revenu-quebec"])
    holder = await applicant.new_user(disclosure_to=["provider"])
    assert await codes(applicant, confidential=True) == persons | {disclosed["user_code_id"]}
    assert await codes(applicant, confidential=False) == persons | {holder["user_code_id"]}
    assert await is_disclosed(applicant, disclosed["user_code_id"])
    assert not await is_disclosed(applicant, holder["user_code_id"])
    assert await is_disclosed(applicant, holder["user_code_id"], "provider")
    assert await is_disclosed(applicant, applicant.persons[0].user_code_id)
    assert not await is_disclosed(applicant, new_id())
    path = authorization(applicant, disclosed, "revenu-quebec")
    await service.public.delete(path, headers=applicant.person())
    assert await codes(applicant, confidential=True) == persons
    assert not await is_disclosed(applicant, disclosed["user_code_id"])


async def test_a_right_that_has_ended_or_not_begun_brings_no_mail(service: Running) -> None:
    applicant = await enrolled(service)
    today = civil_date(now())
    persons = {str(person.user_code_id) for person in applicant.persons}
    right = {"online_service": "clic-revenu", "task": "remit"}
    yesterday, tomorrow = str(today - timedelta(days=1)), str(today + timedelta(days=1))
    await applicant.new_user(rights=[{**right, "ends_on": yesterday}])
    await applicant.new_user(rights=[{**right, "starts_on": tomorrow}])
    inside = await applicant.new_user(rights=[{**right, "starts_on": yesterday, "ends_on": tomorrow}])
    assert await codes(applicant, confidential=False) == persons | {inside["user_code_id"]}


async def test_a_held_person_in_charge_is_no_addressee(service: Running) -> None:
    applicant = await enrolled(service)
    await applicant.hold(applicant.persons[1], applicant.person())
    for confidential in (True, False):
        assert await codes(applicant, confidential=confidential) == {str(applicant.persons[0].user_code_id)}


async def test_the_addressees_of_an_applicant_not_enrolled_are_not_known(service: Running) -> None:
    applicant, stranger = await enrolled(service), await activated(service)
    answers = [
        await addressees(stranger, confidential=False),
        await addressees(applicant, confidential=False, department="cnesst", online_service="mon-espace"),
        await addressees(applicant, confidential=True, department="revenu-quebec", online_service="mon-espace"),
        await addressees(applicant, confidential=True, department="nobody"),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not-known")] * 4


async def test_addressees_are_for_services_with_that_purpose_alone(service: Running) -> None:
    applicant = await enrolled(service)
    for headers in (
        service.tokens.service("auth", "feeds"),
        service.tokens.department("revenu-quebec"),
        applicant.person(),
    ):
        answer = await service.internal.get(
            f"/internal/v1/applicants/{applicant.id}/disclosure",
            params={"department": "revenu-quebec", "user_code_id": str(UUID(int=1))},
            headers=headers,
        )
        assert answer.status_code == 403
