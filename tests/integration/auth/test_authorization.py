import asyncio
from datetime import timedelta

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.ids import new_id
from libs.common.pairwise import pairwise_id
from services.auth.key_files import read_key
from services.auth.settings import AuthSettings
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, answer_of, claims_of, new_browser
from tests.kit import Running


async def signed_in(service: Running, platform: Platform) -> tuple[Person, parties.Browser, parties.Client, str]:
    """Somebody in the portal, with a code that was not redeemed yet."""
    person = await parties.new_person_in_charge(service)
    portal = parties.client(service, platform)
    browser = new_browser(service)
    answer = answer_of(await parties.first_sign_in(browser, portal, person))
    return person, browser, portal, answer["code"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"resource": "urn:clicsequr:elsewhere"}, "invalid_target"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "e30."}, "invalid_request_object"),
        ({"request_uri": "https://x.example"}, "request_uri_not_supported"),
        ({"state": "s" * 2000}, "invalid_request"),
    ],
)
async def test_a_wrong_request_goes_back_to_the_client_with_state_and_issuer(
    auth: Running, platform: Platform, changes: dict[str, str | None], error: str
) -> None:
    portal = parties.client(auth, platform)
    answer = answer_of(await new_browser(auth).get(portal.authorize(**changes)))
    assert answer["error"] == error
    assert answer["iss"] == auth.settings.issuer
    assert answer["state"] in {"the-state", "s" * 1024}


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:18090/callback/"},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": "registry"},
        {"client_id": None},
    ],
)
async def test_an_address_that_is_not_registered_gets_a_page_and_never_a_redirect(
    auth: Running, platform: Platform, changes: dict[str, str | None]
) -> None:
    answer = await new_browser(auth).get(parties.client(auth, platform).authorize(**changes))
    assert answer.status_code == 400
    assert "cannot be followed" in answer.text


async def test_a_parameter_that_cannot_be_read_gets_a_page_and_an_unknown_one_is_ignored(
    auth: Running, platform: Platform
) -> None:
    asked = parties.client(auth, platform).authorize()
    assert (await new_browser(auth).get(f"{asked}&colour=blue&x=%00")).status_code == 400
    assert (await new_browser(auth).get(f"{asked}&colour=blue")).url.path == "/sign-in"


