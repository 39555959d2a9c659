import asyncio
import hashlib
import logging
from datetime import datetime
from uuid import UUID

import httpx
import pytest

from libs.common.clock import now
from libs.common.contracts.auth import SessionEnded, UserCodeSuspended
from libs.common.contracts.delegation import PersonInChargeSuspended
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import AccessSuspended, RegistrationCancelled
from libs.common.ids import new_id
from tests.integration.mailbox.boxes import BODY, SUBJECT, Boxes, everything_logged, refused_connection

OTHER_TABLES = """
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name <> 'messages'
"""


async def opened_events(boxes: Boxes) -> list[str]:
    return [facts["user_code_id"] for name, facts in await boxes.service.events() if name == "message-opened"]


async def test_the_list_tells_who_wrote_when_and_whether_it_was_opened(boxes: Boxes) -> None:
    message_id = await boxes.sent(needs_confirmation=True, language="en")
    [listed] = (await boxes.read(boxes.as_person())).json()["messages"]
    assert datetime.fromisoformat(listed.pop("received_at")) <= now()
    assert listed == {
        "message_id": message_id,
        "sender": "revenu-quebec",
        "online_service": "clic-revenu",
        "subject": SUBJECT,
        "language": "en",
        "confidential": True,
        "needs_confirmation": True,
        "opened_at": None,
        "confirmed_at": None,
    }


async def test_listing_opens_nothing(boxes: Boxes) -> None:
    await boxes.sent()
    await boxes.read(boxes.as_person())
    assert await opened_events(boxes) == []


async def test_a_user_sees_the_subject_of_a_confidential_message_only_by_opening_it(boxes: Boxes) -> None:
    confidential = await boxes.sent()
    open_to_all = await boxes.sent(confidential=False)
    listed = (await boxes.read(boxes.as_user())).json()["messages"]
    assert [(one["message_id"], one["subject"]) for one in listed] == [
        (open_to_all, SUBJECT),
        (confidential, None),
    ]
    assert (await boxes.open(confidential, boxes.as_user())).json()["subject"] == SUBJECT


