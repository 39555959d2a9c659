"""What the suite itself tells people in their boxes."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.auth import (
    CredentialsReset,
    IncidentPassedOn,
    IncidentReported,
    IncidentResolved,
    PasswordChanged,
    PasswordGivenUp,
    RecoveryCodeUsed,
    SecondFactorEnrolled,
    SecondFactorGuessed,
    SecondFactorRemoved,
    SuspiciousSignIn,
    TwoPersonCommandExecuted,
    UserCodeDisused,
    UserCodeReactivated,
    UserCodeRevoked,
    UserCodeSuspended,
)
from libs.common.contracts.delegation import PersonInChargeReactivated, PersonInChargeSuspended, UserAdded
from libs.common.contracts.envelope import Event, agent_key, applicant_key
from libs.common.contracts.registry import PersonInChargeDesignated, RegistrationCancelled
from libs.common.ids import new_id
from services.mailbox.notification.of_user_codes import COMMANDS
from services.mailbox.notification.rules import NOTIFICATIONS_OF, content_of
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


def about(applicant_id: UUID, code: UUID) -> dict[str, UUID]:
    return {"applicant_id": applicant_id, "user_code_id": code}


async def subjects(boxes: Boxes, code: UUID) -> list[str]:
    """Also of a box whose code is held: as it is read once the code is given back."""
    query = """
        SELECT subject FROM messages JOIN deliveries ON message_id = messages.id
        WHERE user_code_id = $1 ORDER BY received_at, messages.id
    """
    return [row["subject"] for row in await boxes.service.database.fetch(query, code)]


async def test_a_suspended_code_is_told_to_its_person_and_to_who_answers_for_it(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, UserCodeSuspended(**about(applicant_id, USER)), publisher="auth")
    assert await subjects(boxes, USER) == ["Your user code is suspended"]
    assert await subjects(boxes, BEN) == ["A user code of the applicant is suspended"]
    assert await subjects(boxes, ANNE) == ["Un code d'utilisateur du demandeur est suspendu"]
    assert await subjects(boxes, STRANGER) == []
    answer = await boxes.read(boxes.as_user() | boxes.service.tokens.user(applicant_id, USER))
    assert answer.status_code in {401, 403}


async def test_a_code_held_for_disuse_is_told_how_to_get_it_back(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    held = UserCodeSuspended(**about(applicant_id, USER), leaves_recourse=True)
    await deliver(boxes, held, publisher="auth")
    assert await subjects(boxes, USER) == ["Your user code is suspended because it is not used"]


async def test_what_an_incident_tells_is_not_told_again_by_the_hold(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    held = UserCodeSuspended(**about(applicant_id, USER), told_otherwise=True)
    await deliver(boxes, held, publisher="auth")
    await deliver(boxes, reported(applicant_id, passes_on_at=DUE), publisher="auth")
    assert await subjects(boxes, BEN) == ["A user reports a security incident"]
    assert await subjects(boxes, USER) == ["Your user code is suspended"]
    given_back = UserCodeReactivated(**about(applicant_id, USER), told_otherwise=True)
    await deliver(boxes, given_back, publisher="auth")
    resolved = IncidentResolved(**about(applicant_id, USER), incident_id=new_id(), outcome="unfounded")
    await deliver(boxes, resolved, publisher="auth")
    assert len(await subjects(boxes, BEN)) == 2
    assert (await subjects(boxes, USER))[1:] == ["A security incident is resolved"]


async def test_a_revoked_code_is_told_to_the_others_alone(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, UserCodeRevoked(**about(applicant_id, BEN)), publisher="auth")
    assert await subjects(boxes, BEN) == []
    assert await subjects(boxes, ANNE) == ["Un code d'utilisateur du demandeur est révoqué"]
    assert await subjects(boxes, USER) == []


async def test_a_reset_by_the_provider_is_told_to_every_person_in_charge_a_users_to_the_user(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, CredentialsReset(**about(applicant_id, USER), by="person-in-charge"), publisher="auth")
    assert await subjects(boxes, USER) == ["Your password was reset"]
    assert await subjects(boxes, BEN) == []
    await deliver(boxes, CredentialsReset(**about(applicant_id, BEN), by="provider"), publisher="auth")
    assert await subjects(boxes, BEN) == ["Your password was reset"]
    assert len(await subjects(boxes, ANNE)) == 1
    assert len(await subjects(boxes, USER)) == 1


async def test_a_changed_password_is_told_to_its_person_but_not_the_first_one(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, PasswordChanged(**about(applicant_id, USER), was_first_use=True), publisher="auth")
    assert await subjects(boxes, USER) == []
    await deliver(boxes, PasswordChanged(**about(applicant_id, USER), was_first_use=False), publisher="auth")
    assert await subjects(boxes, USER) == ["Your password was changed"]
    assert await subjects(boxes, BEN) == []


async def test_a_password_given_up_is_told_to_its_person_alone(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, PasswordGivenUp(**about(applicant_id, USER)), publisher="auth")
    assert await subjects(boxes, USER) == ["Your user code has no password any more"]
    assert await subjects(boxes, BEN) == []


async def test_what_two_agents_did_is_told_in_words_and_a_reset_by_its_own_event_alone(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    for command in ("revoke_person_in_charge", "something_newer", "reset_person_in_charge"):
        event = TwoPersonCommandExecuted(
            applicant_id=applicant_id, proposal_id=new_id(), command=command, executed_at=DUE
        )
        await deliver(boxes, event, publisher="auth")
    bodies = [one["body"] for one in await told(boxes, BEN)]
    assert len(bodies) == 2
    assert any("revoke the user code of a person in charge" in body for body in bodies)
    assert not any("something_newer" in body for body in bodies)
    assert await subjects(boxes, USER) == []


def unusual(applicant_id: UUID, **browser: Any) -> SuspiciousSignIn:
    reasons = ("new-browser", "many-networks", "spread-of-failures")
    return SuspiciousSignIn(**about(applicant_id, USER), session_id=new_id(), reasons=reasons, **browser)


async def test_an_unusual_sign_in_is_told_to_its_person_alone_with_the_browser_in_words(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, unusual(applicant_id, browser="firefox", system="windows"), publisher="auth")
    [message] = await told(boxes, USER)
    assert message["subject"] == "An unusual sign-in"
    assert "Firefox on Windows" in message["body"]
    assert "Neither this browser nor this place" in message["body"]
    assert "report a security incident" in message["body"]
    assert await subjects(boxes, BEN) == []


async def test_guesses_at_a_second_factor_are_told_to_its_person_alone(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    await deliver(boxes, SecondFactorGuessed(**about(applicant_id, USER)), publisher="auth")
    [message] = await told(boxes, USER)
    assert message["subject"] == "Somebody tries to guess your second factor"
    assert "somebody knows your password" in message["body"]
    assert await subjects(boxes, BEN) == []


EVENTS: list[Event] = [
    SecondFactorGuessed(applicant_id=ANNE, user_code_id=USER),
    SecondFactorEnrolled(second_factor_id=BEN, kind="totp", applicant_id=ANNE, user_code_id=USER),
    SecondFactorRemoved(
        second_factor_id=BEN, kind="totp", reason="by-owner", applicant_id=ANNE, user_code_id=USER
    ),
    RecoveryCodeUsed(remaining=3, applicant_id=ANNE, user_code_id=USER),
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
    UserCodeSuspended(applicant_id=ANNE, user_code_id=USER),
    UserCodeSuspended(applicant_id=ANNE, user_code_id=USER, leaves_recourse=True),
    UserCodeSuspended(applicant_id=ANNE, user_code_id=USER, told_otherwise=True),
    UserCodeDisused(applicant_id=ANNE, user_code_id=USER, held_at=DUE),
    UserCodeReactivated(applicant_id=ANNE, user_code_id=USER),
    UserCodeRevoked(applicant_id=ANNE, user_code_id=USER),
    CredentialsReset(applicant_id=ANNE, user_code_id=USER, by="provider"),
    CredentialsReset(applicant_id=ANNE, user_code_id=USER, by="person-in-charge"),
    PasswordChanged(applicant_id=ANNE, user_code_id=USER, was_first_use=False),
    PasswordGivenUp(applicant_id=ANNE, user_code_id=USER),
    unusual(ANNE, browser="edge", system="windows"),
    unusual(ANNE, browser="other", system="other"),
    *(
        TwoPersonCommandExecuted(applicant_id=ANNE, proposal_id=BEN, command=command, executed_at=DUE)
        for command in (*COMMANDS, "something_newer")
    ),
]


async def test_a_new_second_factor_is_told_to_its_person_and_an_agents_to_nobody(boxes: Boxes) -> None:
    applicant_id = await have_boxes(boxes)
    enrolled = SecondFactorEnrolled(
        second_factor_id=new_id(), kind="totp", applicant_id=applicant_id, user_code_id=BEN
    )
    await deliver(boxes, enrolled, publisher="auth")
    of_agent = SecondFactorEnrolled(second_factor_id=new_id(), kind="totp", agent_id=(agent := new_id()))
    await boxes.service.deliver(of_agent, publisher="auth", partitionkey=agent_key(agent))
    assert [one["subject"] for one in await told(boxes, BEN)] == ["A second factor was added to your user code"]
    assert len(await boxes.service.database.fetch("SELECT 1 FROM deliveries")) == 1


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_notification_is_whole_in_both_languages(event: Event, language: str) -> None:
    chosen = NOTIFICATIONS_OF[type(event)](event)
    assert chosen
    for notification in chosen:
        content = content_of(notification, event, language=language, at=DUE)
        body = content.body.get_secret_value()
        assert len(body) > 60
        assert "{" not in body + content.subject.get_secret_value()
        assert str(ANNE) not in body


def test_every_event_with_a_notification_is_tried_above() -> None:
    assert {type(event) for event in EVENTS} == set(NOTIFICATIONS_OF)