async def test_an_authorization_request_may_come_by_form(auth: Running, platform: Platform) -> None:
    query = parties.client(auth, platform).authorize().partition("?")[2]
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await auth.public.post("/oauth/authorize", content=query, headers=headers)
    assert (await new_browser(auth).get(answer.headers["location"])).url.path == "/sign-in"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": None},
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://127.0.0.1:18091/callback"},
        {"redirect_uri": None},
        {"code": "another"},
    ],
)
async def test_a_code_is_bound_to_its_verifier_and_redirect_and_a_wrong_try_uses_it_up(
    auth: Running, platform: Platform, changes: dict[str, str | None]
) -> None:
    _, _, portal, code = await signed_in(auth, platform)
    refused = await portal.redeem(code, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    again = await portal.redeem(code)
    assert again.status_code == (200 if "code" in changes else 400)


async def test_a_code_of_another_client_is_not_redeemed_nor_used_up(auth: Running, platform: Platform) -> None:
    _, _, portal, code = await signed_in(auth, platform)
    other = parties.client(auth, platform, parties.CLIC_REVENU)
    other.verifier = portal.verifier
    assert (await other.redeem(code, redirect_uri=portal.redirect_uri)).json()["error"] == "invalid_grant"
    assert (await portal.redeem(code)).status_code == 200


async def test_the_replay_of_a_code_ends_the_session_it_gave_tokens_of(auth: Running, platform: Platform) -> None:
    _, browser, portal, code = await signed_in(auth, platform)
    assert (await portal.redeem(code)).status_code == 200
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"
    assert [data["reason"] for name, data in await auth.events() if name == "session-ended"] == ["ended-by-other"]
    standing = await auth.database.fetchrow("SELECT state FROM standing WHERE subject_kind = 'session'")
    assert standing is not None
    assert standing["state"] == "ended"
    assert (await browser.get(portal.authorize())).url.path == "/sign-in"


async def test_two_redemptions_at_once_give_tokens_once(auth: Running, platform: Platform) -> None:
    _, _, portal, code = await signed_in(auth, platform)
    answers = await asyncio.gather(*(portal.redeem(code) for _ in range(4)))
    assert sum(answer.status_code == 200 for answer in answers) <= 1


async def test_an_expired_code_gives_nothing(auth: Running, platform: Platform) -> None:
    _, _, portal, code = await signed_in(auth, platform)
    await age_codes(auth)
    assert (await portal.redeem(code)).json()["error"] == "invalid_grant"


async def age_codes(service: Running) -> None:
    owner = await asyncpg.connect(service.owner_url)
    await owner.execute("UPDATE authorization_codes SET expires_at = now() - interval '1 s'")
    await owner.close()


async def test_codes_and_secrets_are_kept_as_hashes(auth: Running, platform: Platform) -> None:
    person, browser, _, code = await signed_in(auth, platform)
    row = await auth.database.fetchrow(
        "SELECT c::text AS code, s::text AS session FROM authorization_codes c, sessions s"
    )
    assert row is not None
    assert code not in row["code"]
    assert browser.http.cookies["clicsequr-session"] not in row["session"]
    evidence = await auth.database.fetch("SELECT content::text AS content FROM evidence_records")
    for secret in (code, person.user_code, person.password):
        assert all(secret not in record["content"] for record in evidence)


async def test_each_single_sign_on_leaves_an_access_record(auth: Running, platform: Platform) -> None:
    person, browser, _, _ = await signed_in(auth, platform)
    clic_revenu = parties.client(auth, platform, parties.CLIC_REVENU)
    code = answer_of(await browser.get(clic_revenu.authorize()))["code"]
    correlation_id = browser.page.headers["x-correlation-id"]
    row = await auth.database.fetchrow(
        "SELECT action, outcome, client_id, user_code_id FROM access_records WHERE correlation_id = $1",
        correlation_id,
    )
    assert row is not None
    assert tuple(row.values()) == ("GET /oauth/authorize", "admitted", "clic-revenu", person.user_code_id)
    told = await claims_of(auth, (await clic_revenu.redeem(code)).json()["id_token"])
    settings = auth.settings
    assert isinstance(settings, AuthSettings)
    key = read_key(settings.pairwise_key_file).secret
    assert told["sub"] == pairwise_id(key, department="revenu-quebec", user_code_id=person.user_code_id)
    assert told["applicant"] == str(person.applicant_id)
    assert str(person.user_code_id) not in str(told)


async def test_a_department_gets_tokens_for_auth_alone_and_the_user_code_is_not_told(
    auth: Running, platform: Platform
) -> None:
    person, browser, _, _ = await signed_in(auth, platform)
    clic_revenu = parties.client(auth, platform, parties.CLIC_REVENU)
    refused = answer_of(await browser.get(clic_revenu.authorize(resource="urn:clicsequr:mailbox")))
    assert refused["error"] == "invalid_target"
    code = answer_of(await browser.get(clic_revenu.authorize()))["code"]
    assert (await clic_revenu.redeem(code, resource="urn:clicsequr:mailbox")).json()["error"] == "invalid_target"
    code = answer_of(await browser.get(clic_revenu.authorize()))["code"]
    claims = await claims_of(auth, (await clic_revenu.redeem(code)).json()["access_token"])
    assert claims["aud"] == auth.settings.issuer
    assert str(person.user_code_id) not in str(claims)


async def test_several_resources_may_be_asked_and_one_is_chosen_per_token(
    auth: Running, platform: Platform
) -> None:
    _, browser, portal, _ = await signed_in(auth, platform)
    asked = f"{portal.authorize(resource='urn:clicsequr:registry')}&resource=urn:clicsequr:mailbox"
    code = answer_of(await browser.get(asked))["code"]
    claims = await claims_of(
        auth, (await portal.redeem(code, resource="urn:clicsequr:mailbox")).json()["access_token"]
    )
    assert claims["aud"] == "urn:clicsequr:mailbox"
    code = answer_of(await browser.get(asked))["code"]
    refused = await portal.redeem(code, resource="urn:clicsequr:delegation")
    assert refused.json()["error"] == "invalid_target"


async def test_prompt_login_and_max_age_ask_for_the_password_again(auth: Running, platform: Platform) -> None:
    _, browser, portal, _ = await signed_in(auth, platform)
    assert "code" in answer_of(await browser.get(portal.authorize(prompt="none", max_age="600")))
    assert (await browser.get(portal.authorize(prompt="login"))).url.path == "/sign-in"
    await auth.database.execute("UPDATE registrations SET changed_at = changed_at - interval '1 h'")
    await auth.database.execute("UPDATE user_codes SET password_set_at = password_set_at - interval '1 h'")
    await auth.database.execute("UPDATE sessions SET authenticated_at = authenticated_at - interval '5 s'")
    assert "code" in answer_of(await browser.get(portal.authorize(max_age="600")))
    assert (await browser.get(portal.authorize(max_age="3"))).url.path == "/sign-in"


async def test_tokens_wait_until_their_second_is_past_what_standing_refuses(
    auth: Running, platform: Platform
) -> None:
    person, _, portal, code = await signed_in(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('user_code', $1, 'delegation', 'active', date_trunc('second', now()))",
        str(person.user_code_id),
    )
    claims = await claims_of(auth, (await portal.redeem(code)).json()["access_token"])
    row = await auth.database.fetchrow("SELECT refuse_issued_before AS bound FROM standing")
    assert row is not None
    assert claims["iat"] > row["bound"].timestamp()


async def test_no_token_is_given_when_the_wait_would_be_long(auth: Running, platform: Platform) -> None:
    person, _, portal, code = await signed_in(auth, platform)
    await auth.database.execute(
        "INSERT INTO standing (subject_kind, subject_id, source, state, refuse_issued_before) "
        "VALUES ('applicant', $1, 'registry', 'active', now() + interval '9 s')",
        str(person.applicant_id),
    )
    refused = await portal.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")


async def test_old_facts_stop_sign_in_and_tokens_but_not_sign_out_nor_keys(
    auth: Running, platform: Platform
) -> None:
    _, browser, portal, code = await signed_in(auth, platform)
    fresh = dict(auth.resources.freshness.fresh_as_of)
    auth.resources.freshness.fresh_as_of["registry"] -= timedelta(days=2)
    assert (await portal.redeem(code)).status_code == 503
    assert answer_of(await browser.get(portal.authorize()))["error"] == "temporarily_unavailable"
    stranger = new_browser(auth)
    page = await stranger.get(portal.authorize())
    assert page.status_code == 503
    assert "not possible at this moment" in page.text
    assert (await auth.public.get("/oauth/jwks")).status_code == 200
    feeds = parties.client(auth, platform, ("registry", ""))
    assert (await feeds.token(grant_type="client_credentials")).status_code == 200
    await browser.get("/oauth/logout")
    await browser.submit({})
    assert "session-ended" in [name for name, _ in await auth.events()]
    auth.resources.freshness.fresh_as_of.update(fresh)
    assert (await stranger.get("/sign-in")).status_code == 200


async def test_a_form_that_is_too_long_or_none_at_all_is_refused(auth: Running) -> None:
    for content, kind in (("a=" + "x" * 20_000, "application/x-www-form-urlencoded"), ("{}", "application/json")):
        answer = await auth.public.post("/oauth/token", content=content, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_code_is_not_given_for_a_request_of_nobody(auth: Running, platform: Platform) -> None:
    _, _, portal, _ = await signed_in(auth, platform)
    answer: httpx.Response = await portal.redeem(str(new_id()))
    assert answer.json() == {"error": "invalid_grant", "error_description": "the code is not valid"}
