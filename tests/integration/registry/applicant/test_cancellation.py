import asyncio
from typing import Any

from libs.common.ids import new_id
from tests.integration.registry.applicant.steps import MARKER, File, evidence, new_file, notices, published
from tests.kit import idempotent


async def test_a_person_in_charge_cancels_and_the_enrolled_department_hears_by_whom(file: File) -> None:
    answer = await file.post("/cancellation", file.person())
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await published(file.service))[-1] == "registration-cancelled"
    kind, notice = (await notices(file.service, "revenu-quebec"))[-1]
    assert (kind, notice["cancelled_by"]) == ("registration-cancelled", "person_in_charge")
    state = await file.state()
    assert (state["cancelled_by"], state["lifted_by"]) == ("person_in_charge", ["provider"])


async def test_a_suspended_registration_can_be_cancelled(file: File) -> None:
    await file.hold()
    answer = await file.post("/cancellation", file.recourse())
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_a_cancelled_registration_cannot_be_cancelled_again(file: File) -> None:
    await file.cancel()
    answer = await file.post("/cancellation", file.recourse())
    assert (answer.status_code, answer.json()["code"]) == (409, "registration-already-cancelled")


async def test_a_repeated_cancellation_is_answered_as_the_first(file: File) -> None:
    await file.hold()
    key = idempotent("once")
    first = await file.post("/cancellation", {**file.recourse(), **key})
    second = await file.post("/cancellation", {**file.recourse(), **key})
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_cancelling_twice_at_the_same_moment_tells_once(file: File) -> None:
    token = file.person()
    answers = await asyncio.gather(*(file.post("/cancellation", token) for _ in range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    # Those whose admission came after the first commit meet the new standing, the others the lock.
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 409}
    assert (await published(file.service)).count("registration-cancelled") == 1


async def test_reactivation_is_requested_once_and_accepted_by_the_provider(file: File) -> None:
    await file.cancel()
    request_id = await file.request_reactivation()
    assert (await file.state())["reactivation_request"]["request_id"] == request_id
    twice = await file.post("/reactivation-requests", file.recourse())
    assert (twice.status_code, twice.json()["code"]) == (409, "reactivation-already-requested")
    assert (await file.decide(request_id, "accepted")).json()["state"] == "active"
    assert (await published(file.service))[-2:] == ["reactivation-requested", "registration-reactivated"]
    assert (await notices(file.service, "revenu-quebec"))[-1][0] == "registration-reactivated"
    assert (await file.get("", file.person(later=2))).json()["state"] == "active"


async def test_requests_at_the_same_moment_open_one(file: File) -> None:
    await file.cancel()
    token = file.recourse()
    answers = await asyncio.gather(*(file.post("/reactivation-requests", token) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await published(file.service)).count("reactivation-requested") == 1


async def test_a_refusal_leaves_it_cancelled_tells_no_department_and_allows_a_new_request(file: File) -> None:
    await file.cancel()
    told = await notices(file.service, "revenu-quebec")
    refused = await file.decide(await file.request_reactivation(), "refused")
    assert refused.json()["state"] == "cancelled"
    assert (await published(file.service))[-1] == "reactivation-refused"
    assert await notices(file.service, "revenu-quebec") == told
    assert await file.request_reactivation()


async def test_reactivation_with_a_hold_still_standing_gives_no_access_back(file: File) -> None:
    hold_id = await file.hold()
    await file.cancel()
    decided = await file.decide(await file.request_reactivation(), "accepted")
    assert decided.json()["state"] == "suspended"
    assert (await published(file.service))[-2:] == ["registration-reactivated", "access-suspended"]
    assert (await file.get("", file.person(later=2))).json()["code"] == "access-suspended"
    assert (await file.release(hold_id)).json()["state"] == "active"
    assert [kind for kind, _ in await notices(file.service, "revenu-quebec")] == [
        "enrolment-activated",
        "access-suspended",
        "registration-cancelled",
        "registration-reactivated",
        "access-suspended",
        "access-reactivated",
    ]


async def test_a_hold_released_while_cancelled_is_not_told_and_access_is_back_on_reactivation(file: File) -> None:
    hold_id = await file.hold(file.person())
    await file.cancel()
    assert (await file.release(hold_id, file.recourse())).json()["state"] == "cancelled"
    assert (await published(file.service))[-1] == "hold-released"
    assert (await file.decide(await file.request_reactivation(), "accepted")).json()["state"] == "active"
    assert (await published(file.service))[-1] == "registration-reactivated"


async def test_only_a_cancelled_registration_is_reactivated_on_request(file: File) -> None:
    for _ in range(2):
        answer = await file.post("/reactivation-requests", file.recourse())
        assert (answer.status_code, answer.json()["code"]) == (409, "registration-not-cancelled")
        await file.hold()


async def test_an_unknown_foreign_or_decided_request_cannot_be_decided(file: File) -> None:
    other = await new_file(file.service)
    await other.cancel()
    foreign = await other.request_reactivation()
    await file.cancel()
    mine = await file.request_reactivation()
    assert (await file.decide(mine, "refused")).status_code == 200
    for request_id in (str(new_id()), foreign, mine):
        answer = await file.decide(request_id, "accepted")
        assert (answer.status_code, answer.json()["code"]) == (404, "reactivation-request-not-open")


async def test_decisions_at_the_same_moment_are_one(file: File) -> None:
    await file.cancel()
    request_id = await file.request_reactivation()
    answers = await asyncio.gather(*(file.decide(request_id, "accepted") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    assert (await published(file.service)).count("registration-reactivated") == 1


async def test_the_person_in_charge_does_not_decide(file: File) -> None:
    await file.cancel()
    request_id = await file.request_reactivation()
    path = f"/reactivation-requests/{request_id}/decision"
    answer = await file.post(path, file.recourse(), {"decision": "accepted", "grounds": "because"})
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
    for headers in (file.staff("validator"), file.staff("auditor"), file.staff(side="cnesst")):
        assert (await file.post(path, headers, {"decision": "accepted", "grounds": "because"})).status_code == 403


async def test_cancelling_requesting_and_deciding_leave_evidence(file: File) -> None:
    await file.cancel()
    request_id = await file.request_reactivation()
    await file.decide(request_id, "refused")
    found: dict[str, dict[str, Any]] = {}
    for command in ("cancel_registration", "request_reactivation", "decide_reactivation"):
        [record] = await evidence(file.service, command)
        assert record["applicant_id"] == file.applicant_id
        found[command] = record
    assert found["cancel_registration"]["user_code_id"] == file.code
    assert found["request_reactivation"]["content"] == {"request_id": request_id}
    decided = found["decide_reactivation"]
    assert decided["actor"].startswith("agent:")
    assert (decided["content"]["decision"], decided["content"]["state"]) == ("refused", "cancelled")
    assert MARKER not in str(decided)
