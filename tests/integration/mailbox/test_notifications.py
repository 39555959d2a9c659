"""What the suite itself tells people in their boxes."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.auth import IncidentPassedOn, IncidentReported, IncidentResolved
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended, UserAdded
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.contracts.registry import PersonInChargeDesignated, RegistrationCancelled
from libs.common.ids import new_id
from services.mailbox.notification.rules import NOTIFICATION_OF, content_of
from tests.integration.mailbox.boxes import Boxes

ANNE, BEN, USER, STRANGER = new_id(), new_id(), new_id(), new_id()
DUE = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)


async def deliver(boxes: Boxes, event: Any, *, publisher: str) -> None:
    await boxes.service.deliver(event, publisher=publisher, partitionkey=applicant_key(event.applicant_id))


async def have_boxes(boxes: Boxes) -> UUID:
    """Two persons in charge, one reading French, one English, a user, and a stranger of another applicant."""
    applicant_id = boxes.delegation.applicant_id
    for code, applicant, language in (
        (ANNE, applicant_id, "fr"),
        (BEN, applicant_id, "en"),
        (STRANGER, new_id(), "en"),
    ):
        designated = PersonInChargeDesignated(
            applicant_id=applicant,
            person_id=new_id(),
            user_code_id=code,
            given_name="A",
            family_name="B",
            language=language,
            email="a@example.org",
            awaits_form=False,
        )
        await deliver(boxes, designated, publisher="registry")
    added = UserAdded(
        applicant_id=applicant_id,
        user_id=new_id(),
        user_code_id=USER,
        given_name="L",
        family_name="R",
        language="en",
        email="l@example.org",
    )
    await deliver(boxes, added, publisher="delegation")
    return applicant_id


async def told(boxes: Boxes, code: UUID) -> list[dict[str, Any]]:
    headers = boxes.service.tokens.person_in_charge(boxes.delegation.applicant_id, code)
    page = await boxes.read(headers)
    assert page.status_code == 200, page.text
    return [(await boxes.open(one["message_id"], headers)).json() for one in page.json()["messages"]]


def reported(applicant_id: UUID, *, passes_on_at: datetime | None) -> IncidentReported:
    return IncidentReported(
        applicant_id=applicant_id,
        incident_id=new_id(),
        user_code_id=USER,
        kind="unauthorized-use",
        passes_on_at=passes_on_at,
    )


async def test_every_person_in_charge_is_told_of_a_users_incident_in_their_own_language(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, reported(applicant_id, passes_on_at=DUE), publisher="auth")
    [to_anne], [to_ben] = await told(boxes, ANNE), await told(boxes, BEN)
    assert to_anne["subject"] == "Un utilisateur signale un incident de sécurité"
    assert "26 novembre 2026 à 10 h 00" in to_anne["body"]
    assert to_ben["subject"] == "A user reports a security incident"
    assert "November 26, 2026 at 10:00" in to_ben["body"]
    assert (to_ben["sender"], to_ben["language"]) == ("clicsequr", "en")
    assert await told(boxes, USER) == []
    assert await told(boxes, STRANGER) == []


async def test_an_incident_that_the_provider_has_already_says_so(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, reported(applicant_id, passes_on_at=None), publisher="auth")
    [to_ben] = await told(boxes, BEN)
    assert to_ben["subject"] == "A security incident was reported"


async def test_a_peers_suspension_is_told_to_the_others_and_the_return_to_all(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    person = {"applicant_id": applicant_id, "person_id": new_id(), "user_code_id": ANNE}
    await deliver(boxes, PersonInChargeSuspended(**person), publisher="delegation")
    assert [one["subject"] for one in await told(boxes, BEN)] == [
        "A person in charge of online services is suspended"
    ]
    assert (await told(boxes, USER)) == []
    await deliver(boxes, PersonInChargeReactivated(**person), publisher="delegation")
    assert len(await told(boxes, BEN)) == 2
    rows = await boxes.service.database.fetch("SELECT message_id FROM deliveries WHERE user_code_id = $1", ANNE)
    assert len(rows) == 1


async def test_a_suspension_is_told_and_stands_against_the_persons_tokens(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    person = {"applicant_id": applicant_id, "person_id": new_id(), "user_code_id": ANNE}
    await deliver(boxes, PersonInChargeSuspended(**person), publisher="delegation")
    answer = await boxes.read(boxes.service.tokens.person_in_charge(applicant_id, ANNE))
    assert answer.status_code in {401, 403}


async def test_a_cancellation_is_told_to_every_person_in_charge(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(
        boxes, RegistrationCancelled(applicant_id=applicant_id, cancelled_by="applicant"), publisher="registry"
    )
    rows = await boxes.service.database.fetch("SELECT user_code_id FROM deliveries")
    assert {row["user_code_id"] for row in rows} == {ANNE, BEN}


async def test_an_event_that_comes_twice_is_told_once(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    event = reported(applicant_id, passes_on_at=DUE)
    envelope = await boxes.service.deliver(event, publisher="auth", partitionkey=applicant_key(applicant_id))
    await boxes.service.inbox.receive("auth", envelope)
    assert len(await told(boxes, BEN)) == 1


async def test_a_box_that_a_message_made_first_learns_whose_it_is(boxes: Boxes) -> None:
    boxes.delegation.user_code_ids = [BEN, USER]
    await boxes.sent()
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, reported(applicant_id, passes_on_at=DUE), publisher="auth")
    assert len(await told(boxes, BEN)) == 2


EVENTS: list[Event] = [
    reported(ANNE, passes_on_at=DUE),
    reported(ANNE, passes_on_at=None),
    IncidentPassedOn(
        applicant_id=ANNE,
        incident_id=BEN,
        user_code_id=USER,
        kind="attempted-breach",
        reported_to_provider_at=DUE,
        by_silence=True,
    ),
    IncidentResolved(applicant_id=ANNE, incident_id=BEN, user_code_id=USER, outcome="confirmed"),
    PersonInChargeSuspended(applicant_id=ANNE, person_id=BEN, user_code_id=USER),
    PersonInChargeReactivated(applicant_id=ANNE, person_id=BEN, user_code_id=USER),
    RegistrationCancelled(applicant_id=ANNE, cancelled_by="provider"),
]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_notification_is_whole_in_both_languages(event: Event, language: str) -> None:
    content = content_of(NOTIFICATION_OF[type(event)](event), event, language=language, at=DUE)
    body = content.body.get_secret_value()
    assert len(body) > 60
    assert "{" not in body + content.subject.get_secret_value()
    assert str(ANNE) not in body


def test_every_event_with_a_notification_is_tried_above() -> None:
    assert {type(event) for event in EVENTS} == set(NOTIFICATION_OF)
