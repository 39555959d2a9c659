import asyncio
from typing import Any
from uuid import UUID

import pytest

from deploy.local.environment import Platform
from libs.common.contracts.registry import AccessSuspended
from libs.common.ids import new_id
from tests.integration.delegation.world import PASSWORD, Applicant, Auth, Person, delegation, enrolled
from tests.kit import Running, idempotent

RIGHT = {"online_service": "clic-revenu", "task": "remit"}


async def users_of(applicant: Applicant) -> list[dict[str, Any]]:
    answer = await applicant.service.public.get(applicant.path("users"), headers=applicant.person())
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["users"]
    return found


async def events_of_users(service: Running) -> list[tuple[str, dict[str, Any]]]:
    return [(kind, data) for kind, data in await service.events() if not kind.startswith("person-in-charge")]


async def test_a_person_in_charge_adds_a_user_and_is_shown_the_password_once(service: Running, auth: Auth) -> None:
    applicant = await enrolled(service)
    answer = await applicant.add_user(disclosure_to=["revenu-quebec"])
    added = answer.json()
    assert answer.status_code == 201
    assert (added["user_code"], added["one_time_password"]) == ("UC1", f"{PASSWORD}-1")
    assert added["codes_pending"] is False
    assert auth.asked == [
        (
            f"/internal/v1/user-codes/{added['user_code_id']}",
            {"applicant_id": str(applicant.id), "language": "en"},
        )
    ]
    kinds = [kind for kind, _ in await events_of_users(service)]
    assert kinds == ["user-added", "access-rights-changed", "disclosure-authorized"]
    [listed] = await users_of(applicant)
    assert listed["given_name"] == "Ugo"
    assert listed["rights"] == [
        {"online_service": "clic-revenu", "task": "file-returns", "starts_on": None, "ends_on": None}
    ]
    assert listed["disclosure_to"] == ["revenu-quebec"]
    assert listed["codes_pending"] is False


async def test_evidence_of_a_user_names_nobody_and_no_password_is_kept(service: Running) -> None:
    applicant = await enrolled(service)
    await applicant.add_user()
    evidence = await service.public.get(applicant.path("evidence-records"), headers=applicant.person())
    assert "add_user" in evidence.text
    for name in ("Ugo", "Gagnon", "ugo@example.org"):
        assert name not in evidence.text
    for table in ("idempotency_keys", "outbox", "evidence_records", "users", "access_records"):
        rows = await service.database.fetch(f"SELECT * FROM {table}")
        assert PASSWORD not in str([dict(row) for row in rows])


async def test_a_repeated_post_adds_one_user_and_shows_no_password_again(service: Running, auth: Auth) -> None:
    applicant = await enrolled(service)
    headers = applicant.person()
    first = await applicant.add_user(headers=headers, key="once")
    again = await applicant.add_user(headers=headers, key="once")
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**first.json(), "user_code": None, "one_time_password": None}
    assert len(await users_of(applicant)) == 1
    assert len(auth.asked) == 1
    other = await applicant.add_user(headers=headers, key="once", given_name="Eve")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")


async def test_twins_at_once_add_one_user(service: Running) -> None:
    applicant = await enrolled(service)
    headers = applicant.person()
    answers = await asyncio.gather(*(applicant.add_user(headers=headers, key="once") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["user_id"] for answer in answers}) == 1
    assert len(await users_of(applicant)) == 1


async def test_with_auth_away_the_user_stands_and_the_code_comes_with_the_repetition(
    service: Running, auth: Auth
) -> None:
    applicant = await enrolled(service)
    auth.is_away = True
    answer = await applicant.add_user()
    added = answer.json()
    assert answer.status_code == 201
    assert (added["codes_pending"], added["user_code"], added["one_time_password"]) == (True, None, None)
    assert (await users_of(applicant))[0]["codes_pending"] is True
    path = applicant.path("users", added["user_id"], "one-time-password")
    still_away = await service.public.post(path, headers=applicant.person())
    assert (still_away.status_code, still_away.json()["code"]) == (503, "service-unavailable")
    auth.is_away = False
    for number in (1, 2):
        repeated = await service.public.post(path, headers=applicant.person())
        assert repeated.status_code == 200
        assert repeated.json()["one_time_password"] == f"{PASSWORD}-{number}"
        assert repeated.json()["codes_pending"] is False
    assert (await users_of(applicant))[0]["codes_pending"] is False
    assert {path for path, _ in auth.asked} == {f"/internal/v1/user-codes/{added['user_code_id']}"}


