from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.clock import civil_date, now
from libs.common.contracts.auth import UserCodeReactivated, UserCodeRevoked, UserCodeSuspended
from libs.common.contracts.envelope import department_key
from libs.common.contracts.registry import (
    AccessReactivated,
    AccessSuspended,
    OnlineServicePublished,
    PublishedTask,
    RegistrationCancelled,
    RegistrationReactivated,
)
from libs.common.ids import new_id
from tests.integration.delegation.world import Applicant, Person, activated, enrolled, evaluation, subject_of, text
from tests.kit import Running


async def reason(applicant: Applicant, user_code_id: UUID | str, **question: Any) -> tuple[bool, str]:
    answer = await applicant.ask(user_code_id, **question)
    assert answer.status_code == 200, answer.text
    return answer.json()["decision"], answer.json()["context"]["reason"]


async def test_a_person_in_charge_is_permitted_every_present_and_future_task(service: Running) -> None:
    """Clause 11."""
    applicant = await enrolled(service)
    code = applicant.persons[0].user_code_id
    for task in ("file-returns", "remit", "a-task-of-tomorrow"):
        assert await reason(applicant, code, task=task) == (True, "permitted-person-in-charge")
    tomorrow = OnlineServicePublished(
        department="revenu-quebec",
        code="successions",
        name=text("Successions"),
        tasks=[PublishedTask(code="declare", name=text("Declare"))],
    )
    await service.deliver(tomorrow, publisher="registry", partitionkey=department_key("revenu-quebec"))
    question = {"online_service": "successions", "task": "declare"}
    assert await reason(applicant, code, **question) == (False, "not-enrolled")
    await applicant.enrol("successions")
    assert await reason(applicant, code, **question) == (True, "permitted-person-in-charge")


async def test_a_user_is_permitted_what_their_rights_say_and_told_who_can_grant_the_rest(service: Running) -> None:
    applicant = await enrolled(service)
    user = await applicant.new_user()
    assert await reason(applicant, user["user_code_id"]) == (True, "permitted-right")
    refused = (await applicant.ask(user["user_code_id"], task="remit")).json()
    assert refused == {
        "decision": False,
        "context": {
            "reason": "missing-right",
            "missing": {"online_service": "clic-revenu", "task": "remit"},
            "granted_by": "person_in_charge",
        },
    }
    rights = applicant.path("users", user["user_id"], "access-rights")
    await service.public.put(rights, json={"rights": []}, headers=applicant.person())
    assert await reason(applicant, user["user_code_id"]) == (False, "missing-right")


async def test_the_dates_of_a_right_count_at_the_moment_of_asking(service: Running) -> None:
    applicant = await enrolled(service)
    today = civil_date(now())
    right = {"online_service": "clic-revenu", "task": "file-returns"}
    cases = [
        ({"starts_on": str(today + timedelta(days=2))}, (False, "right-not-started")),
        ({"ends_on": str(today - timedelta(days=2))}, (False, "right-ended")),
        (
            {"starts_on": str(today - timedelta(days=1)), "ends_on": str(today + timedelta(days=1))},
            (True, "permitted-right"),
        ),
    ]
    for dates, expected in cases:
        user = await applicant.new_user(rights=[{**right, **dates}])
        assert await reason(applicant, user["user_code_id"]) == expected


async def test_the_state_of_the_registration_bars_everybody_and_gives_back(service: Running) -> None:
    applicant = await enrolled(service)
    code = applicant.persons[0].user_code_id
    story = [
        (AccessSuspended(applicant_id=applicant.id), (False, "access-suspended")),
        (AccessReactivated(applicant_id=applicant.id), (True, "permitted-person-in-charge")),
        (
            RegistrationCancelled(applicant_id=applicant.id, cancelled_by="person_in_charge"),
            (False, "registration-cancelled"),
        ),
        (RegistrationReactivated(applicant_id=applicant.id), (True, "permitted-person-in-charge")),
    ]
    for event, expected in story:
        await applicant.tell(event)
        assert await reason(applicant, code) == expected


async def test_a_held_person_in_charge_is_denied_until_the_last_hold_falls(service: Running) -> None:
    applicant = await enrolled(service)
    peer = applicant.persons[1]
    placed = await applicant.hold(peer, applicant.person())
    assert await reason(applicant, peer.user_code_id) == (False, "person-suspended")
    await applicant.release(peer, placed.json()["hold_id"], applicant.person())
    assert await reason(applicant, peer.user_code_id) == (True, "permitted-person-in-charge")


async def test_what_a_department_may_not_hear_of_is_answered_byte_for_byte_the_same(service: Running) -> None:
    applicant, elsewhere = await enrolled(service), await activated(service)
    code = applicant.persons[0].user_code_id
    user = await applicant.new_user()
    answers = [
        await applicant.ask(code, online_service="mon-espace", task="declare-wages"),
        await applicant.ask(code, online_service="no-such-service"),
        await applicant.ask(code, department="cnesst", online_service="mon-espace", task="declare-wages"),
        await elsewhere.ask(elsewhere.persons[0].user_code_id),
        await applicant.ask(code, applicant=elsewhere.id),
        await applicant.ask(code, applicant=new_id()),
        await applicant.ask(new_id()),
        await applicant.ask(elsewhere.persons[0].user_code_id),
        await elsewhere.ask(user["user_code_id"]),
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.content for answer in answers} == {b'{"decision":false,"context":{"reason":"not-known"}}'}


