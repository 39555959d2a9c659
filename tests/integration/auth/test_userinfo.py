from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest

from deploy.local.environment import Platform
from libs.common.contracts.registry import AccessSuspended
from tests.integration.auth import parties
from tests.integration.auth.granting import forgeries_of, granted
from tests.integration.auth.parties import claims_of, new_browser
from tests.integration.auth.test_agents import secret_of
from tests.kit import Running

TOLD = {"sub", "sid", "acr", "amr", "auth_time", "applicant", "role", "locale"}


async def ask(service: Running, token: str) -> httpx.Response:
    return await service.public.get("/oauth/userinfo", headers={"authorization": f"Bearer {token}"})


def refused(answer: httpx.Response, error: str, *, status: int = 401) -> bool:
    challenge = answer.headers["www-authenticate"]
    is_told = f'error="{error}"' in challenge and answer.json()["error"] == error
    return answer.status_code == status and challenge.startswith('Bearer realm="') and is_told


@pytest.mark.parametrize("named", [parties.PORTAL, parties.CLIC_REVENU])
async def test_userinfo_tells_what_the_id_token_told(
    auth: Running, platform: Platform, named: tuple[str, str]
) -> None:
    given = await granted(auth, platform, named)
    found = (await ask(auth, given.access_token)).json()
    told = await claims_of(auth, given.tokens["id_token"])
    assert set(found) == TOLD
    assert all(found[name] == told[name] for name in TOLD)
    assert found["locale"] == "fr"
    if named is parties.CLIC_REVENU:
        assert str(given.person.user_code_id) not in str(found)


async def test_the_token_may_come_in_the_form_and_never_in_the_address(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    by_form = await auth.public.post("/oauth/userinfo", data={"access_token": given.access_token})
    by_header = await auth.public.post("/oauth/userinfo", headers=given.bearer)
    assert by_form.json() == by_header.json()
    in_address = await auth.public.get("/oauth/userinfo", params={"access_token": given.access_token})
    assert in_address.status_code == 401
    realm = f'realm="{auth.settings.issuer}"'
    both = f'Bearer {realm}, DPoP {realm}, algs="ES256 PS256"'
    assert in_address.headers["www-authenticate"] == both
    assert in_address.json() == {}


async def test_each_call_leaves_an_access_record_of_the_person(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform, parties.CLIC_REVENU)
    answer = await ask(auth, given.access_token)
    row = await auth.database.fetchrow(
        "SELECT action, outcome, client_id, user_code_id FROM access_records WHERE correlation_id = $1",
        answer.headers["x-correlation-id"],
    )
    assert row is not None
    assert tuple(row.values()) == ("GET /oauth/userinfo", "admitted", "clic-revenu", given.person.user_code_id)


async def test_a_token_shown_twice_or_by_another_scheme_is_a_wrong_request(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    twice = await auth.public.post(
        "/oauth/userinfo", data={"access_token": given.access_token}, headers=given.bearer
    )
    assert refused(twice, "invalid_request", status=400)
    basic = await auth.public.get("/oauth/userinfo", headers={"authorization": "Basic eDp5"})
    assert refused(basic, "invalid_request", status=400)
    long: dict[str, Any] = {"access_token": "x" * 20_000}
    assert refused(await auth.public.post("/oauth/userinfo", data=long), "invalid_request", status=400)


async def test_nothing_but_an_access_token_signed_here_opens_userinfo(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    answers = {name: await ask(auth, token) for name, token in (await forgeries_of(given)).items()}
    assert [name for name, answer in answers.items() if not refused(answer, "invalid_token")] == []
    assert len({answer.text for answer in answers.values()}) == 1
    assert (await ask(auth, given.access_token)).status_code == 200


async def test_a_token_for_another_audience_or_of_a_credential_does_not_open_userinfo(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    elsewhere = await given.refresh(resource="urn:clicsequr:mailbox")
    assert refused(await ask(auth, elsewhere.json()["access_token"]), "invalid_token")
    feeds = parties.client(auth, platform, ("registry", ""))
    own = (await feeds.token(grant_type="client_credentials")).json()["access_token"]
    assert refused(await ask(auth, own), "invalid_token")


async def test_a_token_that_was_given_here_leaves_a_record_though_it_opens_nothing(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    own = (await parties.client(auth, platform, ("registry", "")).token(grant_type="client_credentials")).json()
    await auth.database.execute(
        "UPDATE clients SET state = 'disabled', is_installed = false WHERE client_id = 'portal'"
    )
    for token, known in (
        (own["access_token"], ("registry", None, "refused", "token-invalid")),
        (given.access_token, ("portal", given.person.user_code_id, "refused", "token-invalid")),
    ):
        answer = await ask(auth, token)
        assert refused(answer, "invalid_token")
        rows = await auth.database.fetch(
            "SELECT client_id, user_code_id, outcome, reason FROM access_records WHERE correlation_id = $1",
            answer.headers["x-correlation-id"],
        )
        assert [tuple(row.values()) for row in rows] == [known]
    stranger = await ask(auth, "x")
    assert not await auth.database.fetch(
        "SELECT 1 FROM access_records WHERE correlation_id = $1", stranger.headers["x-correlation-id"]
    )


async def test_without_the_scope_openid_userinfo_says_which_is_needed(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    narrow = (await given.refresh(scope="offline_access")).json()["access_token"]
    answer = await ask(auth, narrow)
    assert refused(answer, "insufficient_scope", status=403)
    assert 'scope="openid"' in answer.headers["www-authenticate"]


async def test_userinfo_ends_with_the_grant_the_session_and_the_standing(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    await given.client.redeem(given.code)
    assert refused(await ask(auth, given.access_token), "invalid_token")
    other = await granted(auth, platform)
    await parties.tell(auth, AccessSuspended(applicant_id=other.person.applicant_id))
    assert refused(await ask(auth, other.access_token), "invalid_token")


async def test_what_standing_alone_refuses_is_refused_in_the_record_too(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('user_code', $1, 'delegation', 'suspended', now())",
        str(given.person.user_code_id),
    )
    answer = await ask(auth, given.access_token)
    assert refused(answer, "invalid_token")
    row = await auth.database.fetchrow(
        "SELECT outcome FROM access_records WHERE correlation_id = $1", answer.headers["x-correlation-id"]
    )
    assert row is not None
    assert row["outcome"] == "refused"


async def test_old_facts_answer_503(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    auth.resources.freshness.fresh_as_of["registry"] -= timedelta(days=2)
    assert (await ask(auth, given.access_token)).status_code == 503


async def test_an_agent_is_told_what_its_session_is(auth: Running, platform: Platform) -> None:

    portal, browser = parties.client(auth, platform), new_browser(auth)
    await browser.get(portal.authorize(scope="openid offline_access"))
    await browser.submit({"user_code": "validator", "password": secret_of(platform, "validator", "password")})
    answer = await browser.submit({"one_time_code": pyotp.TOTP(secret_of(platform, "validator", "totp")).now()})
    tokens = (await portal.redeem(parties.answer_of(answer)["code"])).json()
    found = (await ask(auth, tokens["access_token"])).json()
    assert set(found) == {"sub", "sid", "acr", "amr", "auth_time"}
    refreshed = await portal.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (await claims_of(auth, refreshed.json()["access_token"]))["agent"] == found["sub"]