@pytest.mark.parametrize(
    ("answered", "status", "code"),
    [
        ((409, {"code": "user-code-already-used"}), 409, "user-code-already-used"),
        ((409, {"code": "applicant-not-active"}), 409, "applicant-not-active"),
        ((404, {"code": "not-found"}), 503, "service-unavailable"),
        ((200, {"surprise": True}), 503, "service-unavailable"),
        ((500, {}), 503, "service-unavailable"),
    ],
)
async def test_what_auth_refuses_is_told_and_what_it_should_not_say_counts_as_away(
    service: Running, auth: Auth, answered: tuple[int, dict[str, Any]], status: int, code: str
) -> None:
    applicant = await enrolled(service)
    added = (await applicant.add_user()).json()
    auth.answer = answered
    path = applicant.path("users", added["user_id"], "one-time-password")
    repeated = await service.public.post(path, headers=applicant.person())
    assert (repeated.status_code, repeated.json()["code"]) == (status, code)


async def test_a_user_may_not_add_users_nor_see_or_change_them(service: Running) -> None:
    applicant = await enrolled(service)
    added = await applicant.new_user()
    headers = service.tokens.user(applicant.id, UUID(added["user_code_id"]))
    refused = await applicant.add_user(headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "role-not-admitted")
    assert (await service.public.get(applicant.path("users"), headers=headers)).status_code == 403
    rights = applicant.path("users", added["user_id"], "access-rights")
    assert (await service.public.put(rights, json={"rights": []}, headers=headers)).status_code == 403


async def test_a_held_person_in_charge_adds_nobody(service: Running) -> None:
    applicant = await enrolled(service)
    token = applicant.person(1)
    await applicant.hold(applicant.persons[1], applicant.person())
    refused = await applicant.add_user(headers=token)
    assert (refused.status_code, refused.json()["code"]) == (401, "token-refused")
    await service.database.execute("DELETE FROM standing")
    refused = await applicant.add_user(headers=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "access-suspended")
    assert await users_of(applicant) == []


async def test_no_user_is_added_for_an_applicant_not_known_as_active(service: Running, auth: Auth) -> None:
    applicant = Applicant(service, [Person()])
    unknown = await applicant.add_user()
    assert (unknown.status_code, unknown.json()["code"]) == (409, "applicant-not-active")
    active = await enrolled(service)
    await active.tell(AccessSuspended(applicant_id=active.id))
    await service.database.execute("DELETE FROM standing")
    suspended = await active.add_user()
    assert (suspended.status_code, suspended.json()["code"]) == (409, "applicant-not-active")
    assert auth.asked == []


