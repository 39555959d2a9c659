"""RFC 9126: a request that its client hands over itself; the browser only brings its name."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from libs.common.clock import now
from services.auth.app import sweep_expired
from services.auth.authorization.pushed import PREFIX
from services.auth.client.keys import Alg
from services.auth.client.rules import Client, Method, Profile
from tests.integration.auth import parties
from tests.integration.auth.parties import answer_of, first_sign_in, new_browser, new_person_in_charge
from tests.integration.auth.registered import BOOKS, REFUSED, Books, Signer, basic, fault_of, install, with_secret
from tests.kit import Running

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ASKED = {
    "response_type": "code",
    "redirect_uri": BOOKS.redirect_uris[0],
    "scope": "openid",
    "state": "the-state",
    "nonce": "the-nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
PUSHING = replace(BOOKS, require_pushed_authorization_requests=True)
FAPI2 = replace(BOOKS, profile=Profile.FAPI2, dpop_bound_access_tokens=True)


def named(request_uri: str, *, client_id: str = "books", **others: str) -> str:
    return f"/oauth/authorize?{urlencode({'client_id': client_id, 'request_uri': request_uri, **others})}"


def asked_by(relying: Books) -> dict[str, str]:
    """What it asks and can redeem."""
    return {name: value for name, value in httpx.URL(relying.authorize()).params.items() if name != "client_id"}


async def pushed(service: Running, **changes: str) -> str:
    answer = await Signer(service, "books").push(**{**ASKED, **changes})
    assert answer.status_code == 201, answer.text
    name: str = answer.json()["request_uri"]
    return name


async def test_a_pushed_request_is_met_by_its_name_alone(auth: Running, platform: Platform) -> None:
    await install(auth, PUSHING)
    relying = Books(auth, platform)
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    await first_sign_in(browser, parties.client(auth, platform), person)
    answer = await Signer(auth, "books").push(**asked_by(relying))
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    name, life = answer.json()["request_uri"], answer.json()["expires_in"]
    assert name.startswith(PREFIX)
    assert len(name) >= len(PREFIX) + 43
    assert 0 < life <= 60
    back = await relying.consented(browser, await browser.get(named(name)))
    assert answer_of(back)["state"] == "the-state"
    granted = await relying.redeem_code(relying.code(back))
    assert granted.status_code == 200


async def test_what_the_browser_adds_or_changes_is_not_looked_at(auth: Running) -> None:
    await install(auth, BOOKS)
    name = await pushed(auth, prompt="none")
    others = {"redirect_uri": "https://elsewhere.example/", "state": "another", "prompt": "login", "scope": "x"}
    back = answer_of(await new_browser(auth).get(named(name, **others)))
    assert (back["error"], back["state"]) == ("login_required", "the-state")


async def test_a_name_serves_until_its_request_is_answered(auth: Running, platform: Platform) -> None:
    await install(auth, PUSHING)
    relying = Books(auth, platform)
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    await first_sign_in(browser, parties.client(auth, platform), person)
    name = await pushed(auth, **asked_by(relying))
    assert (await browser.get(named(name))).url.path == "/consent"
    back = await relying.consented(browser, await browser.get(named(name)))
    assert (await relying.redeem_code(relying.code(back))).status_code == 200
    again = await browser.get(named(name))
    assert again.status_code == 400
    assert "location" not in again.headers


async def test_a_request_that_is_loaded_again_waits_in_place_of_the_one_before(
    auth: Running, platform: Platform
) -> None:
    await install(auth, BOOKS)
    name = await pushed(auth)
    person = await parties.sessions_person(auth, platform)
    early, late = new_browser(auth), new_browser(auth)
    for browser in (early, late):
        assert (await browser.get(named(name))).url.path == "/sign-in"
    typed = {"user_code": person.user_code, "password": person.password}
    assert (await early.submit(typed)).status_code == 400
    assert (await late.submit(typed)).url.path == "/consent"


async def test_of_twenty_uses_of_a_name_at_once_by_single_sign_on_one_gets_a_code(
    auth: Running, platform: Platform
) -> None:
    await install(auth, PUSHING)
    relying = Books(auth, platform)
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    await first_sign_in(browser, parties.client(auth, platform), person)
    await relying.consented(browser, await browser.get(named(await pushed(auth, **asked_by(relying)))))
    name = await pushed(auth, **asked_by(relying))
    answers = await asyncio.gather(*(browser.http.get(named(name)) for _ in range(20)))
    assert sum("code=" in answer.headers.get("location", "") for answer in answers) == 1
    assert {answer.status_code for answer in answers} == {303, 400}
    assert await auth.database.fetch("SELECT 1 FROM authorization_requests") == []


async def test_an_error_answers_it_too(auth: Running) -> None:
    await install(auth, BOOKS)
    name = await pushed(auth, prompt="none")
    assert answer_of(await new_browser(auth).get(named(name)))["error"] == "login_required"
    assert (await new_browser(auth).get(named(name))).status_code == 400


async def test_a_name_that_expired_leads_nowhere_and_is_swept_away(auth: Running) -> None:
    await install(auth, BOOKS)
    name = await pushed(auth)
    connection = await asyncpg.connect(auth.owner_url)
    try:
        await connection.execute("UPDATE pushed_requests SET expires_at = $1", now() - timedelta(seconds=1))
    finally:
        await connection.close()
    assert (await new_browser(auth).get(named(name))).status_code == 400
    await sweep_expired(auth.resources)
    assert await auth.database.fetch("SELECT 1 FROM pushed_requests") == []


async def test_a_name_is_its_clients_own_and_another_cannot_use_it_up(auth: Running) -> None:
    await install(auth, BOOKS)
    await install(auth, replace(BOOKS, client_id="another"))
    name = await pushed(auth)
    assert (await new_browser(auth).get(named(name, client_id="another"))).status_code == 400
    assert (await new_browser(auth).get(named(name))).url.path == "/sign-in"


@pytest.mark.parametrize("name", [PREFIX, PREFIX + "x", PREFIX + "x" * 5_000, PREFIX + "' OR 1=1 --"])
async def test_a_name_that_was_never_given_leads_nowhere(auth: Running, name: str) -> None:
    await install(auth, BOOKS)
    answer = await new_browser(auth).get(named(name, redirect_uri=BOOKS.redirect_uris[0]))
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("client", [PUSHING, FAPI2])
async def test_a_client_that_must_push_is_refused_when_it_did_not(auth: Running, client: Client) -> None:
    await install(auth, client)
    back = answer_of(await new_browser(auth).get(f"/oauth/authorize?{urlencode({'client_id': 'books', **ASKED})}"))
    assert (back["error"], back["state"]) == ("invalid_request", "the-state")
    assert (await new_browser(auth).get(named(await pushed(auth)))).url.path == "/sign-in"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"request_uri": f"{PREFIX}x"}, "invalid_request"),
        ({"redirect_uri": "https://elsewhere.example/"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid recourse"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"resource": "urn:clicsequr:mailbox"}, "invalid_target"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"state": "s" * 2_000}, "invalid_request"),
        ({"request": "e30."}, "invalid_request_object"),
    ],
)
async def test_a_wrong_request_is_refused_when_it_is_pushed(
    auth: Running, changes: dict[str, str], error: str
) -> None:
    await install(auth, BOOKS)
    refused = await Signer(auth, "books").push(**{**ASKED, **changes})
    assert fault_of(refused) == (400, error)
    assert await auth.database.fetch("SELECT 1 FROM pushed_requests") == []


async def test_only_an_authenticated_client_pushes(auth: Running) -> None:
    await install(auth, BOOKS)
    alone = await auth.public.post("/oauth/par", data={"client_id": "books", **ASKED})
    assert fault_of(alone) == REFUSED
    another = await Signer(auth, "books").push(**ASKED, client_id="portal")
    assert fault_of(another) == REFUSED
    secret = await with_secret(auth, Method.CLIENT_SECRET_BASIC)
    system = await auth.public.post("/oauth/par", data=ASKED, headers=basic("pay", secret))
    assert fault_of(system) == (400, "unauthorized_client")
    too_long = await Signer(auth, "books").push(**ASKED, padding="x" * 20_000)
    assert fault_of(too_long) == (400, "invalid_request")
    twice = await auth.public.post(
        "/oauth/par", content="scope=openid&scope=openid", headers={"content-type": "application/json"}
    )
    assert fault_of(twice) == (400, "invalid_request")


async def test_each_push_is_recorded_and_keeps_nothing_of_the_authentication(auth: Running) -> None:
    await install(auth, BOOKS)
    name = await pushed(auth)
    await Signer(auth, "books").push(**{**ASKED, "scope": "x"})
    rows = await auth.database.fetch("SELECT actor, action, outcome, reason FROM access_records ORDER BY at, id")
    assert [tuple(row.values()) for row in rows] == [
        ("software:clic-books", "POST /oauth/par", "admitted", None),
        ("software:clic-books", "POST /oauth/par", "refused", "invalid_scope"),
    ]
    [row] = await auth.database.fetch("SELECT uri_hash, parameters::text AS kept FROM pushed_requests")
    assert "assertion" not in row["kept"]
    assert name.removeprefix(PREFIX) not in row["kept"] + row["uri_hash"].hex()


async def test_a_client_registered_to_do_without_pkce_needs_no_nonce_either(
    auth: Running, platform: Platform
) -> None:
    await install(auth, replace(BOOKS, require_pkce=False))
    without = {name: value for name, value in ASKED.items() if not name.startswith("code_challenge")}
    assert (await Signer(auth, "books").push(**without)).status_code == 201
    bare = {name: value for name, value in without.items() if name != "nonce"}
    assert (await Signer(auth, "books").push(**bare)).status_code == 201
    half = {**without, "code_challenge": CHALLENGE}
    assert fault_of(await Signer(auth, "books").push(**half)) == (400, "invalid_request")
    relying = Books(auth, platform)
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    await first_sign_in(browser, parties.client(auth, platform), person)
    undone = {"code_challenge": None, "code_challenge_method": None}
    code = relying.code(await relying.consented(browser, await browser.get(relying.authorize(**undone))))
    downgraded = await relying.redeem_code(code)
    assert downgraded.json()["error"] == "invalid_grant"
    code = relying.code(await browser.get(relying.authorize(**undone, nonce=None)))
    tokens = await relying.redeem_code(code, code_verifier=None)
    assert "nonce" not in await parties.claims_of(auth, tokens.json()["id_token"])
    code = relying.code(await browser.get(relying.authorize()))
    assert (await relying.redeem_code(code, code_verifier=None)).json()["error"] == "invalid_grant"


async def test_discovery_tells_what_is_there(auth: Running) -> None:
    told = (await auth.public.get("/.well-known/openid-configuration")).json()
    issuer = auth.settings.issuer
    assert told["pushed_authorization_request_endpoint"] == f"{issuer}/oauth/par"
    assert told["request_parameter_supported"] is True
    assert told["request_uri_parameter_supported"] is False
    assert "tls_client_auth" not in told["token_endpoint_auth_methods_supported"]
    for name in ("id_token", "token_endpoint_auth", "request_object"):
        key = f"{name}_signing_alg_values_supported"
        assert told[key] == list(Alg)
