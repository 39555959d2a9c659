"""Auditors list what people, clients and agents did, over a bounded time and for a stated purpose."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common import access_records, evidence
from libs.common.auditing import LONGEST_CALL
from libs.common.clock import now
from libs.common.ids import new_id
from tests.integration.common.probe import PUBLISHER
from tests.kit import Headers, Running, age_records, idempotent, running

APPLICANT, CODE, OTHER_CODE, AGENT = new_id(), new_id(), new_id(), new_id()


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(PUBLISHER, platform) as service:
        yield service


async def notes(service: Running, code: UUID, **claims: Any) -> None:
    answer = await service.public.get(
        f"/v1/applicants/{APPLICANT}/notes",
        headers=service.tokens.person_in_charge(APPLICANT, code, **claims),
    )
    assert answer.status_code == 200, answer.text


async def ask(service: Running, headers: Headers | None = None, /, **asked: Any) -> httpx.Response:
    """Once what was recorded so far began longer ago than any call lasts."""
    await age_records(service)
    since = (now() - timedelta(days=1)).isoformat()
    return await service.public.get(
        "/v1/access-records", params={"from": since, **asked}, headers=headers or service.tokens.agent("auditor")
    )


async def actors(service: Running, **asked: Any) -> list[str]:
    answer = await ask(service, **asked)
    assert answer.status_code == 200, answer.text
    return [record["actor"] for record in answer.json()["records"]]


async def test_an_auditor_lists_one_code_one_client_one_agent_or_everybody(service: Running) -> None:
    await notes(service, CODE)
    await notes(service, OTHER_CODE, client_id="books")
    agent = service.tokens.agent("auditor", agent_id=AGENT)
    await service.public.get(f"/v1/applicants/{APPLICANT}/access-records", headers=agent)
    assert await actors(service, user_code_id=str(CODE)) == [f"user_code:{CODE}"]
    assert await actors(service, client_id="books") == [f"user_code:{OTHER_CODE}"]
    assert await actors(service, agent_id=str(AGENT)) == [f"agent:{AGENT}"]
    everybody = await actors(service)
    assert {f"user_code:{CODE}", f"user_code:{OTHER_CODE}", f"agent:{AGENT}"} <= set(everybody)


async def test_opening_a_persons_records_stands_among_their_applicants_with_its_purpose(service: Running) -> None:
    await notes(service, CODE)
    await ask(service, user_code_id=str(CODE))
    chief = service.tokens.person_in_charge(APPLICANT, CODE)
    page = await service.public.get(f"/v1/applicants/{APPLICANT}/access-records", headers=chief)
    opened = [one for one in page.json()["records"] if one["action"] == "GET /v1/access-records"]
    assert [(one["purpose"], one["outcome"]) for one in opened] == [("a test of the file", "admitted")]


async def test_a_code_that_acted_for_another_applicant_is_still_its_own_applicants(service: Running) -> None:
    represented = new_id()
    mandatary = service.tokens.headers(
        user_code=CODE,
        role="mandatary",
        applicant=represented,
        user_code_applicant=APPLICANT,
        power_of_attorney=new_id(),
    )
    await service.public.get(f"/v1/applicants/{represented}/notes", headers=mandatary)
    await ask(service, user_code_id=str(CODE))
    looks = await service.database.fetch(
        "SELECT applicant_id FROM access_records WHERE action = 'GET /v1/access-records'"
    )
    assert [row["applicant_id"] for row in looks] == [APPLICANT]


async def test_a_call_about_a_foreign_applicant_is_listed_to_whose_code_made_it(service: Running) -> None:
    foreign = new_id()
    caller = service.tokens.person_in_charge(APPLICANT, CODE)
    assert (await service.public.get(f"/v1/applicants/{foreign}/notes", headers=caller)).status_code == 404
    page = await service.public.get(f"/v1/applicants/{APPLICANT}/access-records", headers=caller)
    told = [(one["applicant_id"], one["reason"]) for one in page.json()["records"]]
    assert told[0] == (str(foreign), "not-found")


async def test_both_kinds_of_an_applicants_records_come_in_one_order_and_in_pages(service: Running) -> None:
    represented = new_id()
    for number in range(6):
        if number % 2:
            await notes(service, CODE)
        else:
            claims: dict[str, Any] = {
                "applicant": represented,
                "user_code_applicant": APPLICANT,
                "role": "mandatary",
            }
            headers = service.tokens.headers(user_code=CODE, **claims)
            await service.public.get(f"/v1/applicants/{represented}/notes", headers=headers)
    every = [
        str(row["id"])
        for row in await service.database.fetch("SELECT id FROM access_records ORDER BY at, id LIMIT 6")
    ]
    chief = service.tokens.person_in_charge(APPLICANT, CODE)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while len(seen) < 6:
        page = await service.public.get(
            f"/v1/applicants/{APPLICANT}/access-records", params={"limit": "2", **cursor}, headers=chief
        )
        seen += [record["id"] for record in page.json()["records"]]
        cursor = {"cursor": page.json()["next"]}
    assert seen == every


@pytest.mark.parametrize("asked", [{}, {"user_code_id": str(CODE)}, {"client_id": "portal"}])
async def test_an_auditor_without_a_purpose_is_refused(service: Running, asked: dict[str, Any]) -> None:
    headers = service.tokens.agent("auditor")
    del headers["Clicsequr-Purpose"]
    answer = await ask(service, headers, **asked)
    assert answer.json()["code"] == "purpose-missing"


@pytest.mark.parametrize("role", ["support", "decider", "security", "validator"])
async def test_other_agents_are_refused(service: Running, role: str) -> None:
    answer = await ask(service, service.tokens.agent(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")


async def test_persons_departments_and_departments_auditors_are_refused(service: Running) -> None:
    for headers in (
        service.tokens.person_in_charge(APPLICANT, CODE),
        service.tokens.department("revenu-quebec"),
        service.tokens.agent("auditor", side="revenu-quebec"),
    ):
        assert (await ask(service, headers)).status_code == 403


async def test_a_window_has_an_end_and_at_most_a_month(service: Running) -> None:
    at = now()
    for since, until in (
        (at - timedelta(days=31, seconds=1), at),
        (at, at - timedelta(seconds=1)),
    ):
        answer = await ask(service, **{"from": since.isoformat(), "until": until.isoformat()})
        assert (answer.status_code, answer.json()["code"]) == (400, "records-window-too-long")
    whole = await ask(service, **{"from": (at - timedelta(days=31)).isoformat(), "until": at.isoformat()})
    assert whole.status_code == 200


async def test_a_window_leaves_out_what_was_before_and_after_it(service: Running) -> None:
    await notes(service, CODE)
    await age_records(service)
    between = now() - LONGEST_CALL
    await notes(service, CODE)
    before = {"from": (between - timedelta(hours=1)).isoformat(), "until": between.isoformat()}
    after = {"from": between.isoformat(), "user_code_id": str(CODE)}
    assert len(await actors(service, **before, user_code_id=str(CODE))) == 1
    assert len(await actors(service, **after)) == 1


async def test_pages_follow_each_other_without_gap(service: Running) -> None:
    for _ in range(5):
        await notes(service, CODE)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await ask(service, user_code_id=str(CODE), limit="2", **cursor)).json()
        seen += [record["id"] for record in page["records"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 5


async def test_a_page_ends_before_what_may_still_be_committed_and_a_persons_own_list_does_not(
    service: Running,
) -> None:
    await notes(service, CODE)
    for until in ({}, {"until": now().isoformat()}):
        since = (now() - timedelta(hours=1)).isoformat()
        asked = {"from": since, "user_code_id": str(CODE), **until}
        page = await service.public.get(
            "/v1/access-records", params=asked, headers=service.tokens.agent("auditor")
        )
        assert page.json() == {"records": [], "next": None}
    chief = service.tokens.person_in_charge(APPLICANT, CODE)
    own = (await service.public.get("/v1/me/access-records", headers=chief)).json()["records"]
    assert f"user_code:{CODE}" in {one["actor"] for one in own}


async def test_one_subject_at_a_time(service: Running) -> None:
    answer = await ask(service, user_code_id=str(CODE), client_id="portal")
    assert (answer.status_code, answer.json()["code"]) == (400, "records-of-one-subject")


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "yesterday"},
        {"from": "2026-11-01T00:00:00"},
        {"user_code_id": "x"},
        {"agent_id": "x"},
        {"client_id": "x" * 201},
        {"client_id": "\0"},
        {"limit": "1001"},
    ],
)
async def test_a_malformed_question_is_refused(service: Running, asked: dict[str, Any]) -> None:
    assert (await ask(service, **asked)).status_code in {400, 422}


@pytest.mark.parametrize(
    ("query", "subject", "indexes"),
    [
        (access_records.SELECT_OF_CLIENT, "portal", ["client_id_at_id_idx"]),
        (access_records.SELECT_OF_AGENT, AGENT, ["actor_at_id_idx", "about_agent_id_at_id_idx"]),
        (access_records.SELECT_OF_USER_CODE, CODE, ["user_code_id_at_id_idx"]),
        (
            access_records.SELECT_OF_APPLICANT,
            APPLICANT,
            ["applicant_id_at_id_idx", "user_code_applicant_id_at_id_idx"],
        ),
        (
            evidence.SELECT_OF_APPLICANT,
            APPLICANT,
            ["evidence_records_by_applicant", "evidence_records_by_applicant_of_code"],
        ),
    ],
)
async def test_each_subject_has_its_indexes_and_nothing_is_sorted(
    service: Running, query: str, subject: object, indexes: list[str]
) -> None:
    async with service.database.transaction() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        await tx.execute("SET LOCAL enable_sort = off")
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        at = now()
        rows = await tx.fetch(f"EXPLAIN {query}", subject, at, at - timedelta(days=1), new_id(), 10)
    plan = "\n".join(row[0] for row in rows)
    assert [index for index in indexes if re.search(rf"{index}\b", plan) is None] == []
    assert "Sort  (" not in plan


async def test_idempotent_calls_and_refusals_are_listed_too(service: Running) -> None:
    refused = await service.public.post(
        f"/v1/applicants/{new_id()}/notes",
        json={"text": "x"},
        headers={**service.tokens.person_in_charge(APPLICANT, CODE), **idempotent()},
    )
    assert refused.status_code == 404
    records = (await ask(service, user_code_id=str(CODE))).json()["records"]
    assert [(one["outcome"], one["reason"]) for one in records] == [("refused", "not-found")]


@pytest.mark.parametrize(
    "asked",
    [
        {"cursor": "2026-01-01T00:00:00_00000000-0000-0000-0000-000000000000"},
        {"cursor": "0001-01-01T00:00:00+14:00_00000000-0000-0000-0000-000000000000"},
        {"cursor": "2026-13-01T00:00:00Z_00000000-0000-0000-0000-000000000000"},
        {"until": "2026-01-01T00:00:00"},
        {"until": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
    ],
)
async def test_an_instant_that_is_none_is_refused(service: Running, asked: dict[str, str]) -> None:
    own = service.tokens.person_in_charge(APPLICANT, CODE)
    lists = {
        "/v1/me/access-records": own,
        f"/v1/applicants/{APPLICANT}/access-records": own,
        f"/v1/applicants/{APPLICANT}/evidence-records": own,
    }
    found = [await service.public.get(path, params=asked, headers=headers) for path, headers in lists.items()]
    found.append(await ask(service, **asked))
    told = (400, "cursor-not-understood") if "cursor" in asked else (422, "malformed-request")
    assert {(answer.status_code, answer.json()["code"]) for answer in found} == {told}
