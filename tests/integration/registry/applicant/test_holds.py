import asyncio

import pytest

from libs.common.ids import new_id
from tests.integration.registry.applicant.steps import HOLD, File, evidence, new_file, notices, published
from tests.kit import idempotent


async def test_an_active_registration_says_so_to_its_person_in_charge(file: File) -> None:
    answer = await file.get("", file.person())
    assert answer.status_code == 200
    assert answer.json()["state"] == "active"
    assert (answer.json()["lifted_by"], answer.json()["own_holds"]) == ([], [])


async def test_the_first_hold_suspends_and_tells_the_enrolled_department_once(file: File) -> None:
    await file.hold()
    await file.hold()
    assert (await published(file.service))[1:] == ["hold-placed", "access-suspended", "hold-placed"]
    told = await notices(file.service, "revenu-quebec")
    assert [kind for kind, _ in told] == ["enrolment-activated", "access-suspended"]
    state = await file.state()
    assert (state["state"], state["lifted_by"]) == ("suspended", ["provider"])


async def test_access_returns_only_when_the_last_hold_falls(file: File) -> None:
    own = await file.hold(file.person())
    other = await file.hold()
    since = (await file.state())["since"]
    assert (await file.release(own, file.recourse())).json()["state"] == "suspended"
    assert (await file.state())["since"] == since
    assert (await file.release(other)).json()["state"] == "active"
    assert (await published(file.service))[-3:] == ["hold-released", "hold-released", "access-reactivated"]
    assert [kind for kind, _ in await notices(file.service, "revenu-quebec")][1:] == [
        "access-suspended",
        "access-reactivated",
    ]


async def test_a_hold_is_released_by_its_own_side_alone(file: File) -> None:
    own, providers = await file.hold(file.person()), await file.hold()
    for hold_id, headers, side in ((providers, file.recourse(), "provider"), (own, file.staff(), "applicant")):
        answer = await file.release(hold_id, headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "hold-of-another-side")
        assert answer.json()["side"] == side
    assert (await file.state())["state"] == "suspended"


async def test_everyone_of_the_applicant_sees_who_can_lift_it_and_only_own_holds(file: File) -> None:
    own, providers = await file.hold(file.person()), await file.hold()
    for headers, held in (
        (file.recourse(), [own]),
        (file.staff(), [providers]),
        (file.user(later=2, scope="recourse"), []),
    ):
        answer = (await file.get("", headers)).json()
        assert answer["lifted_by"] == ["applicant", "provider"]
        assert [hold["hold_id"] for hold in answer["own_holds"]] == held


