import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.ids import new_id
from services.registry.app import SERVICE, sweep
from tests.integration.registry.registration.world import (
    ADDRESS,
    BAKERY,
    PERSON,
    REPRESENTATIVE,
    VERSION,
    Auth,
    expect,
    filled,
    open_session,
)
from tests.kit import Running, idempotent, running


async def test_a_session_answers_its_token_once_and_keeps_only_its_hash(registry: Running) -> None:
    session = await open_session(registry)
    token = session.headers["Authorization"].removeprefix("Bearer ")
    assert token.startswith("rs_")
    assert len(token) >= len("rs_") + 43
    rows = await registry.database.fetch("SELECT * FROM registration_sessions")
    assert token not in str([dict(row) for row in rows])


async def test_the_representative_s_calls_are_recorded_from_the_first(registry: Running) -> None:
    session = await open_session(registry)
    await session.view()
    rows = await registry.database.fetch(
        "SELECT action, actor, outcome FROM access_records WHERE applicant_id = $1 ORDER BY at",
        session.applicant_id,
    )
    actor = f"representative:{session.registration_id}"
    assert [tuple(row) for row in rows] == [
        ("POST /v1/registrations", actor, "admitted"),
        ("GET /v1/registrations/{registration_id}", actor, "admitted"),
    ]


async def test_a_token_opens_its_own_file_only(registry: Running) -> None:
    mine, other = await open_session(registry), await open_session(registry)
    path = f"/v1/registrations/{other.registration_id}"
    key = idempotent()
    for method, part, body in (
        ("GET", "", None),
        ("PUT", "/applicant", BAKERY),
        ("POST", "/identity-proof", {"notice_number": "x", "amount": "1"}),
        ("PUT", "/representative", REPRESENTATIVE),
        ("POST", "/persons-in-charge", PERSON),
        ("DELETE", f"/persons-in-charge/{uuid4()}", None),
        ("PUT", "/conditions-acceptance", {"version": VERSION, "language": "fr"}),
        ("POST", "/submission", None),
        ("POST", "/one-time-passwords", None),
    ):
        answer = await registry.public.request(method, path + part, json=body, headers={**mine.headers, **key})
        assert answer.status_code == 404, (method, part)


@pytest.mark.parametrize("token", ["rs_", "rs_unknown", "rs_" + "é" * 3])
async def test_an_unknown_session_token_is_refused(registry: Running, token: str) -> None:
    session = await open_session(registry)
    headers = [(b"authorization", f"Bearer {token}".encode())]
    answer = await registry.public.get(f"/v1/registrations/{session.registration_id}", headers=headers)
    assert answer.status_code == 401


async def test_other_tokens_open_no_file(registry: Running) -> None:
    session = await open_session(registry)
    for headers in (
        registry.tokens.agent("validator"),
        registry.tokens.person_in_charge(session.applicant_id, new_id()),
        registry.tokens.department("cnesst"),
    ):
        answer = await registry.public.get(f"/v1/registrations/{session.registration_id}", headers=headers)
        assert answer.status_code == 403


async def test_a_session_ends_and_its_draft_expires(registry: Running) -> None:
    session = await open_session(registry)
    await _let_end(registry)
    path = f"/v1/registrations/{session.registration_id}"
    assert (await registry.public.get(path, headers=session.headers)).status_code == 401
    await sweep(registry.resources)
    state = await registry.database.fetchrow("SELECT state FROM registrations")
    assert state is not None
    assert state["state"] == "expired"
    assert await registry.database.fetch("SELECT * FROM registration_sessions") == []


async def test_a_submitted_file_never_expires(registry: Running) -> None:
    await (await filled(registry)).submit()
    await _let_end(registry)
    await sweep(registry.resources)
    state = await registry.database.fetchrow("SELECT state FROM registrations")
    assert state is not None
    assert state["state"] == "active"


async def test_openings_are_limited_per_network_then_in_all(platform: Platform, auth: Auth) -> None:
    async with running(
        SERVICE, platform, peers={"auth": auth}, openings_per_network=2, openings_in_all=3
    ) as service:
        body = {"applicant_kind": "individual"}
        answers = [await service.public.post("/v1/registrations", json=body) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 201, 429, 429, 429]
        assert answers[2].json()["code"] == "too-many-tries"
        assert 0 < int(answers[2].headers["Retry-After"]) <= 3601
        elsewhere = [await _open_from(service, f"198.51.{number}.7") for number in (1, 2)]
        assert [answer.status_code for answer in elsewhere] == [201, 429]


async def test_every_change_keeps_both_values_and_who_reported_it(registry: Running) -> None:
    session = await filled(registry)
    await expect(session.put("applicant", {**BAKERY, "name": "Boulangerie Érable inc."}), 200)
    await expect(session.put("applicant", {**BAKERY, "name": "Boulangerie Érable inc."}), 200)
    await expect(session.put("representative", {**REPRESENTATIVE, "capacity": "by-grant"}), 200)
    rows = await registry.database.fetch(
        "SELECT subject, reported_by, value_before, value_after FROM registration_changes ORDER BY at, id"
    )
    assert [row["subject"] for row in rows] == [
        "applicant",
        "representative",
        "person-in-charge",
        "applicant",
        "representative",
    ]
    assert {row["reported_by"] for row in rows} == {f"representative:{session.registration_id}"}
    assert rows[3]["value_before"]["name"] == BAKERY["name"]
    assert rows[3]["value_after"]["name"] == "Boulangerie Érable inc."
    assert (rows[4]["value_before"]["capacity"], rows[4]["value_after"]["capacity"]) == (
        "by-position",
        "by-grant",
    )


