import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import defer
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.standing import set_standing
from tests.integration.common.probe import PUBLISHER
from tests.kit import Headers, Running, idempotent, running

APPLICANT = new_id()
CODE = new_id()


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(PUBLISHER, platform) as service:
        yield service


async def post(
    service: Running, headers: Headers, *, text: str = "hello", applicant: UUID = APPLICANT
) -> httpx.Response:
    return await service.public.post(f"/v1/applicants/{applicant}/notes", json={"text": text}, headers=headers)


async def records(service: Running) -> list[dict[str, object]]:
    rows = await service.database.fetch(
        "SELECT outcome, reason, actor, applicant_id, correlation_id FROM access_records"
    )
    return [dict(row) for row in rows]


def mine(service: Running, **claims: object) -> Headers:
    return service.tokens.person_in_charge(APPLICANT, CODE, **claims)  # type: ignore[arg-type]


async def test_an_admitted_call_leaves_one_access_record_found_by_its_correlation_id(service: Running) -> None:
    answer = await post(service, {**mine(service), **idempotent()})
    assert answer.status_code == 201
    [record] = await records(service)
    assert record["outcome"] == "admitted"
    assert record["actor"] == f"user_code:{CODE}"
    assert str(record["correlation_id"]) == answer.headers["x-correlation-id"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token-missing"),
        ({"Authorization": "Bearer nonsense"}, "token-invalid"),
        ({"Authorization": "Basic YTpi"}, "token-invalid"),
        # {"alg":"none","typ":"at+jwt"} . {} . no signature
        ({"Authorization": "Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30."}, "token-invalid"),
        ({"Authorization": "Bearer rs_unknown"}, "token-invalid"),
    ],
)
async def test_a_stranger_is_refused_and_leaves_no_record(service: Running, headers: Headers, code: str) -> None:
    answer = await post(service, {**headers, **idempotent()})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert "www-authenticate" in answer.headers
    assert await records(service) == []


@pytest.mark.parametrize("claims", [{"expires_in": -1}, {"aud": "urn:clicsequr:mailbox"}])
async def test_an_expired_or_foreign_token_is_refused_and_recorded(service: Running, claims: Headers) -> None:
    answer = await post(service, {**mine(service, **claims), **idempotent()})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
    [record] = await records(service)
    assert (record["outcome"], record["reason"]) == ("refused", "token-invalid")


@pytest.mark.parametrize("claims", [{"typ": "JWT"}, {"iss": "https://elsewhere.example"}])
async def test_a_token_of_another_kind_or_issuer_is_refused(service: Running, claims: Headers) -> None:
    answer = await post(service, {**mine(service, **claims), **idempotent()})
    assert answer.json()["code"] == "token-invalid"


async def test_another_applicants_id_is_answered_like_an_unknown_one_and_recorded(service: Running) -> None:
    answer = await post(service, {**mine(service), **idempotent()}, applicant=new_id())
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert [record["reason"] for record in await records(service)] == ["not-found"]


async def test_a_role_that_the_route_does_not_name_is_refused_and_told_which_do(service: Running) -> None:
    answer = await post(service, {**service.tokens.user(APPLICANT, CODE), **idempotent()})
    assert answer.status_code == 403
    assert answer.json()["admitted"] == "person_in_charge"


async def test_staff_without_a_purpose_are_refused(service: Running) -> None:
    headers = service.tokens.agent("auditor")
    del headers["Clicsequr-Purpose"]
    answer = await service.public.get(f"/v1/applicants/{APPLICANT}/failure", headers=headers)
    assert answer.json()["code"] == "purpose-missing"


async def purposes(service: Running) -> list[str | None]:
    return [row["purpose"] for row in await service.database.fetch("SELECT purpose FROM access_records")]


async def test_a_purpose_that_somebody_other_than_staff_states_is_not_kept(service: Running) -> None:
    answer = await post(service, {**mine(service), **idempotent(), "Clicsequr-Purpose": "x" * 5_000})
    assert answer.status_code == 201
    assert await purposes(service) == [None]


@pytest.mark.parametrize(("length", "status"), [(300, 200), (301, 400)])
async def test_a_purpose_of_staff_is_kept_to_its_longest_even_where_it_is_refused(
    service: Running, length: int, status: int
) -> None:
    headers = {**service.tokens.agent("auditor"), "Clicsequr-Purpose": "x" * length}
    answer = await service.public.get(f"/v1/applicants/{APPLICANT}/access-records", headers=headers)
    assert answer.status_code == status
    assert await purposes(service) == ["x" * 300]