async def test_the_pairwise_id_of_one_department_means_nothing_to_another(service: Running) -> None:
    applicant = await enrolled(service)
    await applicant.enrol("mon-espace", "cnesst")
    code = applicant.persons[0].user_code_id
    foreign = subject_of(service, code, department="revenu-quebec")
    body = evaluation(foreign, applicant=applicant.id, online_service="mon-espace", task="declare-wages")
    answer = await service.public.post(
        "/access/v1/evaluation", json=body, headers=service.tokens.department("cnesst")
    )
    assert answer.json()["context"]["reason"] == "not-known"
    assert await reason(applicant, code, department="cnesst", online_service="mon-espace") == (
        True,
        "permitted-person-in-charge",
    )


async def test_a_person_whose_code_or_designation_is_not_active_is_nobody_yet(service: Running) -> None:
    applicant = await enrolled(service)
    added = (await applicant.add_user()).json()
    assert await reason(applicant, added["user_code_id"]) == (False, "not-known")
    await applicant.activate_code(UUID(added["user_code_id"]))
    assert await reason(applicant, added["user_code_id"]) == (True, "permitted-right")
    pending = Person()
    await applicant.tell(pending.as_designated(applicant.id, awaits_form=True))
    await applicant.activate_code(pending.user_code_id)
    assert await reason(applicant, pending.user_code_id) == (False, "not-known")


async def test_unknown_members_are_passed_over_and_the_request_id_comes_back(service: Running) -> None:
    applicant = await enrolled(service)
    subject = subject_of(service, applicant.persons[0].user_code_id, department="revenu-quebec")
    body = evaluation(subject, applicant=applicant.id)
    body["subject"] |= {"properties": {"seat": "12A"}, "extra": [1]}
    body["action"] |= {"properties": {"method": "GET"}}
    body["resource"]["properties"] |= {"colour": "blue"}
    body |= {"context": {"time": "2026-03-10T15:00Z"}, "evaluations_semantic": "x"}
    headers = {**service.tokens.department("revenu-quebec"), "X-Request-ID": "bfe9eb29-ab87"}
    answer = await service.public.post("/access/v1/evaluation", json=body, headers=headers)
    assert (answer.status_code, answer.json()["decision"]) == (200, True)
    assert answer.headers["X-Request-ID"] == "bfe9eb29-ab87"


@pytest.mark.parametrize(("member", "kind"), [("subject", "organization"), ("resource", "file")])
async def test_a_kind_of_subject_or_resource_never_heard_of_is_not_known(
    service: Running, member: str, kind: str
) -> None:
    applicant = await enrolled(service)
    body = evaluation("anybody", applicant=applicant.id)
    body[member]["type"] = kind
    answer = await service.public.post(
        "/access/v1/evaluation", json=body, headers=service.tokens.department("revenu-quebec")
    )
    assert answer.json() == {"decision": False, "context": {"reason": "not-known"}}


def broken(**members: Any) -> dict[str, Any]:
    return {**evaluation("anybody", applicant=new_id()), **members}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        {},
        broken(subject=None),
        broken(subject={"type": "person", "id": 12}),
        broken(subject={"type": "person", "id": "a\0b"}),
        broken(subject={"type": "person", "id": ""}),
        broken(subject={"type": "person", "id": "x" * 201}),
        broken(subject={"type": "person", "id": "x", "properties": "none"}),
        broken(action={"name": ["file-returns"]}),
        broken(action={}),
        broken(resource={"type": "online_service", "id": "clic-revenu"}),
        broken(resource={"type": "online_service", "id": "clic-revenu", "properties": {"applicant": "me"}}),
        broken(resource={"type": "online_service", "id": "clic-revenu", "properties": {"applicant": 7}}),
        broken(context=[]),
    ],
)
async def test_a_question_that_cannot_be_read_is_a_bad_request(
    service: Running, body: bytes | dict[str, Any]
) -> None:
    headers = service.tokens.department("revenu-quebec")
    sent: dict[str, Any] = {"json": body} if isinstance(body, dict) else {"content": body}
    answer = await service.public.post("/access/v1/evaluation", headers=headers, **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "evaluation-not-understood")


async def test_the_access_record_of_a_question_names_the_applicant(service: Running) -> None:
    applicant = await enrolled(service)
    await applicant.ask(applicant.persons[0].user_code_id)
    rows = await service.database.fetch(
        "SELECT applicant_id, outcome FROM access_records WHERE actor = 'department:revenu-quebec'"
    )
    assert [(row["applicant_id"], row["outcome"]) for row in rows] == [(applicant.id, "admitted")]


async def test_only_departments_ask_and_only_while_facts_are_fresh(service: Running) -> None:
    applicant = await enrolled(service)
    body = evaluation("anybody", applicant=applicant.id)
    for headers in (applicant.person(), service.tokens.agent("decider"), service.tokens.service("x", "feeds")):
        answer = await service.public.post("/access/v1/evaluation", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
    service.resources.freshness.fresh_as_of.clear()
    stale = await applicant.ask(applicant.persons[0].user_code_id)
    assert (stale.status_code, stale.json()["code"]) == (503, "facts-too-old")


async def test_a_person_whose_code_auth_suspended_is_refused_until_it_says_otherwise(service: Running) -> None:
    applicant = await enrolled(service)
    code = applicant.persons[0].user_code_id
    about = {"applicant_id": applicant.id, "user_code_id": code}
    for event in (UserCodeSuspended(**about, leaves_recourse=True), UserCodeSuspended(**about)):
        await applicant.tell(event, publisher="auth")
        assert await reason(applicant, code) == (False, "person-suspended")
    await applicant.tell(UserCodeReactivated(**about), publisher="auth")
    assert await reason(applicant, code) == (True, "permitted-person-in-charge")
    await applicant.tell(UserCodeRevoked(**about), publisher="auth")
    assert await reason(applicant, code) == (False, "person-suspended")