async def test_the_list_is_read_page_by_page_newest_first(boxes: Boxes) -> None:
    sent = [await boxes.sent(subject=f"number {number}") for number in range(5)]
    read: list[str] = []
    before = ""
    while True:
        page = (await boxes.read(boxes.as_person(), f"?limit=2{before}")).json()
        read += [one["message_id"] for one in page["messages"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert read == sent[::-1]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?before=nothing"])
async def test_a_page_that_cannot_be_is_malformed(boxes: Boxes, query: str) -> None:
    answer = await boxes.read(boxes.as_person(), query)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")


async def test_the_first_opening_is_the_receipt_and_proof_that_it_was_read(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    first = (await boxes.open(message_id, boxes.as_person())).json()
    second = (await boxes.open(message_id, boxes.as_person())).json()
    assert (first["subject"], first["body"]) == (SUBJECT, BODY)
    assert first["opened_at"] == second["opened_at"]
    assert await opened_events(boxes) == [str(boxes.person)]
    [evidence] = await boxes.evidence("open-message")
    assert evidence["user_code_id"] == boxes.person
    assert evidence["acr"] == "urn:clicsequr:acr:password"
    assert evidence["content"] == {
        "message_id": message_id,
        "content_sha256": hashlib.sha256(f"{SUBJECT}\n{BODY}".encode()).hexdigest(),
    }


async def test_openings_at_the_same_moment_give_one_receipt(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    answers = await asyncio.gather(*(boxes.open(message_id, boxes.as_person()) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["opened_at"] for answer in answers}) == 1
    assert await opened_events(boxes) == [str(boxes.person)]
    assert len(await boxes.evidence("open-message")) == 1


async def test_each_addressee_has_a_receipt_of_their_own(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    await boxes.open(message_id, boxes.as_person())
    [of_user] = (await boxes.read(boxes.as_user())).json()["messages"]
    assert of_user["opened_at"] is None


async def test_a_message_of_another_box_is_answered_like_an_unknown_one(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    tokens = boxes.service.tokens
    same_applicant = tokens.person_in_charge(boxes.delegation.applicant_id, new_id())
    other_applicant = tokens.person_in_charge(new_id(), boxes.person)
    for headers in (same_applicant, other_applicant):
        answers = [await boxes.open(message_id, headers), await boxes.open(new_id(), headers)]
        answers += [await boxes.confirm(message_id, headers), await boxes.confirm(new_id(), headers)]
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.json()["code"] for answer in answers} == {"not-found"}
        assert (await boxes.read(headers)).json() == {"messages": [], "next": None}
    assert await opened_events(boxes) == []


async def test_a_department_and_an_agent_read_no_box(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    for headers in (boxes.department(), boxes.service.tokens.agent("auditor")):
        for answer in (await boxes.read(headers), await boxes.open(message_id, headers)):
            assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")


async def test_a_user_whose_disclosure_stands_opens_a_confidential_message(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    assert (await boxes.open(message_id, boxes.as_user())).json()["body"] == BODY
    asked = boxes.delegation.asked[-1]
    assert asked.url.path.endswith("/disclosure")
    assert dict(asked.url.params) == {"department": "revenu-quebec", "user_code_id": str(boxes.user)}


async def test_a_withdrawn_disclosure_closes_a_confidential_message_also_once_opened(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    await boxes.open(message_id, boxes.as_user())
    boxes.delegation.disclosed = False
    answer = await boxes.open(message_id, boxes.as_user())
    assert (answer.status_code, answer.json()["code"]) == (403, "disclosure-withdrawn")
    assert "marker" not in answer.text


async def test_a_withdrawn_disclosure_leaves_no_receipt(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    boxes.delegation.disclosed = False
    await boxes.open(message_id, boxes.as_user())
    assert await opened_events(boxes) == []


async def test_an_applicant_no_longer_enrolled_has_no_disclosure_that_stands(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    boxes.delegation.away = lambda _: httpx.Response(404, json={"code": "not-known"})
    assert (await boxes.open(message_id, boxes.as_user())).json()["code"] == "disclosure-withdrawn"


async def test_while_delegation_is_away_a_user_opens_nothing_confidential(boxes: Boxes) -> None:
    confidential, open_to_all = await boxes.sent(), await boxes.sent(confidential=False)
    boxes.delegation.away = refused_connection
    answer = await boxes.open(confidential, boxes.as_user())
    assert (answer.status_code, answer.json()["code"]) == (503, "service-unavailable")
    assert await opened_events(boxes) == []
    assert (await boxes.open(open_to_all, boxes.as_user())).status_code == 200


async def test_a_person_in_charge_reads_whether_or_not_delegation_is_away(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    boxes.delegation.away = refused_connection
    assert (await boxes.open(message_id, boxes.as_person())).json()["body"] == BODY


@pytest.mark.parametrize("held", [True, False], ids=["suspended", "cancelled"])
async def test_in_recourse_the_box_stays_open_and_nothing_is_confirmed(boxes: Boxes, held: bool) -> None:  # noqa: FBT001
    message_id = await boxes.sent(needs_confirmation=True)
    applicant = boxes.delegation.applicant_id
    event = (
        AccessSuspended(applicant_id=applicant)
        if held
        else RegistrationCancelled(applicant_id=applicant, cancelled_by="applicant")
    )
    await boxes.service.deliver(
        event, publisher="registry", partitionkey=applicant_key(applicant), time="2026-01-01T00:00:00Z"
    )
    ordinary = await boxes.open(message_id, boxes.as_person())
    assert (ordinary.status_code, ordinary.json()["code"]) == (403, "access-suspended")
    recourse = boxes.as_person(scope="recourse")
    assert len((await boxes.read(recourse)).json()["messages"]) == 1
    assert (await boxes.open(message_id, recourse)).json()["body"] == BODY
    assert (await boxes.confirm(message_id, recourse)).json()["code"] == "recourse-only"


async def test_a_held_person_and_an_ended_session_read_nothing(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    applicant, session_id = boxes.delegation.applicant_id, new_id()
    ended = SessionEnded(session_id=session_id, reason="signed-out", applicant_id=applicant)
    held = PersonInChargeSuspended(applicant_id=applicant, person_id=new_id(), user_code_id=boxes.person)
    await boxes.service.deliver(ended, publisher="auth", partitionkey=applicant_key(applicant))
    answer = await boxes.open(message_id, boxes.as_person(session_id=session_id))
    assert answer.json()["code"] == "token-refused"
    await boxes.service.deliver(
        held, publisher="delegation", partitionkey=applicant_key(applicant), time="2026-01-01T00:00:00Z"
    )
    answer = await boxes.open(message_id, boxes.as_person(scope="recourse"))
    assert answer.json()["code"] == "access-suspended"


async def test_a_code_held_for_disuse_reads_in_recourse_and_under_any_other_hold_not_at_all(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    applicant = boxes.delegation.applicant_id
    recourse, ordinary = boxes.as_person(scope="recourse"), boxes.as_person()
    for leaves_recourse, statuses in ((True, (200, 403)), (False, (403, 403))):
        held = UserCodeSuspended(
            applicant_id=applicant, user_code_id=boxes.person, leaves_recourse=leaves_recourse
        )
        await boxes.service.deliver(
            held, publisher="auth", partitionkey=applicant_key(applicant), time="2026-01-01T00:00:00Z"
        )
        answers = [await boxes.open(message_id, headers) for headers in (recourse, ordinary)]
        assert tuple(answer.status_code for answer in answers) == statuses


async def test_a_message_still_arrives_while_access_is_suspended(boxes: Boxes) -> None:
    applicant = boxes.delegation.applicant_id
    await boxes.service.deliver(
        AccessSuspended(applicant_id=applicant), publisher="registry", partitionkey=applicant_key(applicant)
    )
    assert (await boxes.send()).status_code == 201


async def test_a_confirmation_that_is_asked_for_is_given_once(boxes: Boxes) -> None:
    message_id = await boxes.sent(needs_confirmation=True)
    await boxes.open(message_id, boxes.as_person())
    answers = await asyncio.gather(*(boxes.confirm(message_id, boxes.as_person()) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    confirmed = [facts for name, facts in await boxes.service.events() if name == "message-confirmed"]
    assert [facts["user_code_id"] for facts in confirmed] == [str(boxes.person)]
    assert len(await boxes.evidence("confirm-message")) == 1


async def test_a_confirmation_that_is_not_asked_for_is_refused(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    await boxes.open(message_id, boxes.as_person())
    answer = await boxes.confirm(message_id, boxes.as_person())
    assert (answer.status_code, answer.json()["code"]) == (409, "confirmation-not-asked")


async def test_a_message_is_not_confirmed_unread(boxes: Boxes) -> None:
    message_id = await boxes.sent(needs_confirmation=True)
    answer = await boxes.confirm(message_id, boxes.as_person())
    assert (answer.status_code, answer.json()["code"]) == (409, "message-not-opened")


async def test_the_sender_learns_how_many_opened_and_when_but_never_who(boxes: Boxes) -> None:
    message_id = await boxes.sent(needs_confirmation=True)
    opened_at = (await boxes.open(message_id, boxes.as_person())).json()["opened_at"]
    await boxes.open(message_id, boxes.as_user())
    confirmed_at = (await boxes.confirm(message_id, boxes.as_person())).json()["confirmed_at"]
    receipts = (await boxes.receipts(message_id)).json()
    assert (receipts["delivered"], receipts["opened"], receipts["confirmed"]) == (2, 2, 1)
    assert receipts["opened_at"][0] == opened_at
    assert receipts["confirmed_at"] == [confirmed_at]
    assert str(boxes.person) not in str(receipts)
    assert str(boxes.user) not in str(receipts)


async def test_another_department_learns_nothing_of_a_message(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    foreign, unknown = await boxes.receipts(message_id, "cnesst"), await boxes.receipts(new_id())
    assert {(answer.status_code, answer.json()["code"]) for answer in (foreign, unknown)} == {(404, "not-known")}


async def test_the_text_of_a_message_stands_nowhere_but_in_its_box(
    boxes: Boxes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    message_id = await boxes.sent(needs_confirmation=True)
    await boxes.send(subject="marker\ntwo lines")
    await boxes.open(message_id, boxes.as_person())
    await boxes.confirm(message_id, boxes.as_person())
    await boxes.open(new_id(), boxes.as_person())
    rows = await boxes.service.database.fetch(OTHER_TABLES)
    for row in rows:
        found = await boxes.service.database.fetch(f'SELECT t::text AS row FROM "{row["table_name"]}" t')
        assert not any("marker" in one["row"] for one in found), row["table_name"]
    assert "marker" not in everything_logged(caplog.records)


async def test_each_reading_leaves_an_access_record_of_who_and_for_whom(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    await boxes.open(message_id, boxes.as_user())
    rows = await boxes.service.database.fetch(
        "SELECT actor, action, applicant_id FROM access_records ORDER BY at, id"
    )
    assert [(row["actor"], row["action"]) for row in rows] == [
        ("department:revenu-quebec", "POST /v1/applicants/{applicant_id}/messages"),
        (f"user_code:{boxes.user}", "GET /v1/me/messages/{message_id}"),
    ]
    assert {UUID(str(row["applicant_id"])) for row in rows} == {boxes.delegation.applicant_id}