@pytest.mark.parametrize("year", [now().year, 2999])
async def test_no_access_record_holds_a_purpose_over_the_longest(service: Running, year: int) -> None:
    record = """
        INSERT INTO access_records (id, at, correlation_id, actor, action, outcome, purpose)
        VALUES ($1, make_timestamptz($2, 12, 1, 0, 0, 0), $1, 'anonymous', 'GET /', 'admitted', repeat('x', $3))"""
    async with service.database.transaction() as tx:
        await tx.execute(record, new_id(), year, 300)
        with pytest.raises(asyncpg.CheckViolationError, match="a_purpose_is_at_most_300_characters"):
            await tx.execute(record, new_id(), year, 301)


async def test_an_agent_of_a_department_has_no_role_of_the_providers(service: Running) -> None:
    headers = service.tokens.agent("auditor", side="cnesst")
    answer = await service.public.get(f"/v1/applicants/{APPLICANT}/access-records", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "role-not-admitted")


@pytest.mark.parametrize("kind", ["applicant", "user_code", "session"])
async def test_a_token_issued_before_a_change_of_standing_stays_dead_also_after_release(
    service: Running, kind: str
) -> None:
    session = new_id()
    old = mine(service, session_id=session)
    subject = {"applicant": APPLICANT, "user_code": CODE, "session": session}[kind]
    assert (await post(service, {**old, **idempotent()})).status_code == 201
    for state in ("suspended", "active"):
        async with service.database.transaction() as tx:
            await set_standing(tx, kind, subject, source="registry", state=state, changed_at=now())  # type: ignore[arg-type]
        answer = await post(service, {**old, **idempotent()})
        assert (answer.status_code, answer.json()["code"]) == (401, "token-refused")
    fresh = mine(service, session_id=session, iat=int(now().timestamp()) + 2)
    assert (await post(service, {**fresh, **idempotent()})).status_code == 201


async def test_one_owners_release_never_lifts_another_owners_objection(service: Running) -> None:
    async with service.database.transaction() as tx:
        past = now() - timedelta(minutes=1)
        await set_standing(tx, "user_code", CODE, source="auth", state="suspended", changed_at=past)
        await set_standing(tx, "user_code", CODE, source="delegation", state="active", changed_at=past)
    answer = await post(service, {**mine(service), **idempotent()})
    assert (answer.status_code, answer.json()["code"]) == (403, "access-suspended")


async def test_recourse_passes_a_suspended_registration_only_on_routes_marked_so(service: Running) -> None:
    async with service.database.transaction() as tx:
        past = now() - timedelta(minutes=1)
        await set_standing(tx, "applicant", APPLICANT, source="registry", state="suspended", changed_at=past)
    recourse = mine(service, scope="recourse")
    read = await service.public.get(f"/v1/applicants/{APPLICANT}/notes", headers=recourse)
    assert read.status_code == 200
    assert (await post(service, {**recourse, **idempotent()})).json()["code"] == "recourse-only"
    ordinary = await service.public.get(f"/v1/applicants/{APPLICANT}/notes", headers=mine(service))
    assert ordinary.json()["code"] == "access-suspended"


async def test_facts_that_are_too_old_close_a_route_and_leave_exempt_ones_open(service: Running) -> None:
    service.resources.freshness.fresh_as_of = {"auth": now() - timedelta(seconds=61)}
    refused = await post(service, {**mine(service), **idempotent()})
    assert (refused.status_code, refused.json()["code"], refused.json()["publisher"]) == (
        503,
        "facts-too-old",
        "auth",
    )
    assert refused.headers["retry-after"]
    exempt = await service.public.get(f"/v1/applicants/{APPLICANT}/notes", headers=mine(service))
    assert exempt.status_code == 200


async def park(service: Running, partitionkey: str) -> None:
    await service.database.execute(
        "INSERT INTO parked_events VALUES ($1, 'urn:clicsequr:auth', $2, 1, '{}', 'x', now())",
        new_id(),
        partitionkey,
    )


async def decision(service: Running, department: str, applicant: UUID) -> tuple[int, str | None]:
    headers = service.tokens.department(department)
    answer = await service.public.get(f"/v1/applicants/{applicant}/decision", headers=headers)
    return answer.status_code, answer.json().get("code")


async def test_a_parked_event_makes_its_applicant_stale_and_no_other(service: Running) -> None:
    await park(service, f"applicant:{APPLICANT}")
    assert (await post(service, {**mine(service), **idempotent()})).json()["code"] == "facts-too-old"
    other = new_id()
    headers = {**service.tokens.person_in_charge(other, new_id()), **idempotent()}
    assert (await post(service, headers, applicant=other)).status_code == 201


async def test_a_parked_event_of_a_mandatarys_own_applicant_makes_its_calls_for_another_stale(
    service: Running,
) -> None:
    own = new_id()
    headers = {**mine(service, user_code_applicant=own), **idempotent()}
    assert (await post(service, headers)).status_code == 201
    await park(service, f"applicant:{own}")
    assert (await post(service, {**headers, **idempotent()})).json()["code"] == "facts-too-old"
    assert (await post(service, {**mine(service), **idempotent()})).status_code == 201


