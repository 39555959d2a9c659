import asyncio

import asyncpg
import pytest

from libs.common.contracts.delegation import UserAdded
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import PersonInChargeDesignated
from libs.common.ids import new_id
from tests.integration.mailbox.boxes import Boxes

APPLICANT, CODE = new_id(), new_id()
DESIGNATED = PersonInChargeDesignated(
    applicant_id=APPLICANT,
    person_id=new_id(),
    user_code_id=CODE,
    given_name="Ada",
    family_name="Tremblay",
    language="en",
    email="ada@example.org",
    awaits_form=False,
)


def added(boxes: Boxes) -> UserAdded:
    return UserAdded(
        applicant_id=boxes.delegation.applicant_id,
        user_id=new_id(),
        user_code_id=boxes.user,
        given_name="Luc",
        family_name="Roy",
        language="en",
        email="luc@example.org",
    )


async def languages(boxes: Boxes) -> dict[object, str]:
    rows = await boxes.service.database.fetch("SELECT user_code_id, language FROM mailboxes")
    return {row["user_code_id"]: row["language"] for row in rows}


async def test_a_designated_person_in_charge_gets_a_box_of_their_own(boxes: Boxes) -> None:
    await boxes.service.deliver(DESIGNATED, publisher="registry", partitionkey=applicant_key(APPLICANT))
    assert await languages(boxes) == {CODE: "en"}
    [evidence] = await boxes.evidence("create-mailbox")
    assert evidence["content"] == {"user_code_id": str(CODE), "language": "en"}


async def test_an_added_user_gets_a_box_of_their_own(boxes: Boxes) -> None:
    event = added(boxes)
    await boxes.service.deliver(event, publisher="delegation", partitionkey=applicant_key(event.applicant_id))
    assert await languages(boxes) == {boxes.user: "en"}


async def test_an_event_that_comes_twice_makes_one_box(boxes: Boxes) -> None:
    envelope = await boxes.service.deliver(DESIGNATED, publisher="registry", partitionkey=applicant_key(APPLICANT))
    await boxes.service.inbox.receive("registry", envelope)
    assert len(await boxes.evidence("create-mailbox")) == 1


async def test_a_delivery_before_the_event_makes_the_box_and_the_event_leaves_it(boxes: Boxes) -> None:
    await boxes.sent()
    event = added(boxes)
    await boxes.service.deliver(event, publisher="delegation", partitionkey=applicant_key(event.applicant_id))
    assert await languages(boxes) == {boxes.person: "fr", boxes.user: "fr"}
    assert len(await boxes.evidence("create-mailbox")) == 2


async def test_deliveries_at_the_same_moment_make_each_box_once(boxes: Boxes) -> None:
    boxes.delegation.user_code_ids = [new_id() for _ in range(5)]
    await asyncio.gather(*(boxes.sent() for _ in range(6)))
    assert await boxes.count("mailboxes") == 5
    assert await boxes.count("deliveries") == 30


async def test_the_names_and_the_address_of_a_person_are_not_kept(boxes: Boxes) -> None:
    await boxes.service.deliver(DESIGNATED, publisher="registry", partitionkey=applicant_key(APPLICANT))
    for table in ("mailboxes", "evidence_records", "outbox"):
        rows = await boxes.service.database.fetch(f"SELECT t::text AS row FROM {table} t")
        assert not any("Tremblay" in row["row"] or "example.org" in row["row"] for row in rows)


async def test_the_database_refuses_a_delivery_into_a_box_of_another_applicant(boxes: Boxes) -> None:
    message_id = await boxes.sent()
    await boxes.service.deliver(DESIGNATED, publisher="registry", partitionkey=applicant_key(APPLICANT))
    statement = "INSERT INTO deliveries (user_code_id, message_id, applicant_id) VALUES ($1, $2, $3)"
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="a_delivery_stands_in_a_box_of_its_applicant"):
        await boxes.service.database.execute(statement, CODE, message_id, boxes.delegation.applicant_id)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE messages SET body = 'x'", "DELETE FROM messages", "DELETE FROM deliveries", "DELETE FROM mailboxes"],
)
async def test_the_service_itself_can_neither_change_nor_remove_what_was_delivered(
    boxes: Boxes, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await boxes.service.database.execute(statement)