async def test_a_token_of_somebody_who_is_no_person_in_charge_here_adds_nobody(service: Running) -> None:
    applicant = await enrolled(service)
    stranger = service.tokens.person_in_charge(applicant.id, new_id())
    refused = await applicant.add_user(headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (409, "person-in-charge-not-active")


async def test_the_number_of_users_is_bounded(platform: Platform, auth: Auth) -> None:
    async with delegation(platform, auth, users_per_applicant=1) as service:
        applicant = await enrolled(service)
        assert (await applicant.add_user()).status_code == 201
        refused = await applicant.add_user()
        assert (refused.status_code, refused.json()["code"]) == (409, "too-many-users")


async def test_users_of_another_applicant_do_not_exist(service: Running) -> None:
    mine, theirs = await enrolled(service), await enrolled(service)
    user = (await theirs.add_user()).json()["user_id"]
    for path in (mine.path, theirs.path):
        answers = [
            await service.public.put(
                path("users", user, "access-rights"), json={"rights": []}, headers=mine.person()
            ),
            await service.public.post(path("users", user, "one-time-password"), headers=mine.person()),
            await service.public.put(
                path("users", user, "disclosure-authorizations", "provider"), headers=mine.person()
            ),
            await service.public.delete(
                path("users", user, "disclosure-authorizations", "provider"), headers=mine.person()
            ),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
    foreign = await service.public.get(theirs.path("users"), headers=mine.person())
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not-found")


async def test_rights_are_replaced_as_a_whole_and_told_when_they_change(service: Running) -> None:
    applicant = await enrolled(service)
    user = (await applicant.add_user()).json()
    path = applicant.path("users", user["user_id"], "access-rights")
    before = len(await service.events())
    wanted = {"rights": [{**RIGHT, "starts_on": "2026-01-01", "ends_on": "2026-12-31"}]}
    for _ in range(2):
        answer = await service.public.put(path, json=wanted, headers=applicant.person())
        assert (answer.status_code, answer.json()) == (200, wanted)
    assert (await service.events())[before:] == [
        (
            "access-rights-changed",
            {
                "applicant_id": str(applicant.id),
                "user_id": user["user_id"],
                "user_code_id": user["user_code_id"],
                **wanted,
            },
        )
    ]
    answer = await service.public.put(path, json={"rights": []}, headers=applicant.person())
    assert answer.json() == {"rights": []}
    assert (await users_of(applicant))[0]["rights"] == []


@pytest.mark.parametrize(
    ("right", "status", "code"),
    [
        ({"online_service": "clic-revenu", "task": "fly"}, 404, "task-not-found"),
        ({"online_service": "nowhere", "task": "remit"}, 404, "task-not-found"),
        ({"online_service": "mon-espace", "task": "declare-wages"}, 409, "applicant-not-enrolled"),
        (
            {**RIGHT, "starts_on": "2026-02-02", "ends_on": "2026-02-01"},
            400,
            "right-ends-before-it-starts",
        ),
        ({**RIGHT, "starts_on": "2026-02-30"}, 422, "malformed-request"),
        ({**RIGHT, "task": "re\0mit"}, 422, "malformed-request"),
        ({**RIGHT, "until": "2026-02-01"}, 422, "malformed-request"),
        ({"task": "remit"}, 422, "malformed-request"),
    ],
)
async def test_a_right_that_cannot_be_given_is_refused_and_nothing_is_kept(
    service: Running, auth: Auth, right: dict[str, str], status: int, code: str
) -> None:
    applicant = await enrolled(service)
    refused = await applicant.add_user(rights=[right])
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    user = (await applicant.add_user()).json()
    path = applicant.path("users", user["user_id"], "access-rights")
    refused = await service.public.put(path, json={"rights": [right]}, headers=applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    [listed] = await users_of(applicant)
    assert [one["task"] for one in listed["rights"]] == ["file-returns"]
    assert len(auth.asked) == 1


async def test_a_right_listed_twice_is_refused(service: Running) -> None:
    applicant = await enrolled(service)
    refused = await applicant.add_user(rights=[RIGHT, {**RIGHT, "ends_on": "2026-12-31"}])
    assert (refused.status_code, refused.json()["code"]) == (400, "right-listed-twice")


@pytest.mark.parametrize(
    "changes",
    [
        {"given_name": "U\0go"},
        {"given_name": ""},
        {"family_name": "x" * 201},
        {"email": "nobody"},
        {"email": "a b@example.org"},
        {"language": "es"},
        {"password": "mine"},
        {"disclosure_to": ["Not A Code"]},
        {"rights": "all"},
    ],
)
async def test_a_malformed_user_is_refused(service: Running, changes: dict[str, Any]) -> None:
    applicant = await enrolled(service)
    refused = await applicant.add_user(**changes)
    assert (refused.status_code, refused.json()["code"]) == (422, "malformed-request")


async def test_adding_needs_an_idempotency_key(service: Running) -> None:
    applicant = await enrolled(service)
    refused = await service.public.post(applicant.path("users"), json={}, headers=applicant.person())
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency-key-missing")


async def test_staff_lists_users_only_for_a_purpose_and_from_the_providers_side(service: Running) -> None:
    applicant = await enrolled(service)
    await applicant.add_user()
    support = service.tokens.agent("support")
    assert (await service.public.get(applicant.path("users"), headers=support)).status_code == 200
    silent = {"Authorization": support["Authorization"]}
    refused = await service.public.get(applicant.path("users"), headers=silent)
    assert (refused.status_code, refused.json()["code"]) == (400, "purpose-missing")
    theirs = service.tokens.agent("support", side="cnesst")
    assert (await service.public.get(applicant.path("users"), headers=theirs)).status_code == 403
    added = await service.public.post(applicant.path("users"), json={}, headers={**support, **idempotent()})
    assert added.status_code == 403
