"""Every authentication, token and use of a code leaves one access record (clauses 19, 30)."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.ids import new_id
from tests.architecture.test_routes import admitted, routers
from tests.integration.auth import parties
from tests.integration.auth.granting import Granted, granted
from tests.integration.auth.parties import ASSERTION_TYPE, Person, new_browser
from tests.integration.auth.test_user_code_holds import new_user
from tests.kit import Headers, Running, idempotent

ADDRESS, BROWSER = "192.0.2.77", "a browser of this test"
WRONG = "not the password of anybody"


class Walk:
    """Calls of one service, and what each of them left behind."""

    def __init__(self, auth: Running, platform: Platform) -> None:
        self.auth = auth
        self.platform = platform

    async def left_by(self, call: Awaitable[httpx.Response]) -> list[dict[str, Any]]:
        before = {row["id"] for row in await self._rows()}
        await call
        return [row for row in await self._rows() if row["id"] not in before]

    async def one(self, call: Awaitable[httpx.Response], action: str, **expected: Any) -> dict[str, Any]:
        left = await self.left_by(call)
        assert [row["action"] for row in left] == [action], left
        [row] = left
        told = {name: row[name] for name in expected}
        assert told == expected
        assert row["address"]
        assert row["user_agent"]
        assert row["at"] is not None
        return row

    async def _rows(self) -> list[dict[str, Any]]:
        return [
            dict(row) for row in await self.auth.database.fetch("SELECT * FROM access_records ORDER BY at, id")
        ]


@pytest.fixture
def walk(auth: Running, platform: Platform) -> Walk:
    return Walk(auth, platform)


def who(person: Person) -> dict[str, Any]:
    return {
        "actor": f"user_code:{person.user_code_id}",
        "user_code_id": person.user_code_id,
        "applicant_id": person.applicant_id,
    }


@asynccontextmanager
async def visitor(auth: Running) -> AsyncIterator[parties.Browser]:
    browser = new_browser(auth, address=ADDRESS)
    browser.http.headers["user-agent"] = BROWSER
    yield browser


async def test_a_sign_in_right_or_wrong_leaves_one_record_with_where_it_came_from(walk: Walk) -> None:
    person = await parties.sessions_person(walk.auth, walk.platform)
    portal = parties.client(walk.auth, walk.platform)
    origin = {"address": ADDRESS, "user_agent": BROWSER, "client_id": "portal"}
    async with visitor(walk.auth) as browser:
        await browser.get(portal.authorize())
        typed = {"user_code": person.user_code, "password": WRONG}
        wrong = await walk.one(browser.submit(typed), "POST /sign-in", outcome="refused", **origin)
        assert (wrong["reason"], wrong["user_code_id"]) == ("wrong-password", person.user_code_id)
        assert wrong["actor"] == "anonymous"
        unknown = {"user_code": "AAAAA-AAAAA", "password": WRONG}
        nobody = await walk.one(browser.submit(unknown), "POST /sign-in", outcome="refused", **origin)
        assert nobody["user_code_id"] is None
        right = {"user_code": person.user_code, "password": person.password}
        done = await walk.one(browser.submit(right), "POST /sign-in", outcome="admitted", **who(person), **origin)
        assert done["acr"] == "urn:clicsequr:acr:password"
        assert done["session_id"] is not None
        assert done["role"] == "person_in_charge"
        department = parties.client(walk.auth, walk.platform, parties.CLIC_REVENU)
        sso = browser.get(department.authorize())
        await walk.one(sso, "GET /oauth/authorize", **who(person), client_id="clic-revenu", outcome="admitted")


async def test_first_use_leaves_a_record_for_each_step(walk: Walk) -> None:
    person = await parties.new_person_in_charge(walk.auth)
    portal = parties.client(walk.auth, walk.platform)
    async with visitor(walk.auth) as browser:
        await browser.get(portal.authorize())
        first = {"user_code": person.user_code, "password": person.password}
        await walk.one(browser.submit(first), "POST /sign-in", outcome="admitted", **who(person))
        chosen = {"new_password": parties.PASSWORD, "repeated_password": parties.PASSWORD}
        await walk.one(browser.submit(chosen), "POST /change-password", outcome="admitted", **who(person))


async def test_each_token_call_leaves_one_record(walk: Walk) -> None:
    given = await granted(walk.auth, walk.platform)
    mine = {**who(given.person), "client_id": "portal", "outcome": "admitted"}
    refreshed = await walk.one(given.refresh(), "POST /oauth/token", **mine)
    assert refreshed["acr"] == "urn:clicsequr:acr:password"
    await walk.one(given.refresh("nonsense"), "POST /oauth/token", outcome="refused", client_id="portal")
    wrong_code = given.client.redeem("nonsense")
    await walk.one(wrong_code, "POST /oauth/token", outcome="refused", client_id="portal")
    registry = parties.client(walk.auth, walk.platform, ("registry", ""))
    by_credentials = registry.token(grant_type="client_credentials", resource="urn:clicsequr:mailbox")
    await walk.one(by_credentials, "POST /oauth/token", outcome="admitted", client_id="registry")


def shown(given: Granted, **form: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": given.client.assertion(), **form}


async def test_each_call_with_a_token_leaves_one_record(walk: Walk) -> None:
    given = await granted(walk.auth, walk.platform)
    post = walk.auth.public.post
    mine = {"applicant_id": given.person.applicant_id, "client_id": "portal", "outcome": "admitted"}
    asked = walk.auth.public.get("/oauth/userinfo", headers=given.bearer)
    await walk.one(asked, "GET /oauth/userinfo", **mine, actor=who(given.person)["actor"])
    token = given.access_token
    introspected = post("/oauth/introspect", data=shown(given, token=token))
    await walk.one(introspected, "POST /oauth/introspect", **mine)
    form = dict(httpx.URL(given.client.authorize()).params)
    by_portal = {"client_id": "portal", "outcome": "admitted"}
    await walk.one(post("/oauth/par", data=shown(given, **form)), "POST /oauth/par", **by_portal)
    await walk.one(post("/oauth/revoke", data=shown(given, token=token)), "POST /oauth/revoke", **by_portal)


async def test_what_a_stranger_states_as_a_purpose_is_not_kept(walk: Walk) -> None:
    stated = {"Clicsequr-Purpose": "x" * 5_000}
    asked = walk.auth.public.post("/oauth/token", data={"grant_type": "nonsense"}, headers=stated)
    await walk.one(asked, "POST /oauth/token", actor="anonymous", outcome="refused", purpose=None)


ANY = "00000000-0000-7000-8000-000000000001"
PLACES = [
    ("POST", "/v1/applicants/{applicant_id}/incidents"),
    ("GET", "/v1/applicants/{applicant_id}/incidents"),
    ("GET", "/v1/applicants/{applicant_id}/incidents/{incident_id}"),
    ("POST", "/v1/applicants/{applicant_id}/incidents/{incident_id}/passing-on"),
    ("POST", "/v1/applicants/{applicant_id}/incidents/{incident_id}/resolution"),
    ("GET", "/v1/user-codes/{user_code_id}"),
    ("POST", "/v1/user-codes/{user_code_id}/one-time-passwords"),
    ("POST", "/v1/user-codes/{user_code_id}/holds"),
    ("POST", "/v1/user-codes/{user_code_id}/holds/{hold_id}/release"),
    ("POST", "/v1/user-codes/{user_code_id}/revocation"),
    ("GET", "/v1/user-codes/{user_code_id}/holds/{hold_id}/grounds"),
    ("GET", "/v1/me/access-records"),
    ("POST", "/v1/me/disuse-release"),
    ("GET", "/v1/applicants/{applicant_id}/access-records"),
    ("GET", "/v1/applicants/{applicant_id}/evidence-records"),
    ("GET", "/v1/access-records"),
    ("POST", "/v1/proposals"),
    ("GET", "/v1/proposals"),
    ("GET", "/v1/proposals/{proposal_id}"),
    ("POST", "/v1/proposals/{proposal_id}/approvals"),
    ("POST", "/v1/proposals/{proposal_id}/refusals"),
    ("POST", "/v1/proposals/{proposal_id}/withdrawals"),
    ("POST", "/v1/proposals/{proposal_id}/shown-once"),
    ("GET", "/v1/me/sessions"),
    ("DELETE", "/v1/me/sessions"),
    ("DELETE", "/v1/me/sessions/{session_id}"),
    ("GET", "/v1/applicants/{applicant_id}/sessions"),
    ("DELETE", "/v1/applicants/{applicant_id}/sessions/{session_id}"),
    ("GET", "/v1/me/software"),
    ("DELETE", "/v1/me/software/{product}"),
    ("GET", "/v1/me/second-factors"),
    ("GET", "/v1/agents"),
    ("GET", "/v1/clients"),
    ("GET", "/v1/clients/{client_id}"),
]


def _path(template: str, *, applicant_id: UUID, user_code_id: UUID) -> str:
    named = {"applicant_id": str(applicant_id), "user_code_id": str(user_code_id)}
    for name in ("incident_id", "hold_id", "proposal_id", "session_id", "product", "client_id"):
        named[name] = ANY
    return template.format(**named)


@pytest.mark.parametrize(("method", "template"), PLACES)
async def test_each_route_leaves_one_record_whoever_calls_and_however_it_ends(
    walk: Walk, method: str, template: str
) -> None:
    chief = await parties.new_person_in_charge(walk.auth)
    user = await new_user(walk.auth, chief)
    path = _path(template, applicant_id=chief.applicant_id, user_code_id=user.user_code_id)
    session_id = new_id()
    callers: list[tuple[str, Headers]] = [
        (
            f"user_code:{chief.user_code_id}",
            walk.auth.tokens.person_in_charge(chief.applicant_id, chief.user_code_id, session_id=session_id),
        ),
        (f"user_code:{user.user_code_id}", walk.auth.tokens.user(user.applicant_id, user.user_code_id)),
        (f"agent:{ANY}", walk.auth.tokens.agent("security", agent_id=UUID(ANY))),
    ]
    for actor, headers in callers:
        body: dict[str, str] | None = {} if method == "POST" else None
        call = walk.auth.public.request(method, path, json=body, headers={**headers, **idempotent()})
        row = await walk.one(call, f"{method} {template}", actor=actor, client_id="portal")
        assert row["acr"]
        assert row["session_id"]
        if "{applicant_id}" in template or actor.startswith("user_code:"):
            assert row["applicant_id"] == chief.applicant_id


def test_every_admitted_public_route_of_auth_is_walked_over(auth: Running) -> None:
    declared = {(method, path) for method, path, _ in admitted(routers(auth.service)["public"])}
    assert set(PLACES) == declared


async def test_a_person_lists_their_own_and_a_person_in_charge_everybodys(walk: Walk) -> None:
    chief = await parties.sessions_person(walk.auth, walk.platform)
    user = await new_user(walk.auth, chief)
    await parties.first_sign_in(new_browser(walk.auth), parties.client(walk.auth, walk.platform), user)
    tokens, get = walk.auth.tokens, walk.auth.public.get
    as_user = tokens.user(user.applicant_id, user.user_code_id)
    own = (await get("/v1/me/access-records", headers=as_user)).json()["records"]
    assert {one["user_code_id"] for one in own} == {str(user.user_code_id)}
    assert {"POST /sign-in", "POST /change-password"} <= {one["action"] for one in own}
    path = f"/v1/applicants/{chief.applicant_id}/access-records"
    as_chief = tokens.person_in_charge(chief.applicant_id, chief.user_code_id)
    everybodys = (await get(path, headers=as_chief)).json()["records"]
    assert {str(chief.user_code_id), str(user.user_code_id)} <= {one["user_code_id"] for one in everybodys}
    assert (await get(path, headers=as_user)).status_code == 403
    auditor = tokens.agent("auditor")
    assert (await get(path, headers=auditor)).status_code == 200
    del auditor["Clicsequr-Purpose"]
    assert (await get(path, headers=auditor)).json()["code"] == "purpose-missing"