async def test_a_parked_event_of_an_agent_makes_its_calls_stale_and_no_others(service: Running) -> None:
    agent = new_id()
    await park(service, f"agent:{agent}")
    place = f"/v1/applicants/{APPLICANT}/remittance"
    stale = await service.public.get(place, headers=service.tokens.agent("auditor", agent_id=agent))
    assert (stale.status_code, stale.json()["code"]) == (503, "facts-too-old")
    assert (await service.public.get(place, headers=service.tokens.agent("auditor"))).status_code == 200


async def test_a_parked_event_of_a_department_makes_its_decisions_stale_and_no_others(service: Running) -> None:
    await park(service, "department:cnesst")
    assert await decision(service, "cnesst", APPLICANT) == (503, "facts-too-old")
    assert await decision(service, "revenu-quebec", APPLICANT) == (200, None)
    assert (await post(service, {**mine(service), **idempotent()})).status_code == 201


async def test_a_parked_event_of_an_applicant_makes_every_departments_decisions_about_it_stale(
    service: Running,
) -> None:
    await park(service, f"applicant:{APPLICANT}")
    assert await decision(service, "cnesst", APPLICANT) == (503, "facts-too-old")
    assert await decision(service, "cnesst", new_id()) == (200, None)


async def test_a_creating_call_needs_an_idempotency_key(service: Running) -> None:
    answer = await post(service, mine(service))
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing")


async def test_a_repeated_call_is_done_once_and_answered_without_its_secret(service: Running) -> None:
    headers = {**mine(service), **idempotent("k")}
    first, second = await post(service, headers), await post(service, headers)
    assert (first.json()["secret"], second.json()["secret"]) == ("shown once", None)
    assert second.status_code == 201
    assert second.headers["idempotency-replayed"] == "true"
    assert len(await service.events()) == 1


async def test_a_key_with_another_body_or_another_applicant_is_refused(service: Running) -> None:
    headers = {**mine(service), **idempotent("k")}
    await post(service, headers)
    answer = await post(service, headers, text="other")
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    other = {**service.tokens.person_in_charge(APPLICANT, new_id()), **idempotent("k")}
    assert (await post(service, other)).status_code == 201


