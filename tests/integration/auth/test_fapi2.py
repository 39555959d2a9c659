"""FAPI 2.0 Security Profile, what it asks of an authorization server and a resource server, one by one."""

import time
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest

from deploy.local.environment import Platform
from services.auth.client.keys import Alg
from services.auth.client.registration import ProfileNotMet, RedirectAddressNotAllowed, require_sound
from services.auth.client.rules import Client, Method, Profile
from tests.integration.auth import parties
from tests.integration.auth.parties import answer_of, claims_of, first_sign_in, new_browser
from tests.integration.auth.proving import Prover, make_proof
from tests.integration.auth.registered import (
    BOOKS,
    OTHER_EC,
    REDIRECT,
    REFUSED,
    RSA,
    Books,
    Signer,
    fault_of,
    install,
    sign,
)
from tests.kit import Running

FAPI2 = replace(BOOKS, profile=Profile.FAPI2, dpop_bound_access_tokens=True)


class Bank:
    """A client of the profile; a person is signed in in its browser."""

    def __init__(self, service: Running, platform: Platform) -> None:
        self.service, self.platform = service, platform
        self.prover, self.browser = Prover(service), new_browser(service)
        self.relying = Books(service, platform)

    async def sign_in(self) -> None:
        person = await parties.new_person_in_charge(self.service)
        await first_sign_in(self.browser, parties.client(self.service, self.platform), person)

    def asked(self, **changes: str | None) -> dict[str, str]:
        return dict(httpx.URL(self.relying.authorize(scope="openid offline_access", **changes)).params)

    async def push(self, **changes: str | None) -> httpx.Response:
        return await self.prover.post("/oauth/par", {}, **self.asked(**changes))

    async def back(self, pushed: httpx.Response) -> httpx.Response:
        query = httpx.QueryParams({"client_id": "books", "request_uri": pushed.json()["request_uri"]})
        return await parties.allowed(self.browser, await self.browser.get(f"/oauth/authorize?{query}"))

    async def redeem(self, code: str, headers: Any = None, **changes: str) -> httpx.Response:
        form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": self.relying.verifier, **changes}
        return await self.prover.token(headers, grant_type="authorization_code", **form)

    async def tokens(self) -> dict[str, Any]:
        answer = await self.redeem(answer_of(await self.back(await self.push()))["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def bank(auth: Running, platform: Platform) -> Bank:
    await install(auth, FAPI2)
    found = Bank(auth, platform)
    await found.sign_in()
    return found


# §5.3.2.1 General requirements


async def test_5_3_2_1_discovery_is_distributed_and_password_grants_are_refused(auth: Running, bank: Bank) -> None:
    found = (await auth.public.get("/.well-known/openid-configuration")).json()
    assert found["authorization_response_iss_parameter_supported"] is True
    assert "none" not in found["token_endpoint_auth_methods_supported"]
    assert fault_of(await bank.prover.token(grant_type="password")) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens"),
        (
            {
                "jwks": (),
                "token_endpoint_auth_method": Method.CLIENT_SECRET_BASIC,
                "secret_hashes": (b"x" * 32,),
            },
            "token_endpoint_auth_method",
        ),
        ({"require_pkce": False}, "require_pkce"),
        ({"token_endpoint_auth_signing_alg": Alg.RS256}, "token_endpoint_auth_signing_alg"),
        ({"id_token_signed_response_alg": Alg.RS256}, "id_token_signed_response_alg"),
        ({"access_token_signed_response_alg": Alg.RS256}, "access_token_signed_response_alg"),
    ],
)
def test_5_3_2_1_and_5_4_a_client_is_confidential_constrained_and_signs_by_what_is_allowed(
    changes: dict[str, Any], member: str
) -> None:
    require_sound(FAPI2)
    with pytest.raises(ProfileNotMet) as refused:
        require_sound(replace(FAPI2, **changes))
    assert refused.value.fields["member"] == member


async def test_5_3_2_1_only_constrained_tokens_are_issued(auth: Running, bank: Bank) -> None:
    code = answer_of(await bank.back(await bank.push()))["code"]
    assert fault_of(await bank.redeem(code, {})) == (400, "invalid_dpop_proof")
    tokens = await bank.tokens()
    assert tokens["token_type"] == "DPoP"
    assert (await claims_of(auth, tokens["access_token"]))["cnf"] == {"jkt": bank.prover.jkt}


@pytest.mark.parametrize("place", ["/oauth/token", "/oauth/par", "list"])
async def test_5_3_2_1_the_audience_of_an_assertion_is_the_issuer_as_a_text(
    auth: Running, bank: Bank, place: str
) -> None:
    issuer = auth.settings.issuer
    aud: Any = [issuer] if place == "list" else f"{issuer}{place}"
    assertion = Signer(auth, "books").assertion(aud=aud)
    answer = await bank.prover.post("/oauth/par", {}, **bank.asked(), client_assertion=assertion)
    assert fault_of(answer) == REFUSED