async def test_two_holds_at_the_same_moment_suspend_once(file: File) -> None:
    answers = await asyncio.gather(*(file.post("/holds", file.staff(), HOLD) for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    events = await published(file.service)
    assert (events.count("hold-placed"), events.count("access-suspended")) == (6, 1)
    assert [kind for kind, _ in await notices(file.service, "revenu-quebec")].count("access-suspended") == 1


async def test_releases_at_the_same_moment_give_access_back_once(file: File) -> None:
    holds = [await file.hold() for _ in range(4)]
    answers = await asyncio.gather(*(file.release(hold_id) for hold_id in holds + holds))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409] * 4
    events = await published(file.service)
    assert (events.count("hold-released"), events.count("access-reactivated")) == (4, 1)
    assert (await file.state())["state"] == "active"


async def test_a_released_or_unknown_hold_cannot_be_released(file: File) -> None:
    hold_id = await file.hold()
    assert (await file.release(hold_id)).status_code == 200
    assert (await file.release(hold_id)).json()["code"] == "hold-already-released"
    assert (await file.release(str(new_id()))).json()["code"] == "hold-not-found"


async def test_a_hold_of_another_applicant_is_unknown_here(file: File) -> None:
    hold_id = await (await new_file(file.service)).hold()
    assert (await file.release(hold_id)).json()["code"] == "hold-not-found"
    assert (await file.get(f"/holds/{hold_id}/grounds", file.staff())).json()["code"] == "hold-not-found"


@pytest.mark.parametrize("path", ["", "/enrolments"])
async def test_a_foreign_and_an_unknown_applicant_are_answered_alike(file: File, path: str) -> None:
    other = await new_file(file.service)
    for applicant in (other.applicant_id, new_id()):
        answer = await file.service.public.get(f"/v1/applicants/{applicant}{path}", headers=file.person())
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    unknown = await file.service.public.get(f"/v1/applicants/{new_id()}{path}", headers=file.staff())
    assert unknown.json()["code"] == "not-found"


@pytest.mark.parametrize("path", ["/holds", "/cancellation", "/reactivation-requests", "/enrolments"])
async def test_a_foreign_applicant_can_be_neither_held_nor_cancelled(file: File, path: str) -> None:
    other = await new_file(file.service)
    body = {"online_service": "mon-espace"} if path == "/enrolments" else HOLD
    answer = await other.post(path, file.person(), body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("path", ["/holds", "/cancellation", "/reactivation-requests", "/enrolments"])
async def test_a_user_may_not_change_the_registration(file: File, path: str) -> None:
    answer = await file.post(path, file.user(), HOLD)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")


async def test_staff_without_a_purpose_open_no_file(file: File) -> None:
    headers = file.staff()
    del headers["Clicsequr-Purpose"]
    for answer in (await file.get("", headers), await file.post("/holds", headers, HOLD)):
        assert (answer.status_code, answer.json()["code"]) == (400, "purpose-missing")


async def test_a_departments_own_staff_do_not_act_for_the_provider(file: File) -> None:
    hold_id = await file.hold()
    outsider = file.staff(side="cnesst")
    for answer in (
        await file.get("", outsider),
        await file.post("/holds", outsider, HOLD),
        await file.release(hold_id, outsider),
        await file.get(f"/holds/{hold_id}/grounds", outsider),
        await file.get("/enrolments", outsider),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
    assert await evidence(file.service, "read_grounds") == []


async def test_old_tokens_stay_dead_through_suspension_and_after_release(file: File) -> None:
    old = file.person()
    assert (await file.get("", old)).status_code == 200
    hold_id = await file.hold()
    assert (await file.get("", old)).json()["code"] == "token-refused"
    assert (await file.get("", file.person(later=2))).json()["code"] == "access-suspended"
    await file.release(hold_id)
    assert (await file.get("", old)).json()["code"] == "token-refused"
    assert (await file.get("", file.person(later=2))).status_code == 200


async def test_recourse_passes_only_where_it_helps(file: File) -> None:
    hold_id = await file.hold(file.person())
    assert (await file.get("", file.recourse())).status_code == 200
    for path, body in (("/holds", HOLD), ("/enrolments", {"online_service": "mon-espace"})):
        assert (await file.post(path, file.recourse(), body)).json()["code"] == "recourse-only"
    assert (await file.release(hold_id, file.recourse())).status_code == 200


async def test_a_repeated_hold_is_placed_once(file: File) -> None:
    headers = {**file.staff(agent_id=new_id()), **idempotent("k")}
    first, second = await file.post("/holds", headers, HOLD), await file.post("/holds", headers, HOLD)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["idempotency-replayed"] == "true"
    assert (await published(file.service)).count("hold-placed") == 1


async def test_a_hold_is_placed_however_old_the_facts_are(file: File) -> None:
    file.service.resources.freshness.fresh_as_of = {}
    assert (await file.get("", file.person())).json()["code"] == "facts-too-old"
    assert (await file.post("/holds", file.person(), HOLD)).status_code == 201


@pytest.mark.parametrize(
    "change", [{"reason_code": "Not a code"}, {"grounds": " "}, {"more": 1}, {"grounds": "x" * 4001}]
)
async def test_a_malformed_hold_is_refused(file: File, change: dict[str, object]) -> None:
    answer = await file.post("/holds", file.staff(), {**HOLD, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")


async def test_each_hold_and_release_leaves_evidence_of_who_and_what(file: File) -> None:
    hold_id = await file.hold(file.person())
    await file.release(hold_id, file.recourse())
    [placed] = await evidence(file.service, "place_hold")
    [released] = await evidence(file.service, "release_hold")
    for record in (placed, released):
        assert record["applicant_id"] == file.applicant_id
        assert record["user_code_id"] == file.code
        assert record["acr"] == "urn:clicsequr:acr:password"
        assert record["content"]["hold_id"] == hold_id
    assert (placed["content"]["state"], released["content"]["state"]) == ("suspended", "active")


async def test_standing_follows_in_the_same_transaction(file: File) -> None:
    query = (
        "SELECT state FROM standing WHERE subject_kind = 'applicant' AND subject_id = $1 AND source = 'registry'"
    )
    assert await file.service.database.fetchrow(query, str(file.applicant_id)) is None
    hold_id = await file.hold()
    states = [await file.service.database.fetchrow(query, str(file.applicant_id))]
    await file.release(hold_id)
    states.append(await file.service.database.fetchrow(query, str(file.applicant_id)))
    assert [row and row["state"] for row in states] == ["suspended", "active"]
