import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.ids import new_id
from services.mailbox.app import SERVICE
from tests.integration.mailbox.boxes import (
    BODY,
    DEPARTMENT,
    MESSAGE,
    SUBJECT,
    Boxes,
    Dripping,
    refused_connection,
    too_slow,
)
from tests.kit import Through, idempotent, running

STORED = ("messages", "deliveries", "mailboxes", "outbox", "evidence_records", "idempotency_keys")


async def assert_nothing_stored(boxes: Boxes) -> None:
    assert {table: await boxes.count(table) for table in STORED} == dict.fromkeys(STORED, 0)


async def test_a_message_stands_in_the_box_of_each_addressee(boxes: Boxes) -> None:
    answer = await boxes.send()
    assert answer.status_code == 201
    assert answer.json()["addressees"] == 2
    events = await boxes.service.events()
    assert [name for name, _ in events] == ["message-delivered", "message-delivered"]
    assert {facts["user_code_id"] for _, facts in events} == {str(boxes.person), str(boxes.user)}
    for headers in (boxes.as_person(), boxes.as_user()):
        [listed] = (await boxes.read(headers)).json()["messages"]
        assert listed["message_id"] == answer.json()["message_id"]


async def test_sending_is_evidence_of_what_was_sent_by_hash_and_to_whom(boxes: Boxes) -> None:
    message_id = await boxes.sent(needs_confirmation=True)
    [evidence] = await boxes.evidence("send-message")
    assert evidence["actor"] == f"department:{DEPARTMENT}"
    assert evidence["applicant_id"] == boxes.delegation.applicant_id
    assert evidence["content"] == {
        "message_id": message_id,
        "sender": DEPARTMENT,
        "online_service": "clic-revenu",
        "confidential": True,
        "needs_confirmation": True,
        "content_sha256": hashlib.sha256(f"{SUBJECT}\n{BODY}".encode()).hexdigest(),
        "user_code_ids": sorted([str(boxes.person), str(boxes.user)]),
    }


@pytest.mark.parametrize("confidential", [True, False])
async def test_delegation_is_asked_for_this_department_service_and_confidentiality(
    boxes: Boxes,
    confidential: bool,  # noqa: FBT001 - a parameter
) -> None:
    await boxes.sent(confidential=confidential)
    [asked] = boxes.delegation.asked
    assert asked.url.path == f"/internal/v1/applicants/{boxes.delegation.applicant_id}/addressees"
    assert dict(asked.url.params) == {
        "department": DEPARTMENT,
        "online_service": "clic-revenu",
        "confidential": str(confidential).lower(),
    }
    assert asked.headers["clicsequr-first-actor"] == f"department:{DEPARTMENT}"
    assert asked.headers["x-correlation-id"]


@pytest.mark.parametrize(
    "away",
    [
        refused_connection,
        too_slow,
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(503),
        lambda _: httpx.Response(401),
        lambda _: httpx.Response(403, json={"code": "role-not-admitted"}),
        lambda _: httpx.Response(200, content=b"<html>"),
        lambda _: httpx.Response(200, json={"addressees": [{"user_code_id": "nobody", "language": "fr"}]}),
    ],
    ids=["refused", "slow", "500", "503", "401", "403", "not-json", "not-understood"],
)
async def test_while_delegation_is_away_nothing_is_stored(
    boxes: Boxes, away: Callable[[httpx.Request], httpx.Response]
) -> None:
    boxes.delegation.away = away
    answer = await boxes.send()
    assert (answer.status_code, answer.json()["code"]) == (503, "service-unavailable")
    assert answer.headers["retry-after"]
    await assert_nothing_stored(boxes)


async def test_while_auth_gives_no_token_nothing_is_stored(platform: Platform) -> None:
    async with running(SERVICE, platform) as service:
        answer = await service.public.post(
            f"/v1/applicants/{new_id()}/messages",
            json=MESSAGE,
            headers={**service.tokens.department(DEPARTMENT), **idempotent()},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "service-unavailable")


async def test_an_answer_that_never_ends_is_given_up_at_the_deadline(platform: Platform) -> None:
    async with running(SERVICE, platform, outbound_timeout_seconds=0.3) as service:
        service.resources.service_calls.pool = Through(Dripping())
        async with asyncio.timeout(5):
            answer = await service.public.post(
                f"/v1/applicants/{new_id()}/messages",
                json=MESSAGE,
                headers={**service.tokens.department(DEPARTMENT), **idempotent()},
            )
        assert (answer.status_code, answer.json()["code"]) == (503, "service-unavailable")


@pytest.mark.parametrize(
    "asked",
    [{"applicant_id": new_id()}, {"department": "cnesst"}, {"online_service": "mon-espace"}],
    ids=["an-applicant-not-enrolled", "a-department-that-does-not-own-the-service", "a-service-of-another"],
)
async def test_what_is_not_the_departments_is_answered_in_one_way(boxes: Boxes, asked: dict[str, Any]) -> None:
    answer = await boxes.send(**asked)
    assert answer.status_code == 404
    problem = answer.json()
    problem.pop("correlation_id")
    assert problem == {
        "type": "urn:clicsequr:problem:not-known",
        "title": "Not Found",
        "status": 404,
        "code": "not-known",
        "detail": "Ceci ne vous est pas connu.",
    }
    await assert_nothing_stored(boxes)


