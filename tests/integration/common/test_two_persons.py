import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.proposal.commands import sweep_proposals
from libs.common.standing import set_standing
from tests.integration.common import two_persons
from tests.integration.common.two_persons import (
    APPLICANT,
    FOR_FIRST,
    FOR_SECOND,
    NOTES,
    Board,
    act,
    approve,
    propose,
)
from tests.kit import Headers, Running, running


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(NOTES, platform) as service:
        yield service


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """For a rule that comes to refuse between proposal and approval."""
    return monkeypatch


def security(service: Running, **claims: Any) -> Headers:
    return service.tokens.agent("security", **claims)


async def proposed(service: Running, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = await propose(service, headers, **body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def state_of(service: Running, made: dict[str, Any]) -> str:
    row = await service.database.fetchrow("SELECT state FROM proposals WHERE id = $1", made["id"])
    assert row is not None
    return str(row["state"])


async def notes(service: Running) -> list[str]:
    return [row["text"] for row in await service.database.fetch("SELECT text FROM notes ORDER BY row_number")]


async def commands_in_evidence(service: Running) -> list[str]:
    rows = await service.database.fetch("SELECT command FROM evidence_records ORDER BY at, id")
    return [row["command"] for row in rows]


async def warm(service: Running) -> None:
    """Connections for all who come at once, so that nobody is late for opening one."""
    await asyncio.gather(*(service.database.fetch("SELECT pg_sleep(0.05)") for _ in range(8)))


def fault(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_one_proposes_another_approves_and_it_is_done_once(service: Running) -> None:
    first, second = security(service), security(service)
    made = await proposed(service, first)
    assert await notes(service) == []
    answer = await approve(service, second, made)
    assert answer.status_code == 200, answer.text
    assert answer.json()["proposal"]["state"] == "approved"
    assert fault(await approve(service, security(service), made)) == (409, "proposal-decided")
    assert await notes(service) == ["hello"]
    assert await commands_in_evidence(service) == ["propose", "approve_proposal"]
    rows = await service.database.fetch("SELECT actor, content FROM evidence_records ORDER BY at, id")
    told = rows[1]["content"]
    assert told["proposed_by"] == rows[0]["actor"] != rows[1]["actor"] == told["decided_by"]
    assert told["content_hash"] == made["content_hash"]


async def test_the_same_person_does_not_approve_nor_refuse_under_another_token(service: Running) -> None:
    agent = new_id()
    made = await proposed(service, security(service, agent_id=agent))
    again = security(service, agent_id=agent)
    assert fault(await approve(service, again, made)) == (403, "second-person-needed")
    assert fault(await act(service, again, made, what="refusals")) == (403, "second-person-needed")
    assert await state_of(service, made) == "proposed"


async def test_who_asked_for_it_neither_proposes_nor_approves_however_the_name_is_spelt(service: Running) -> None:
    agent = new_id()
    asked = {"requested_by": f"AGENT:{str(agent).upper()}"}
    answer = await propose(service, security(service, agent_id=agent), **asked)
    assert fault(answer) == (403, "proposal-requested-by-you")
    made = await proposed(service, security(service), **asked)
    assert fault(await approve(service, security(service, agent_id=agent), made)) == (
        403,
        "proposal-requested-by-you",
    )


async def test_whom_it_concerns_neither_proposes_nor_approves(service: Running) -> None:
    agent = new_id()
    content = {"side": "provider", "text": "about you", "agent_id": str(agent)}
    own = security(service, agent_id=agent)
    assert fault(await propose(service, own, content=content)) == (403, "proposal-concerns-you")
    made = await proposed(service, security(service), content=content)
    assert fault(await approve(service, own, made)) == (403, "proposal-concerns-you")
    assert fault(await act(service, own, made, what="refusals")) == (403, "proposal-concerns-you")
    assert await notes(service) == []


async def test_two_approvals_at_the_same_instant_execute_it_once(service: Running) -> None:
    made = await proposed(service, security(service))
    await warm(service)
    answers = await asyncio.gather(*(approve(service, security(service), made) for _ in range(6)))
    assert sorted(answer.json().get("code", "done") for answer in answers) == ["done", *["proposal-decided"] * 5]
    assert await notes(service) == ["hello"]


async def test_approval_and_withdrawal_at_the_same_instant_leave_one_winner(service: Running) -> None:
    first, second = security(service), security(service)
    for _ in range(5):
        made = await proposed(service, first)
        before = len(await notes(service))
        approved, withdrawn = await asyncio.gather(
            approve(service, second, made), act(service, first, made, what="withdrawals")
        )
        codes = sorted(answer.json().get("code", "done") for answer in (approved, withdrawn))
        assert codes == ["done", "proposal-decided"]
        assert len(await notes(service)) - before == (approved.status_code == 200)
        assert await state_of(service, made) == ("approved" if approved.status_code == 200 else "withdrawn")


async def test_an_execution_that_fails_leaves_the_proposal_as_it_was(service: Running) -> None:
    made = await proposed(service, security(service), content={"side": "provider", "text": "poison"})
    second, key = security(service), str(uuid4())
    assert (await approve(service, second, made, key=key)).status_code == 500
    assert await notes(service) == []
    assert await state_of(service, made) == "proposed"
    assert await commands_in_evidence(service) == ["propose"]
    assert (await approve(service, second, made, key=key)).status_code == 500, "its key was not used up"


async def test_a_rule_that_refuses_by_now_is_told_and_the_proposal_waits(
    service: Running, full: pytest.MonkeyPatch
) -> None:
    made = await proposed(service, security(service))
    full.setattr(Board, "full", True)
    assert fault(await propose(service, security(service))) == (409, "note-full")
    second = security(service)
    assert fault(await approve(service, second, made)) == (409, "note-full")
    assert await state_of(service, made) == "proposed"
    full.setattr(Board, "full", False)
    assert (await approve(service, second, made)).status_code == 200


async def test_an_approval_names_what_was_read(service: Running) -> None:
    made = await proposed(service, security(service))
    other = await proposed(service, security(service))
    answer = await approve(service, security(service), made, seen=other["content_hash"])
    assert fault(answer) == (409, "proposal-not-as-seen")
    assert (await approve(service, security(service), made, seen="x")).status_code == 422


async def test_content_changed_behind_the_service_is_not_what_was_read(service: Running) -> None:
    made = await proposed(service, security(service))
    await execute_as_owner(
        service,
        "UPDATE proposals SET content = jsonb_set(content, '{text}', '\"other\"') WHERE id = $1",
        made["id"],
    )
    assert fault(await approve(service, security(service), made)) == (409, "proposal-not-as-seen")


async def execute_as_owner(service: Running, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(service.owner_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def test_a_proposal_that_waited_too_long_is_expired_before_and_after_the_sweep(service: Running) -> None:
    first = security(service)
    made = await proposed(service, first)
    await execute_as_owner(service, "UPDATE proposals SET expires_at = now() WHERE id = $1", made["id"])
    read = await service.public.get(f"/v1/proposals/{made['id']}", headers=first)
    assert read.json()["state"] == "expired"
    assert fault(await approve(service, security(service), made)) == (409, "proposal-expired")
    async with service.database.transaction() as tx:
        await sweep_proposals(tx, at=now())
    assert await state_of(service, made) == "expired"
    assert fault(await approve(service, security(service), made)) == (409, "proposal-decided")
    assert await commands_in_evidence(service) == ["propose", "expire_proposal"]
    assert await notes(service) == []


async def test_the_word_of_a_barred_agent_is_not_approved(service: Running) -> None:
    agent = new_id()
    made = await proposed(service, security(service, agent_id=agent))
    async with service.database.transaction() as tx:
        await set_standing(tx, "agent", agent, source="auth", state="disabled", changed_at=now())
    assert fault(await approve(service, security(service), made)) == (409, "proposer-barred")
    assert fault(await act(service, security(service, agent_id=agent), made, what="withdrawals"))[0] in {401, 403}
    assert (await act(service, security(service), made, what="refusals")).status_code == 200


async def test_a_refusal_has_its_reason_and_only_the_proposer_withdraws(service: Running) -> None:
    first, second = security(service), security(service)
    made = await proposed(service, first)
    assert fault(await act(service, second, made, what="withdrawals")) == (403, "only-its-proposer")
    refused = await act(service, second, made, what="refusals")
    assert (refused.json()["state"], refused.json()["refusal_reason"]) == ("refused", "no")
    withdrawn = await act(service, first, await proposed(service, first), what="withdrawals")
    assert withdrawn.json()["state"] == "withdrawn"
    assert await commands_in_evidence(service) == ["propose", "refuse_proposal", "propose", "withdraw_proposal"]


async def test_each_of_the_two_is_shown_their_own_part_once(service: Running) -> None:
    first, second = security(service), security(service)
    made = await proposed(service, first)
    assert fault(await act(service, first, made, what="shown-once")) == (409, "nothing-to-collect")
    key = str(uuid4())
    approved = await approve(service, second, made, key=key)
    assert approved.json()["shown_once"] == {"secret": FOR_SECOND}
    assert FOR_FIRST not in approved.text
    repeated = await approve(service, second, made, key=key)
    assert repeated.headers["idempotency-replayed"] == "true"
    assert repeated.json()["shown_once"] == {"secret": None}
    assert fault(await act(service, second, made, what="shown-once")) == (403, "only-its-proposer")
    answers = await asyncio.gather(*(act(service, first, made, what="shown-once") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert next(one for one in answers if one.status_code == 200).json()["shown_once"] == {"secret": FOR_FIRST}
    row = await service.database.fetchrow("SELECT sealed_for_proposer FROM proposals WHERE id = $1", made["id"])
    assert row is not None
    assert row["sealed_for_proposer"] is None
    assert await commands_in_evidence(service) == ["propose", "approve_proposal", "collect_shown_once"]


async def test_what_nobody_collected_within_a_day_is_destroyed(service: Running) -> None:
    first = security(service)
    made = await proposed(service, first)
    await approve(service, security(service), made)
    day_ago = now() - timedelta(hours=24)
    await execute_as_owner(service, "UPDATE proposals SET decided_at = $2 WHERE id = $1", made["id"], day_ago)
    assert fault(await act(service, first, made, what="shown-once")) == (409, "nothing-to-collect")
    async with service.database.transaction() as tx:
        await sweep_proposals(tx, at=now())
    rows = await service.database.fetch("SELECT id FROM proposals WHERE sealed_for_proposer IS NOT NULL")
    assert rows == []


async def test_secrets_stand_nowhere(service: Running) -> None:
    made = await proposed(service, security(service))
    await approve(service, security(service), made)
    for table in ("evidence_records", "outbox", "access_records", "idempotency_keys", "proposals"):
        rows = await service.database.fetch(f"SELECT {table}::text AS line FROM {table}")
        for row in rows:
            assert FOR_SECOND not in row["line"]
            assert FOR_FIRST not in row["line"]


async def test_a_department_sees_and_decides_its_own_and_everything_else_is_not_there(service: Running) -> None:
    ours = security(service, side="cnesst")
    foreign = await proposed(service, security(service), content={"side": "revenu-quebec", "text": "x"})
    provider = await proposed(service, security(service))
    unknown = {"id": str(new_id()), "content_hash": "0" * 64}
    for made in (foreign, provider, unknown):
        for what in ("refusals", "withdrawals", "shown-once"):
            assert fault(await act(service, ours, made, what=what)) == (404, "not-found")
        assert fault(await approve(service, ours, made)) == (404, "not-found")
        read = await service.public.get(f"/v1/proposals/{made['id']}", headers=ours)
        assert fault(read) == (404, "not-found")
    elsewhere = await propose(service, ours, content={"side": "revenu-quebec", "text": "x"})
    assert fault(elsewhere) == (404, "not-found")
    own = await proposed(service, ours, content={"side": "cnesst", "text": "ours"})
    listed = (await service.public.get("/v1/proposals", headers=ours)).json()["proposals"]
    assert [one["id"] for one in listed] == [own["id"]]
    assert (await approve(service, security(service, side="cnesst"), own)).status_code == 200


async def test_a_role_proposes_decides_and_sees_what_the_command_gives_it(service: Running) -> None:
    content = {"applicant": str(APPLICANT), "text": "hello"}
    named: dict[str, Any] = {
        "command": "note_of_applicant",
        "content": content,
        "applicant_id": str(APPLICANT),
    }
    support = service.tokens.agent("support")
    assert fault(await propose(service, security(service), **named)) == (403, "role-may-not-propose")
    made = await proposed(service, support, **named)
    other_support = service.tokens.agent("support")
    assert fault(await approve(service, other_support, made)) == (403, "role-may-not-decide")
    of_side = await proposed(service, security(service))
    assert fault(await act(service, support, of_side, what="withdrawals")) == (404, "not-found")
    assert fault(await propose(service, service.tokens.agent("auditor"))) == (403, "role-not-admitted")
    assert fault(await propose(service, service.tokens.service("registry", "feeds"))) == (403, "role-not-admitted")


async def test_every_person_in_charge_is_told_of_what_two_persons_did_about_their_applicant(
    service: Running,
) -> None:
    content = {"applicant": str(APPLICANT), "text": "not for the event"}
    support = service.tokens.agent("support")
    made = await proposed(
        service, support, command="note_of_applicant", content=content, applicant_id=str(APPLICANT)
    )
    assert await service.events() == []
    assert (await approve(service, security(service), made)).status_code == 200
    [(name, told)] = await service.events()
    assert name == "two-person-command-executed"
    assert {"applicant_id", "proposal_id", "command", "executed_at"} == set(told)
    assert (told["applicant_id"], told["command"]) == (str(APPLICANT), "note_of_applicant")
    [row] = await service.database.fetch("SELECT partitionkey FROM outbox")
    assert row["partitionkey"] == f"applicant:{APPLICANT}"


async def test_opening_a_proposal_about_an_applicant_needs_a_purpose_and_is_on_the_applicants_record(
    service: Running,
) -> None:
    content = {"applicant": str(APPLICANT), "text": "hello"}
    named: dict[str, Any] = {
        "command": "note_of_applicant",
        "content": content,
        "applicant_id": str(APPLICANT),
    }
    made = await proposed(service, service.tokens.agent("support"), **named)
    silent = {name: value for name, value in security(service).items() if name != "Clicsequr-Purpose"}
    address = f"/v1/proposals/{made['id']}"
    assert fault(await service.public.get(address, headers=silent)) == (400, "purpose-missing")
    assert (await service.public.get(address, headers=security(service))).json()["content"] == content
    assert "hello" not in (await service.public.get("/v1/proposals", headers=silent)).text
    rows = await service.database.fetch("SELECT outcome FROM access_records WHERE applicant_id = $1", APPLICANT)
    assert sorted(row["outcome"] for row in rows) == ["admitted", "admitted", "refused"]


async def test_a_proposal_names_the_applicant_that_its_content_is_about(service: Running) -> None:
    content = {"applicant": str(APPLICANT), "text": "hello"}
    for named in (None, str(new_id())):
        answer = await propose(
            service,
            service.tokens.agent("support"),
            command="note_of_applicant",
            content=content,
            applicant_id=named,
        )
        assert fault(answer) == (400, "proposal-names-another-applicant")


async def test_a_repetition_makes_no_second_proposal(service: Running) -> None:
    first, key = security(service), str(uuid4())
    one = await propose(service, first, key=key)
    two = await propose(service, first, key=key)
    assert (one.json(), two.headers["idempotency-replayed"]) == (two.json(), "true")
    other = await propose(service, first, key=key, content={"side": "provider", "text": "other"})
    assert fault(other) == (409, "idempotency-key-reused")
    assert len(await service.database.fetch("SELECT id FROM proposals")) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"command": "erase_everything"}, (400, "proposal-command-unknown")),
        ({"content": {"side": "provider"}}, (400, "proposal-content-invalid")),
        ({"content": {"side": "provider", "text": "x", "more": 1}}, (400, "proposal-content-invalid")),
        ({"content": {"side": "provider", "text": "x" * 201}}, (400, "proposal-content-invalid")),
        ({"content": {"side": "provider", "text": "a\0b"}}, (422, "malformed-request")),
        ({"content": [1]}, (422, "malformed-request")),
        ({"requested_by": "somebody nice"}, (422, "malformed-request")),
        ({"content": {"side": "provider", "text": "unknown"}}, (404, "not-known")),
    ],
    ids=str,
)
async def test_what_cannot_be_read_is_refused_and_never_repeated_to_the_caller(
    service: Running, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await propose(service, security(service), **body)
    assert fault(answer) == expected
    assert "x" * 201 not in answer.text
    assert await service.database.fetch("SELECT id FROM proposals") == []


async def test_proposals_are_listed_by_state_in_pages(service: Running) -> None:
    first = security(service)
    made = [await proposed(service, first) for _ in range(5)]
    await act(service, first, made[0], what="withdrawals")
    seen: list[str] = []
    after: str | None = str(two_persons.NIL)
    while after is not None:
        page = await service.public.get("/v1/proposals", params={"limit": 3, "after": after}, headers=first)
        seen += [one["id"] for one in page.json()["proposals"]]
        after = page.json()["next"]
    assert seen == [one["id"] for one in made[1:]]
    closed = await service.public.get("/v1/proposals", params={"state": "withdrawn"}, headers=first)
    assert [one["id"] for one in closed.json()["proposals"]] == [made[0]["id"]]


async def test_the_application_role_cannot_change_what_was_proposed(service: Running) -> None:
    made = await proposed(service, security(service))
    for statement in (
        "UPDATE proposals SET content = '{}' WHERE id = $1",
        "UPDATE proposals SET proposed_by = 'agent:other' WHERE id = $1",
        "DELETE FROM proposals WHERE id = $1",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.database.execute(statement, made["id"])
    with pytest.raises(asyncpg.CheckViolationError):
        await service.database.execute(
            "UPDATE proposals SET state = 'approved', decided_by = proposed_by, decided_at = now() WHERE id = $1",
            made["id"],
        )