@pytest.mark.parametrize(("seconds", "is_accepted"), [(0, True), (8, True), (61, False)])
async def test_5_3_2_1_clocks_may_differ_by_ten_seconds(bank: Bank, seconds: int, is_accepted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    at = int(time.time()) + seconds
    assertion = Signer(bank.service, "books").assertion(iat=at, nbf=at, exp=at + 60)
    answer = await bank.prover.post("/oauth/par", {}, **bank.asked(), client_assertion=assertion)
    assert (answer.status_code == 201) == is_accepted


async def test_5_3_2_1_refresh_tokens_are_not_rotated_and_still_end(auth: Running, bank: Bank) -> None:
    tokens = await bank.tokens()
    for _ in range(2):
        again = await bank.prover.refresh(tokens["refresh_token"])
        assert again.status_code == 200, again.text
        assert again.json()["refresh_token"] == tokens["refresh_token"]
    assert fault_of(await bank.prover.refresh(tokens["refresh_token"], {})) == (400, "invalid_dpop_proof")
    await auth.database.execute("UPDATE sessions SET ended_at = now(), end_reason = 'signed-out'")
    assert fault_of(await bank.prover.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


async def test_5_3_2_1_a_code_is_bound_to_the_key_that_the_request_names(auth: Running, bank: Bank) -> None:
    pushed = await bank.push(dpop_jkt=Prover(auth).jkt)
    code = answer_of(await bank.back(pushed))["code"]
    assert fault_of(await bank.redeem(code)) == (400, "invalid_grant")


async def test_5_3_2_1_a_code_lives_sixty_seconds_at_most(auth: Running, bank: Bank) -> None:
    code = answer_of(await bank.back(await bank.push()))["code"]
    rows = await auth.database.fetch("SELECT expires_at - now() AS left FROM authorization_codes")
    assert all(row["left"].total_seconds() <= 60 for row in rows)
    owner = await asyncpg.connect(auth.owner_url)
    await owner.execute("UPDATE authorization_codes SET expires_at = now() - interval '1 second'")
    await owner.close()
    assert fault_of(await bank.redeem(code)) == (400, "invalid_grant")


# §5.3.2.2 Authorization code flow


async def test_5_3_2_2_requests_are_pushed_by_an_authenticated_client(bank: Bank) -> None:
    direct = await bank.browser.get(bank.relying.authorize())
    assert answer_of(direct)["error"] == "invalid_request"
    public = bank.service.public
    assert fault_of(await public.post("/oauth/par", data=bank.asked())) == REFUSED
    forged = sign({"iss": "books", "sub": "books"}, key=OTHER_EC, kid="ec")
    assert fault_of(await bank.prover.post("/oauth/par", {}, client_assertion=forged)) == REFUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"response_type": "code id_token"},
        {"response_type": "token"},
        {"redirect_uri": None},
        {"redirect_uri": f"{REDIRECT}/../elsewhere"},
    ],
)
async def test_5_3_2_2_only_code_with_pkce_to_a_named_address(bank: Bank, changes: dict[str, str | None]) -> None:
    answer = await bank.push(**changes)
    assert answer.status_code == 400, answer.text


async def test_5_3_2_2_a_verifier_is_asked_for(bank: Bank) -> None:
    code = answer_of(await bank.back(await bank.push()))["code"]
    assert fault_of(await bank.redeem(code, code_verifier="x" * 43)) == (400, "invalid_grant")


async def test_5_3_2_2_the_answer_names_the_issuer_and_comes_by_303(auth: Running, bank: Bank) -> None:
    pushed = await bank.push()
    assert 0 < pushed.json()["expires_in"] < 600
    back = await bank.back(pushed)
    assert back.status_code == 303
    assert answer_of(back)["iss"] == auth.settings.issuer


@pytest.mark.parametrize("address", ["http://bank.example/back", "https://*.example/back", "https://a@b.example/"])
def test_5_3_2_2_answers_go_to_no_address_in_the_clear(address: str) -> None:
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(FAPI2, redirect_uris=(address,)))


async def test_5_3_2_2_a_code_that_was_used_is_refused_and_ends_what_it_gave(bank: Bank) -> None:
    code = answer_of(await bank.back(await bank.push()))["code"]
    tokens = (await bank.redeem(code)).json()
    assert fault_of(await bank.redeem(code)) == (400, "invalid_grant")
    assert (await bank.prover.userinfo(tokens["access_token"])).status_code == 401


async def test_5_3_2_2_no_redirector_is_open(bank: Bank) -> None:
    query = httpx.QueryParams({"client_id": "books", "request_uri": "https://elsewhere.example/request"})
    for address in (bank.relying.authorize(redirect_uri="https://elsewhere.example"), f"/oauth/authorize?{query}"):
        answer = await bank.browser.get(address)
        assert (answer.status_code, "location" in answer.headers) == (400, False)


# §5.3.4 Resource servers


async def test_5_3_4_a_token_is_taken_from_the_header_of_its_sender_alone(auth: Running, bank: Bank) -> None:
    token = (await bank.tokens())["access_token"]
    assert (await bank.prover.userinfo(token)).status_code == 200
    for answer in (
        await auth.public.get("/oauth/userinfo", params={"access_token": token}),
        await bank.prover.userinfo(token, {"Authorization": f"Bearer {token}"}),
        await bank.prover.userinfo(token, Prover(auth).shows(token)),
    ):
        assert answer.status_code == 401


# §5.4 Cryptography


async def test_5_4_proofs_are_signed_by_es256_or_ps256(bank: Bank) -> None:
    for alg, status in (("PS256", 200), ("RS256", 400)):
        code = answer_of(await bank.back(await bank.push()))["code"]
        proof = make_proof(RSA, bank.prover.claims("/oauth/token"), alg=alg)
        assert (await bank.redeem(code, {"DPoP": proof})).status_code == status


async def test_5_4_tokens_are_signed_by_es256_or_ps256(auth: Running, platform: Platform) -> None:
    client: Client = replace(FAPI2, id_token_signed_response_alg=Alg.PS256)
    await install(auth, client)
    bank = Bank(auth, platform)
    await bank.sign_in()
    tokens = await bank.tokens()
    assert parties.header_of(tokens["id_token"])["alg"] == "PS256"
    assert parties.header_of(tokens["access_token"])["alg"] == "ES256"