async def test_a_message_that_nobody_may_receive_is_refused_and_not_stored(boxes: Boxes) -> None:
    boxes.delegation.user_code_ids = []
    answer = await boxes.send()
    assert (answer.status_code, answer.json()["code"]) == (409, "no-addressee")
    await assert_nothing_stored(boxes)


async def test_an_addressee_who_is_named_twice_gets_the_message_once(boxes: Boxes) -> None:
    boxes.delegation.user_code_ids = [boxes.person, boxes.person]
    assert (await boxes.send()).json()["addressees"] == 1


async def test_a_refused_sending_may_be_tried_again_under_the_same_key(boxes: Boxes) -> None:
    boxes.delegation.away = refused_connection
    await boxes.send(key="k")
    boxes.delegation.away = None
    answer = await boxes.send(key="k")
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


async def test_a_repeated_sending_gets_the_first_answer_even_while_delegation_is_away(boxes: Boxes) -> None:
    first = await boxes.send(key="k")
    boxes.delegation.away = refused_connection
    second = await boxes.send(key="k")
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotency-replayed"] == "true"
    assert len(boxes.delegation.asked) == 1


async def test_a_repeated_sending_gets_the_first_answer_even_when_others_would_receive_now(boxes: Boxes) -> None:
    first = await boxes.send(key="k")
    boxes.delegation.user_code_ids = []
    assert (await boxes.send(key="k")).json() == first.json()
    assert await boxes.count("messages") == 1


async def test_a_key_that_was_used_for_another_message_is_refused(boxes: Boxes) -> None:
    await boxes.sent(key="k")
    answer = await boxes.send(key="k", body="another")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    assert await boxes.count("messages") == 1


async def test_twins_at_the_same_moment_send_one_message(boxes: Boxes) -> None:
    answers = await asyncio.gather(*(boxes.send(key="twin") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    assert await boxes.count("messages") == 1
    assert len(await boxes.service.events()) == 2


async def test_two_departments_may_use_the_same_key(boxes: Boxes) -> None:
    await boxes.sent(key="k")
    answer = await boxes.send(key="k", department="cnesst")
    assert answer.json()["code"] == "not-known"


async def test_a_sending_needs_an_idempotency_key(boxes: Boxes) -> None:
    answer = await boxes.service.public.post(
        f"/v1/applicants/{boxes.delegation.applicant_id}/messages", json=MESSAGE, headers=boxes.department()
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


async def test_only_a_department_sends(boxes: Boxes) -> None:
    tokens = boxes.service.tokens
    for headers in (
        boxes.as_person(),
        boxes.as_user(),
        tokens.agent("support"),
        tokens.service("registry", "feeds"),
    ):
        answer = await boxes.service.public.post(
            f"/v1/applicants/{boxes.delegation.applicant_id}/messages",
            json=MESSAGE,
            headers={**headers, **idempotent()},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")
    await assert_nothing_stored(boxes)


@pytest.mark.parametrize(
    "members",
    [
        {"subject": "nul \0 here"},
        {"body": "nul \0 here"},
        {"subject": "two\nlines"},
        {"subject": ""},
        {"subject": "   "},
        {"subject": "a" * 201},
        {"body": ""},
        {"body": "a" * 50_001},
        {"online_service": ""},
        {"online_service": "Clic Revenu"},
        {"online_service": "a" * 65},
        {"confidential": None},
        {"language": "es"},
        {"copy_to": "everybody"},
        {"sender": "cnesst"},
    ],
    ids=lambda members: f"{next(iter(members))}-{str(next(iter(members.values())))[:12]!r}",
)
async def test_a_malformed_message_is_refused_without_quoting_it(boxes: Boxes, members: dict[str, Any]) -> None:
    answer = await boxes.send(**members)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")
    assert "marker" not in answer.text
    assert boxes.delegation.asked == []
    await assert_nothing_stored(boxes)


@pytest.mark.parametrize("text", ['"lone \\ud800"', '"lone \\udfff"'])
async def test_text_that_is_no_unicode_is_refused(boxes: Boxes, text: str) -> None:
    content = f'{{"online_service": "clic-revenu", "subject": "a", "body": {text}, "confidential": false}}'
    answer = await boxes.service.public.post(
        f"/v1/applicants/{boxes.delegation.applicant_id}/messages",
        content=content,
        headers={**boxes.department(), **idempotent(), "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")


async def test_the_longest_message_arrives_whole(boxes: Boxes) -> None:
    body = "é" * 49_999 + "\U0001f4ec"
    message_id = await boxes.sent(subject="é" * 200, body=body)
    opened = await boxes.open(message_id, boxes.as_person())
    assert opened.json()["body"] == body
