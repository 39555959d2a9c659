"""Grounds are readable by decider and auditor of the provider only, and stand nowhere else."""

import pytest

from services.registry.applicant.rules import seal
from tests.integration.registry.applicant.steps import HOLD, MARKER, REASON, File, evidence


@pytest.mark.parametrize("role", ["decider", "auditor"])
async def test_each_reading_of_grounds_is_recorded(file: File, role: str) -> None:
    hold_id = await file.hold()
    for read in (1, 2):
        answer = await file.get(f"/holds/{hold_id}/grounds", file.staff(role))
        assert (answer.status_code, answer.json()["grounds"]) == (200, HOLD["grounds"])
        assert len(await evidence(file.service, "read_grounds")) == read


@pytest.mark.parametrize("role", ["validator", "support", "security"])
async def test_other_staff_may_not_read_grounds(file: File, role: str) -> None:
    hold_id = await file.hold()
    assert (await file.get(f"/holds/{hold_id}/grounds", file.staff(role))).status_code == 403


async def test_the_applicant_may_not_read_grounds_not_even_its_own(file: File) -> None:
    hold_id = await file.hold(file.person())
    answer = await file.get(f"/holds/{hold_id}/grounds", file.person(later=2))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")


async def test_grounds_stand_in_no_answer_event_notice_record_or_stored_reply(file: File) -> None:
    own = await file.post("/holds", file.person(), HOLD)
    hold = await file.post("/holds", file.staff(), HOLD)
    body = {"grounds": f"released, {MARKER}"}
    released = await file.post(f"/holds/{hold.json()['hold_id']}/release", file.staff(), body)
    recourse = await file.post(f"/holds/{own.json()['hold_id']}/release", file.recourse(), body)
    await file.cancel()
    decided = await file.decide(await file.request_reactivation(), "accepted")
    await file.get(f"/holds/{own.json()['hold_id']}/grounds", file.staff())
    pages = [
        await file.get(path, headers)
        for headers in (file.person(later=2), file.staff("auditor"))
        for path in ("", "/evidence-records", "/access-records")
    ]
    answers = [own, hold, released, recourse, decided, *pages]
    assert {answer.status_code for answer in answers} == {200, 201}
    written = [answer.text for answer in answers]
    for table in ("outbox", "evidence_records", "access_records", "idempotency_keys", "standing", "inbox"):
        rows = await file.service.database.fetch(f"SELECT to_jsonb(kept)::text AS text FROM {table} AS kept")
        written += [row["text"] for row in rows]
    for text in written:
        assert MARKER not in text
        assert REASON not in text


async def test_evidence_proves_grounds_to_who_holds_the_salt_and_tells_others_nothing(file: File) -> None:
    await file.hold()
    await file.hold()
    first, second = (
        record["content"]["grounds_hmac_sha256"] for record in await evidence(file.service, "place_hold")
    )
    assert first != second
    rows = await file.service.database.fetch("SELECT grounds, salt FROM registration_holds ORDER BY placed_at, id")
    assert [seal(row["grounds"], salt=row["salt"]) for row in rows] == [first, second]