async def test_twins_at_the_same_moment_are_done_once(service: Running) -> None:
    headers = {**mine(service), **idempotent("twin")}
    answers = await asyncio.gather(*(post(service, headers) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sum(answer.json()["secret"] is not None for answer in answers) == 1
    assert len(await service.events()) == 1


MALFORMED = [
    b"{",
    b'{"text": "a", "more": 1}',
    b'{"text": 5}',
    b'{"text": "nul \\u0000"}',
    b'{"text": "lone \\ud800"}',
    b'{"text": "a", "more": [{"lone \\ud800": 1}]}',
    b"[]",
    b"\xff\xfe",
    b'{"text": "\xff"}',
    b"",
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
async def test_a_malformed_body_is_a_clear_refusal_and_nothing_is_written(
    service: Running, content: bytes
) -> None:
    headers = {**mine(service), **idempotent(), "Content-Type": "application/json"}
    answer = await service.public.post(f"/v1/applicants/{APPLICANT}/notes", content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"malformed-request", "request-refused"}
    assert await service.events() == []


@pytest.mark.parametrize("asked", [{"partitionkey": "\0"}, {"after": 2**63}, {"after_sequence": 2**63}])
async def test_a_question_that_the_database_cannot_hold_is_malformed(
    service: Running, asked: dict[str, str | int]
) -> None:
    headers = service.tokens.service("mailbox", "feeds")
    answer = await service.internal.get("/internal/v1/events", params=asked, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(service: Running, chunked: bool) -> None:  # noqa: FBT001 - a parameter
    body = b'{"text": "' + b"a" * 2_000_000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    answer = await service.public.post(
        f"/v1/applicants/{APPLICANT}/notes",
        content=chunks() if chunked else body,
        headers={**mine(service), **idempotent(), "Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


async def test_an_unforeseen_fault_says_only_its_trace_and_correlation_ids(service: Running) -> None:
    answer = await service.public.get(f"/v1/applicants/{APPLICANT}/failure", headers=mine(service))
    assert answer.status_code == 500
    assert set(answer.json()) == {"type", "title", "status", "code", "detail", "correlation_id", "trace_id"}
    assert "marker" not in answer.text


@pytest.mark.parametrize(
    ("language", "word"), [("fr-CA", "jeton"), ("en;q=0.9, fr;q=0.3", "token"), ("", "jeton")]
)
async def test_a_refusal_speaks_the_callers_language(service: Running, language: str, word: str) -> None:
    answer = await post(service, {"Accept-Language": language})
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", "route-not-found"),
        ("DELETE", f"/v1/applicants/{APPLICANT}/notes", "method-not-allowed"),
    ],
    ids=["address", "method"],
)
async def test_an_unknown_address_is_a_problem_too(service: Running, method: str, path: str, code: str) -> None:
    answer = await service.public.request(method, path)
    assert answer.json()["code"] == code


async def test_a_method_that_is_not_allowed_is_told_with_those_that_are(service: Running) -> None:
    """RFC 9110 §15.5.6: also where each method has a route of its own."""
    for method in ("DELETE", "PATCH"):
        answer = await service.public.request(method, f"/v1/applicants/{APPLICANT}/notes")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert "allow" not in (await service.public.get("/nowhere")).headers


async def test_a_path_that_names_no_id_is_malformed(service: Running) -> None:
    answer = await service.public.get("/v1/applicants/nobody/notes", headers=mine(service))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed-request")


async def test_evidence_and_access_records_can_be_neither_changed_nor_removed(service: Running) -> None:
    await post(service, {**mine(service), **idempotent()})
    for table in ("evidence_records", "access_records"):
        for statement in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(Exception, match="permission denied"):
                await service.database.execute(statement)


async def test_calls_that_come_together_are_each_judged_and_recorded_for_themselves(service: Running) -> None:
    held = new_id()
    async with service.database.transaction() as tx:
        await set_standing(tx, "applicant", held, source="registry", state="suspended", changed_at=now())
    applicants = [held if number % 3 == 0 else new_id() for number in range(60)]
    later = int((now() + timedelta(seconds=2)).timestamp())

    async def call(applicant: UUID) -> httpx.Response:
        headers = service.tokens.person_in_charge(applicant, new_id(), iat=later)
        return await post(service, {**headers, **idempotent()}, applicant=applicant)

    answers = await asyncio.gather(*map(call, applicants))
    expected = [403 if applicant == held else 201 for applicant in applicants]
    assert [answer.status_code for answer in answers] == expected
    recorded = {str(record["correlation_id"]): record for record in await records(service)}
    for applicant, answer in zip(applicants, answers, strict=True):
        record = recorded.pop(answer.headers["x-correlation-id"])
        assert record["applicant_id"] == applicant
        assert record["outcome"] == ("refused" if applicant == held else "admitted")
    assert recorded == {}


async def test_nothing_is_deferred_outside_a_transaction_of_the_database(service: Running) -> None:
    async with service.database.connection() as connection:
        with pytest.raises(RuntimeError, match="transaction"):
            defer(connection, "INSERT INTO evidence_records DEFAULT VALUES")


async def fail_after_deferring(service: Running) -> None:
    call = Call(actor="system", at=now(), correlation_id=new_id())
    async with service.database.transaction() as tx:
        await record_evidence(tx, call, "undone", applicant_id=APPLICANT, content={})
        raise LookupError


async def test_what_was_deferred_is_undone_with_its_transaction(service: Running) -> None:
    with pytest.raises(LookupError):
        await fail_after_deferring(service)
    assert await service.database.fetch("SELECT 1 FROM evidence_records") == []


async def test_a_route_can_require_two_factors_and_says_so_as_the_standard_wants(service: Running) -> None:
    place = f"/v1/applicants/{APPLICANT}/remittance"
    refused = await service.public.get(place, headers=mine(service))
    assert refused.status_code == 401
    assert refused.json()["code"] == "stronger-authentication-needed"
    challenge = refused.headers["www-authenticate"]
    assert challenge == (
        'Bearer error="insufficient_user_authentication", acr_values="urn:clicsequr:acr:two-factor", '
        'DPoP algs="ES256 PS256"'
    )
    for acr in ("urn:clicsequr:acr:two-factor", "urn:clicsequr:acr:passkey"):
        assert (await service.public.get(place, headers=mine(service, acr=acr))).status_code == 200
    unknown = await service.public.get(place, headers=mine(service, acr="urn:clicsequr:acr:best"))
    assert unknown.status_code == 401
    reasons = [record["reason"] for record in await records(service)]
    assert reasons.count("stronger-authentication-needed") == 2


async def test_staff_is_admitted_with_two_factors_only(service: Running) -> None:
    place = f"/v1/applicants/{APPLICANT}/remittance"
    assert (await service.public.get(place, headers=service.tokens.agent("auditor"))).status_code == 200
    weak = service.tokens.agent("auditor", acr="urn:clicsequr:acr:password")
    for path in (place, f"/v1/applicants/{APPLICANT}/failure"):
        refused = await service.public.get(path, headers=weak)
        assert refused.json()["code"] == "stronger-authentication-needed"
