"""RFC 9101: requests that their client signed; what is signed counts, and nothing beside it."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from joserfc.jwk import ECKey

from libs.common.public_keys import PublicKey
from services.auth.client.keys import Alg
from services.auth.client.rules import Profile
from services.auth.session.rules import ACR_TWO_FACTOR
from tests.integration.auth.parties import answer_of, new_browser
from tests.integration.auth.registered import (
    BOOKS,
    EC,
    OTHER_EC,
    RSA,
    Signer,
    fault_of,
    install,
    public,
    sign,
)
from tests.integration.auth.test_client_authentication import forged
from tests.integration.auth.test_pushed_requests import ASKED, named
from tests.kit import Running

# `prompt=none` without a session: the request itself was understood.
MET = "login_required"
ADDRESS = {"redirect_uri": BOOKS.redirect_uris[0], "state": "outside"}


def claims(auth: Running, **changes: Any) -> dict[str, Any]:
    at = int(time.time())
    whole = {
        "iss": "books",
        "aud": auth.settings.issuer,
        "client_id": "books",
        "iat": at,
        "nbf": at,
        "exp": at + 300,
        **ASKED,
        "prompt": "none",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def asking(token: str, **outside: str) -> str:
    return f"/oauth/authorize?{urlencode({'client_id': 'books', 'request': token, **outside})}"


async def ask(auth: Running, token: str, **outside: str) -> httpx.Response:
    return await auth.public.get(asking(token, **outside))


async def error_of(auth: Running, token: str, **outside: str) -> str:
    """With a registered address outside, at which a refusal is told."""
    return answer_of(await ask(auth, token, **{**ADDRESS, **outside}))["error"]


@pytest.mark.parametrize("typ", ["oauth-authz-req+jwt", "JWT", "application/oauth-authz-req+jwt"])
async def test_a_signed_request_needs_only_the_clients_name_beside_it(auth: Running, typ: str) -> None:
    await install(auth, BOOKS)
    back = answer_of(await ask(auth, sign(claims(auth), typ=typ)))
    assert (back["error"], back["state"]) == (MET, "the-state")


@pytest.mark.parametrize(("alg", "key"), [(Alg.ES256, EC), (Alg.RS256, RSA), (Alg.PS256, RSA)])
async def test_it_is_signed_by_the_registered_algorithm(auth: Running, alg: Alg, key: PublicKey) -> None:
    await install(auth, replace(BOOKS, request_object_signing_alg=alg))
    assert await error_of(auth, sign(claims(auth), key=key, alg=alg)) == MET
    for other, another in ((Alg.ES256, EC), (Alg.RS256, RSA), (Alg.PS256, RSA)):
        if other is not alg:
            token = sign(claims(auth), key=another, alg=other)
            assert await error_of(auth, token) == "invalid_request_object"


async def test_parameters_beside_it_are_not_looked_at(auth: Running) -> None:
    await install(auth, BOOKS)
    outside = {
        "scope": "openid recourse",
        "state": "outside",
        "prompt": "login",
        "redirect_uri": "https://elsewhere.example/",
        "resource": "urn:clicsequr:mailbox",
        "response_type": "code",
    }
    back = answer_of(await ask(auth, sign(claims(auth)), **outside))
    assert (back["error"], back["state"]) == (MET, "the-state")
    lacking = sign(claims(auth, code_challenge=...))
    back = answer_of(await ask(auth, lacking, code_challenge=ASKED["code_challenge"]))
    assert back["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "portal"},
        {"iss": ["books"]},
        {"state": "\ud800"},
        {"client_id": "portal"},
        {"client_id": ...},
        {"aud": "https://elsewhere.example"},
        {"aud": ["https://elsewhere.example"]},
        {"aud": [{}]},
        {"aud": []},
        {"aud": {}},
        {"aud": ...},
        {"sub": "books"},
        {"exp": ...},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e40},
        {"exp": int(time.time()) + 36_000},
        {"nbf": int(time.time()) + 36_000},
        {"nbf": "now"},
        {"iat": int(time.time()) + 36_000},
        {"iat": "now"},
        {"request": "e30."},
        {"request_uri": "https://books.example/request"},
        {"response_type": "token"},
        {"state": {"a": 1}},
        {"state": ["a", "b"]},
        {"state": "a\u0000b"},
        {"resource": [["x"]]},
        {"resource": ["x"] * 60},
        {"claims": [{"id_token": {}}]},
        {"claims": True},
        {"max_age": {}},
    ],
    ids=range(33),
)
async def test_what_is_not_by_this_client_for_this_server_now_is_refused(
    auth: Running, changes: dict[str, Any]
) -> None:
    await install(auth, BOOKS)
    token = sign(claims(auth, **changes))
    assert await error_of(auth, token, response_type="code") == "invalid_request_object"


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("others", [[], ["https://elsewhere.example"], [7, {}]], ids=range(3))
async def test_an_object_may_be_for_other_servers_too(auth: Running, profile: Profile, others: list[Any]) -> None:
    await install(auth, replace(BOOKS, profile=profile, dpop_bound_access_tokens=profile is Profile.FAPI2))
    token = sign(claims(auth, aud=[*others, auth.settings.issuer]))
    assert (await Signer(auth, "books").push(request=token)).status_code == 201


@pytest.mark.parametrize(("seconds", "error"), [(8, MET), (30, "invalid_request_object")])
@pytest.mark.parametrize("member", ["nbf", "iat"])
async def test_an_object_is_dated_at_most_ten_seconds_ahead(
    auth: Running, member: str, seconds: int, error: str
) -> None:
    await install(auth, BOOKS)
    assert await error_of(auth, sign(claims(auth, **{member: int(time.time()) + seconds}))) == error


@pytest.mark.parametrize("by", [json.dumps, dict], ids=["as a text", "as an object"])
async def test_claims_are_asked_for_as_an_object_or_as_its_text(
    auth: Running, by: Callable[[dict[str, Any]], Any]
) -> None:
    await install(auth, BOOKS)
    asked = {"id_token": {"acr": {"essential": True, "value": ACR_TWO_FACTOR}}, "userinfo": {"name\u0000": None}}
    await new_browser(auth).get(asking(sign(claims(auth, prompt=..., claims=by(asked)))))
    row = await auth.database.fetchrow("SELECT required_acr FROM authorization_requests")
    assert row is not None
    assert row["required_acr"] == ACR_TWO_FACTOR
    wrong = sign(claims(auth, claims=by({"id_token": 7})))
    assert await error_of(auth, wrong) == "invalid_request"


async def test_members_that_nobody_knows_are_ignored_whatever_they_are(auth: Running) -> None:
    await install(auth, BOOKS)
    unknown = {"a": {"b": [1]}, "c": None, "d": True, "display": ["page"], "e": "\u0000"}
    many: dict[str, Any] = {f"x{number}": [] for number in range(60)}
    assert await error_of(auth, sign(claims(auth, **unknown, **many))) == MET


async def test_an_object_of_a_stranger_or_of_another_client_is_refused(auth: Running) -> None:
    await install(auth, BOOKS)
    await install(auth, replace(BOOKS, client_id="another", jwks=public(OTHER_EC)))
    stranger = ECKey.generate_key("P-256")
    for key, kid in ((OTHER_EC, "other"), (OTHER_EC, "ec"), (stranger, None), (stranger, "../ec")):
        assert await error_of(auth, sign(claims(auth), key=key, kid=kid)) == "invalid_request_object"
    by_another = sign(claims(auth, client_id="another", iss="another"), key=OTHER_EC)
    assert await error_of(auth, by_another) == "invalid_request_object"


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256", ""])
async def test_no_signature_is_none_and_no_public_key_a_secret(auth: Running, alg: str) -> None:
    await install(auth, BOOKS)
    token = forged({"alg": alg, "kid": "ec"}, sign(claims(auth)), secret=EC.as_pem(private=False))
    assert await error_of(auth, token) == "invalid_request_object"
    assert await error_of(auth, token.rpartition(".")[0] + ".") == "invalid_request_object"


async def test_what_is_signed_as_something_else_is_no_request(auth: Running) -> None:
    await install(auth, BOOKS)
    for typ in ("client-authentication+jwt", "dpop+jwt", "at+jwt"):
        assert await error_of(auth, sign(claims(auth), typ=typ)) == "invalid_request_object"
    assert await error_of(auth, Signer(auth, "books").assertion()) == "invalid_request_object"


async def test_a_signed_request_is_no_assertion(auth: Running) -> None:
    await install(auth, BOOKS)
    for token in (sign(claims(auth)), sign(claims(auth, jti="1"), typ="oauth-authz-req+jwt")):
        assert (await Signer(auth, "books").token(token)).json()["error"] == "invalid_client"


@pytest.mark.parametrize("token", ["x", "a.b.c", "." * 50, "a.b.c.d.e", "x" * 13_000])
async def test_no_object_whatever_is_more_than_refused(auth: Running, token: str) -> None:
    await install(auth, BOOKS)
    assert await error_of(auth, token) == "invalid_request_object"
    page = await ask(auth, token)
    assert page.status_code == 400
    assert "location" not in page.headers


async def test_both_ways_at_once_and_a_reference_are_refused(auth: Running) -> None:
    await install(auth, BOOKS)
    both = await error_of(auth, sign(claims(auth)), request_uri="https://books.example/request")
    assert both == "invalid_request"
    reference = {"client_id": "books", "request_uri": "https://books.example/request", **ADDRESS}
    back = answer_of(await auth.public.get(f"/oauth/authorize?{urlencode(reference)}"))
    assert back["error"] == "request_uri_not_supported"


async def test_a_client_that_must_sign_is_refused_when_it_did_not(auth: Running) -> None:
    await install(auth, replace(BOOKS, require_signed_request_object=True))
    plain = {"client_id": "books", **ASKED, "prompt": "none"}
    back = answer_of(await auth.public.get(f"/oauth/authorize?{urlencode(plain)}"))
    assert back["error"] == "invalid_request"
    assert await error_of(auth, sign(claims(auth))) == MET
    assert fault_of(await Signer(auth, "books").push(**ASKED)) == (400, "invalid_request")
    given = await Signer(auth, "books").push(request=sign(claims(auth)))
    assert given.status_code == 201


async def test_a_signed_request_may_be_pushed(auth: Running) -> None:
    await install(auth, replace(BOOKS, require_pushed_authorization_requests=True))
    refused = await error_of(auth, sign(claims(auth)))
    assert refused == "invalid_request"
    given = await Signer(auth, "books").push(request=sign(claims(auth)), scope="x", state="outside")
    assert given.status_code == 201, given.text
    back = answer_of(await new_browser(auth).get(named(given.json()["request_uri"])))
    assert (back["error"], back["state"]) == (MET, "the-state")


@pytest.mark.parametrize("changes", [{"nbf": ...}, {"nbf": int(time.time()) - 7_200}, {"iss": ...}])
async def test_fapi2_asks_for_more(auth: Running, changes: dict[str, Any]) -> None:
    strict = replace(BOOKS, profile=Profile.FAPI2, dpop_bound_access_tokens=True)
    await install(auth, strict)
    assert (await Signer(auth, "books").push(request=sign(claims(auth)))).status_code == 201
    refused = await Signer(auth, "books").push(request=sign(claims(auth, **changes)))
    assert fault_of(refused) == (400, "invalid_request_object")


async def test_numbers_and_repeated_resources_are_read_as_a_query_would_carry_them(auth: Running) -> None:
    await install(auth, BOOKS)
    token = sign(claims(auth, max_age=0, resource=["urn:clicsequr:auth", auth.settings.issuer]))
    assert await error_of(auth, token) == MET
    foreign = sign(claims(auth, resource=["urn:clicsequr:auth", "urn:clicsequr:mailbox"]))
    assert await error_of(auth, foreign) == "invalid_target"
