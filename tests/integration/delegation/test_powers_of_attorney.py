from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.common.clock import civil_date, now
from libs.common.contracts.registry import AccessReactivated, AccessSuspended
from libs.common.ids import new_id
from tests.integration.delegation.powers import add_power, as_owner
from tests.integration.delegation.world import Applicant, enrolled
from tests.kit import Running


def path(user_code_id: object) -> str:
    return f"/internal/v1/user-codes/{user_code_id}/represented-applicants"


async def represented(service: Running, user_code_id: object) -> list[dict[str, Any]]:
    headers = service.tokens.service("auth", "represented-applicants")
    answer = await service.internal.get(path(user_code_id), headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["represented_applicants"]
    return found


def code_of(applicant: Applicant, number: int = 0) -> UUID:
    return applicant.persons[number].user_code_id


async def test_a_person_in_charge_may_act_for_who_gave_their_applicant_a_power(service: Running) -> None:
    granting, firm = await enrolled(service), await enrolled(service)
    ends_on = civil_date(now())
    power_id = await add_power(service, granting=granting.id, applicant=firm.id, ends_on=ends_on)
    assert await represented(service, code_of(firm)) == [
        {
            "applicant_id": str(granting.id),
            "power_of_attorney_id": str(power_id),
            "name": "Boulangerie du Coin inc.",
            "number": "1234567890",
            "ends_on": ends_on.isoformat(),
        }
    ]
    assert await represented(service, code_of(granting)) == []


async def test_a_power_given_to_an_applicant_is_not_its_users(service: Running) -> None:
    granting, firm = await enrolled(service), await enrolled(service)
    user = await firm.new_user()
    await add_power(service, granting=granting.id, applicant=firm.id)
    assert await represented(service, user["user_code_id"]) == []
    power_id = await add_power(service, granting=granting.id, user_code=UUID(user["user_code_id"]))
    found = await represented(service, user["user_code_id"])
    assert [one["power_of_attorney_id"] for one in found] == [str(power_id)]


async def test_a_power_to_a_person_is_theirs_alone(service: Running) -> None:
    granting, firm = await enrolled(service), await enrolled(service)
    await add_power(service, granting=granting.id, user_code=code_of(firm))
    assert len(await represented(service, code_of(firm))) == 1
    assert await represented(service, code_of(firm, 1)) == []


async def test_a_power_that_is_over_revoked_or_of_tomorrow_is_not_told(service: Running) -> None:
    granting, firm = await enrolled(service), await enrolled(service)
    today = civil_date(now())
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    await add_power(service, granting=granting.id, applicant=firm.id, ends_on=yesterday)
    await add_power(service, granting=granting.id, applicant=firm.id, starts_on=tomorrow)
    await add_power(service, granting=granting.id, applicant=firm.id, revoked_at=now())
    assert await represented(service, code_of(firm)) == []


@pytest.mark.parametrize("side", [0, 1])
async def test_nobody_is_represented_while_either_side_is_suspended(service: Running, side: int) -> None:
    both = [await enrolled(service), await enrolled(service)]
    await add_power(service, granting=both[0].id, applicant=both[1].id)
    await both[side].tell(AccessSuspended(applicant_id=both[side].id))
    assert await represented(service, code_of(both[1])) == []
    await both[side].tell(AccessReactivated(applicant_id=both[side].id))
    assert len(await represented(service, code_of(both[1]))) == 1


async def test_a_held_person_represents_nobody(service: Running) -> None:
    granting, firm = await enrolled(service), await enrolled(service)
    await add_power(service, granting=granting.id, applicant=firm.id)
    await add_power(service, granting=granting.id, user_code=code_of(firm, 1))
    held = await firm.hold(firm.persons[1], firm.person())
    assert held.status_code == 201, held.text
    assert await represented(service, code_of(firm, 1)) == []
    assert len(await represented(service, code_of(firm))) == 1


async def test_an_unknown_code_represents_nobody(service: Running) -> None:
    assert await represented(service, new_id()) == []


async def test_only_auth_is_told(service: Running) -> None:
    firm = await enrolled(service)
    for headers in (
        service.tokens.service("mailbox", "addressees"),
        service.tokens.department("revenu-quebec"),
        firm.person(),
        service.tokens.agent("auditor"),
    ):
        refused = await service.internal.get(path(code_of(firm)), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "role-not-admitted")
    assert (await service.public.get(path(code_of(firm)))).status_code == 404


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("representing_applicant_id = NULL", "a_power_is_given_to_an_applicant_or_to_a_person"),
        ("representing_user_code_id = id", "a_power_is_given_to_an_applicant_or_to_a_person"),
        ("ends_on = starts_on - 1", "a_power_ends_no_earlier_than_it_starts"),
        ("granting_applicant_id = representing_applicant_id", "no_applicant_represents_itself"),
    ],
)
async def test_a_power_that_makes_no_sense_cannot_be_kept(service: Running, change: str, rule: str) -> None:
    await add_power(service, granting=new_id(), applicant=new_id())
    with pytest.raises(asyncpg.CheckViolationError, match=rule):
        await as_owner(service, f"UPDATE powers_of_attorney SET {change}")