async def test_nobody_takes_a_change_back(registry: Running) -> None:
    await filled(registry)
    for table in ("registration_changes", "identity_proof_attempts", "documents", "conditions_texts"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {_any_column(table)}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await registry.database.execute(statement)


async def test_the_same_person_is_not_named_twice_and_a_misspelt_one_is_withdrawn(registry: Running) -> None:
    session = await open_session(registry)
    named = await expect(session.post("persons-in-charge", PERSON), 201)
    again = await expect(session.post("persons-in-charge", {**PERSON, "family_name": "GAGNON"}), 409)
    assert again.json()["code"] == "person-in-charge-already-named"
    await expect(session.delete(f"persons-in-charge/{named.json()['person_id']}"), 204)
    await expect(session.delete(f"persons-in-charge/{named.json()['person_id']}"), 404)
    assert (await session.view())["persons_in_charge"] == []


async def test_a_person_named_by_the_same_call_twice_is_one_person(registry: Running) -> None:
    session = await open_session(registry)
    first = await expect(session.post("persons-in-charge", PERSON, key="k"), 201)
    again = await expect(session.post("persons-in-charge", PERSON, key="k"), 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_outdated_conditions_are_not_accepted(registry: Running) -> None:
    session = await open_session(registry)
    answer = await expect(session.put("conditions-acceptance", {"version": "2001-1", "language": "en"}), 409)
    assert (answer.json()["code"], answer.json()["current"]) == ("conditions-outdated", VERSION)


async def test_a_file_is_not_changed_once_submitted(registry: Running) -> None:
    session = await filled(registry)
    await session.submit()
    for asked in (
        session.put("applicant", BAKERY),
        session.put("representative", REPRESENTATIVE),
        session.post("persons-in-charge", {**PERSON, "email": "new@example.org"}),
        session.put("conditions-acceptance", {"version": VERSION, "language": "en"}),
    ):
        assert (await expect(asked, 409)).json()["code"] == "registration-already-submitted"


@pytest.mark.parametrize(
    "change",
    [
        {"neq": "1260000001"},
        {"neq": "116000000"},
        {"neq": 1160000001},
        {"business_number": "123456789"},
        {"business_number": "12345678"},
        {"identification_number": "100000000"},
        {"identification_number": "\u06610000000\u0661"},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 201},
        {"name": "Un\0nom"},
        {"name": "Un\nnom"},
        {"name": "\ud800"},
        {"is_active": True},
        {"address": {**ADDRESS, "country": "Canada"}},
        {"address": None},
    ],
)
async def test_a_malformed_applicant_is_refused_without_telling_its_values(
    registry: Running, change: dict[str, Any]
) -> None:
    session = await open_session(registry)
    path = f"/v1/registrations/{session.registration_id}/applicant"
    body = json.dumps({**BAKERY, **change}).encode()
    answer = await registry.public.put(
        path, content=body, headers={**session.headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "malformed-request"
    assert (await session.view())["applicant"] is None


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'{"name": "\xff\xfe"}', {400, 422}),
        (b"{", {400, 422}),
        (b"[]", {422}),
        (b"", {422}),
        (b'{"name": "' + b"x" * 2_000_000 + b'"}', {413}),
        (b"[" * 100_000, {400, 422}),
    ],
    ids=["no-utf-8", "no-json", "no-object", "empty", "two-megabytes", "deeply-nested"],
)
async def test_a_body_that_cannot_be_read_is_refused(registry: Running, content: bytes, status: set[int]) -> None:
    session = await open_session(registry)
    headers = {**session.headers, "Content-Type": "application/json"}
    path = f"/v1/registrations/{session.registration_id}/applicant"
    assert (await registry.public.put(path, content=content, headers=headers)).status_code in status


@pytest.mark.parametrize("body", [{}, {"applicant_kind": "bank"}, {"applicant_kind": "individual", "name": "x"}])
async def test_a_malformed_opening_is_refused(registry: Running, body: dict[str, str]) -> None:
    assert (await registry.public.post("/v1/registrations", json=body)).status_code == 422


async def _open_from(service: Running, address: str) -> httpx.Response:
    transport = httpx.ASGITransport(service.apps[0], client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
        return await client.post("/v1/registrations", json={"applicant_kind": "individual"})


async def _let_end(service: Running) -> None:
    past = now() - timedelta(seconds=1)
    owner = await asyncpg.connect(service.owner_url)
    try:
        await owner.execute("UPDATE registrations SET expires_at = $1", past)
        await owner.execute("UPDATE registration_sessions SET expires_at = $1", past)
    finally:
        await owner.close()


def _any_column(table: str) -> str:
    column = {"conditions_texts": "text", "documents": "kind", "registration_changes": "subject"}.get(table, "at")
    return f"{column} = {column}"
