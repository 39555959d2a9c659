"""RFC 9449 at auth: who proves a key gets tokens that are of no use without it."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.proof_store import forget_old_proofs
from services.auth.authorization.nonces import nonce_at
from services.auth.client.rules import Client
from tests.integration.auth import parties
from tests.integration.auth.parties import Person, answer_of, claims_of, first_sign_in, new_browser
from tests.integration.auth.proving import Prover, hash_of, make_proof
from tests.integration.auth.registered import BOOKS, REDIRECT, SYSTEM, Books, Signer, fault_of, install
from tests.kit import Running

OFFLINE = "openid offline_access"
INVALID = (400, "invalid_dpop_proof")
BOUND = replace(BOOKS, dpop_bound_access_tokens=True)
RSA_KEY = RSAKey.generate_key(2048)


class Granted:
    """Somebody signed in in the portal, and lets the vendor's product in."""

    def __init__(self, service: Running, platform: Platform) -> None:
        self.service, self.platform = service, platform
        self.browser = new_browser(service)
        self.person: Person | None = None

    async def code(self, **asked: str | None) -> tuple[Books, str]:
        if self.person is None:
            self.person = await parties.new_person_in_charge(self.service)
            await first_sign_in(self.browser, parties.client(self.service, self.platform), self.person)
        relying = Books(self.service, self.platform)
        shown = await self.browser.get(relying.authorize(**{"scope": OFFLINE, **asked}))
        back = await parties.allowed(self.browser, shown)
        return relying, answer_of(back)["code"]

    async def redeem(self, prover: Prover, headers: Any = None, **asked: str | None) -> httpx.Response:
        relying, code = await self.code(**asked)
        form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": relying.verifier}
        return await prover.token(headers, grant_type="authorization_code", **form)


@pytest.fixture
async def prover(auth: Running) -> Prover:
    await install(auth, BOOKS)
    return Prover(auth)


@pytest.fixture
def granted(auth: Running, platform: Platform) -> Granted:
    return Granted(auth, platform)


async def system(auth: Running, client: Client = SYSTEM) -> Prover:
    await install(auth, client)
    return Prover(auth, client_id="pay")


async def test_a_code_a_refresh_and_userinfo_go_by_the_proved_key(
    auth: Running, granted: Granted, prover: Prover
) -> None:
    answer = await granted.redeem(prover)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["token_type"] == "DPoP"
    assert (await claims_of(auth, tokens["access_token"]))["cnf"] == {"jkt": prover.jkt}
    assert "cnf" not in await claims_of(auth, tokens["id_token"])
    assert answer.headers["dpop-nonce"] == prover.nonce
    told = await prover.userinfo(tokens["access_token"])
    assert told.status_code == 200, told.text
    following = (await prover.refresh(tokens["refresh_token"])).json()
    assert following["token_type"] == "DPoP"
    asked = await prover.post("/oauth/introspect", {}, token=following["access_token"])
    assert (asked.json()["token_type"], asked.json()["cnf"]) == ("DPoP", {"jkt": prover.jkt})


async def test_a_clients_own_credential_is_bound_as_well(auth: Running) -> None:
    own = await system(auth)
    for key in (ECKey.generate_key("P-256"), RSA_KEY):
        alg = "ES256" if isinstance(key, ECKey) else "PS256"
        answer = await own.credential({"DPoP": make_proof(key, own.claims("/oauth/token"), alg=alg)})
        assert answer.status_code == 200, answer.text
        said = await claims_of(auth, answer.json()["access_token"])
        assert said["cnf"] == {"jkt": key.thumbprint()}


async def test_what_else_a_proofs_header_says_is_ignored(auth: Running) -> None:
    own = await system(auth)
    header = {"colour": {"of": "blue"}, "kid": "own", "x5c": ["A" * 2_000]}
    answer = await own.credential({"DPoP": make_proof(own.key, own.claims("/oauth/token"), header=header)})
    assert answer.status_code == 200, answer.text


async def test_of_fifty_uses_of_one_proof_at_once_one_is_served(auth: Running) -> None:
    own = await system(auth)
    proof = own.proof()
    answers = await asyncio.gather(*(own.credential(proof) for _ in range(50)))
    served = [answer for answer in answers if answer.status_code == 200]
    assert len(served) == 1
    assert {fault_of(answer) for answer in answers if answer not in served} == {INVALID}


async def test_of_fifty_uses_of_one_proof_at_userinfo_one_is_served(granted: Granted, prover: Prover) -> None:
    token = (await granted.redeem(prover)).json()["access_token"]
    shown = prover.shows(token)
    answers = await asyncio.gather(*(prover.userinfo(token, shown) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 49


WRONG: dict[str, dict[str, Any]] = {
    "method": {"htm": "GET"},
    "method in small letters": {"htm": "post"},
    "no method": {"htm": None},
    "path": {"htu": "http://127.0.0.1:18001/oauth/par"},
    "host": {"htu": "https://elsewhere.example/oauth/token"},
    "user name": {"htu": "http://me@127.0.0.1:18001/oauth/token"},
    "no address": {"htu": None},
    "address that is a list": {"htu": ["x"]},
    "address that cannot be read": {"htu": "http://[x/oauth/token"},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "long jti": {"jti": "x" * 256},
    "jti that is a number": {"jti": 7},
    "no iat": {"iat": None},
    "iat that is a text": {"iat": "now"},
    "iat that is true": {"iat": True},
    "iat out of all bounds": {"iat": 1e300},
    "nonce that is a number": {"nonce": 7},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
async def test_a_proof_for_something_else_proves_nothing(auth: Running, changes: dict[str, Any]) -> None:
    own = await system(auth)
    assert fault_of(await own.credential(own.proof(**changes))) == INVALID


@pytest.mark.parametrize(("seconds", "status"), [(-75, 400), (-50, 200), (8, 200), (20, 400)])
async def test_a_proof_is_young_and_at_most_ten_seconds_ahead(auth: Running, seconds: int, status: int) -> None:
    own = await system(auth)
    answer = await own.credential(own.proof(iat=int(time.time()) + seconds))
    assert answer.status_code == status, answer.text


async def test_the_address_is_compared_without_query_fragment_case_and_default_port(auth: Running) -> None:
    own = await system(auth)
    address = f"{auth.settings.issuer}/oauth/token"
    for spelled in (f"{address}?a=b", f"{address}#part", address.replace("http://", "HTTP://")):
        answer = await own.credential(own.proof(htu=spelled))
        assert answer.status_code == 200, spelled


def _unsigned(own: Prover) -> dict[str, str]:
    """Proofs that nobody signed, or that were signed by what everybody knows."""
    claims = own.claims("/oauth/token")
    public = own.key.as_dict(private=False)

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    none = f"{part({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': public})}.{part(claims)}."
    octets = OctKey.generate_key(256)
    told = part({"typ": "dpop+jwt", "alg": "HS256", "jwk": octets.as_dict(private=True)})
    body = f"{told}.{part(claims)}"
    digest = hmac.new(octets.raw_value, body.encode(), hashlib.sha256).digest()
    by_secret = f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    curve = ECKey.generate_key("P-384")
    other = ECKey.generate_key("P-256").as_dict(private=False)
    good = make_proof(own.key, claims)
    head, middle, signature = good.split(".")
    return {
        "none": none,
        "HS256": by_secret,
        "private half": make_proof(own.key, claims, header={"jwk": own.key.as_dict(private=True)}),
        "no key": make_proof(own.key, claims, header={"jwk": None}),
        "another's key": make_proof(own.key, claims, header={"jwk": other}),
        "other curve": make_proof(curve, claims, header={"alg": "ES384"}, alg="ES384"),
        "type": make_proof(own.key, claims, header={"typ": "JWT"}),
        "no type": make_proof(own.key, claims, header={"typ": None}),
        "RS256": make_proof(RSA_KEY, claims, alg="RS256"),
        "critical member": make_proof(own.key, claims, header={"crit": ["b64"], "b64": True}),
        "altered": f"{head}.{part({**claims, 'jti': 'another'})}.{signature}",
        "cut": f"{head}.{middle}.",
        "two parts": f"{head}.{middle}",
        "a list": f"{part([])}.{middle}.{signature}",
        "no JSON": f"W.{middle}.{signature}",
        "oversized": good + "x" * 9_000,
        "empty": "",
    }


async def test_what_no_key_of_its_own_signed_proves_nothing(auth: Running) -> None:
    own = await system(auth)
    answers = {name: await own.credential({"DPoP": proof}) for name, proof in _unsigned(own).items()}
    assert {name: fault_of(answer) for name, answer in answers.items()} == dict.fromkeys(answers, INVALID)


async def test_two_proofs_are_none(auth: Running) -> None:
    own = await system(auth)
    both = [*own.proof().items(), *own.proof().items()]
    assert fault_of(await own.credential(both)) == INVALID


async def test_a_proof_without_the_nonce_of_the_time_is_told_it_and_spends_no_assertion(auth: Running) -> None:
    own = await system(auth)
    key = auth.apps[0].state.parts.sealing_key
    assertion = Signer(auth).assertion()
    told = ""
    for shown in (None, nonce_at(key, now() - timedelta(minutes=3)), "guessed", "é"):
        answer = await own.credential(own.proof(nonce=shown), client_assertion=assertion)
        assert fault_of(answer) == (400, "use_dpop_nonce")
        told = answer.headers["dpop-nonce"]
    served = await own.credential(own.proof(nonce=told), client_assertion=assertion)
    assert served.status_code == 200, served.text


async def test_the_nonce_of_the_minute_before_and_of_another_replica_still_serves(auth: Running) -> None:
    own = await system(auth)
    key = auth.apps[0].state.parts.sealing_key
    before = nonce_at(key, now() - timedelta(seconds=60))
    assert before != nonce_at(key, now())
    assert (await own.credential(own.proof(nonce=before))).status_code == 200
    internal = {"DPoP": own.proof()["DPoP"]}
    form = {**Signer(auth).form(), "grant_type": "client_credentials"}
    assert (await auth.internal.post("/oauth/token", data=form, headers=internal)).status_code == 200


async def test_a_client_registered_for_it_gets_no_token_without_a_proof(auth: Running, granted: Granted) -> None:
    await install(auth, BOUND)
    prover = Prover(auth)
    answer = await granted.redeem(prover, {})
    assert fault_of(answer) == INVALID
    assert (await granted.redeem(prover)).json()["token_type"] == "DPoP"


async def test_a_code_asked_for_with_a_key_is_given_to_that_key_alone(
    auth: Running, granted: Granted, prover: Prover
) -> None:
    for headers in ({}, Prover(auth).proof()):
        stolen = await granted.redeem(prover, headers, dpop_jkt=prover.jkt)
        assert fault_of(stolen) == (400, "invalid_grant")
    assert (await granted.redeem(prover, dpop_jkt=prover.jkt)).status_code == 200


@pytest.mark.usefixtures("prover")
async def test_a_thumbprint_that_is_none_is_told_to_the_client(auth: Running, granted: Granted) -> None:
    await granted.code()
    back = await granted.browser.get(Books(auth, granted.platform).authorize(dpop_jkt="short"))
    assert answer_of(back)["error"] == "invalid_request"


@pytest.mark.parametrize("by", ["parameter", "proof", "both"])
async def test_a_pushed_request_binds_its_code(auth: Running, granted: Granted, prover: Prover, by: str) -> None:
    await granted.code()
    headers = {} if by == "parameter" else prover.proof("/oauth/par")
    named = {} if by == "proof" else {"dpop_jkt": prover.jkt}
    for thief in (Prover(auth), prover):
        relying = Books(auth, granted.platform)
        asked = dict(httpx.URL(relying.authorize(scope=OFFLINE)).params)
        fresh = headers and prover.proof("/oauth/par")
        pushed = await prover.post("/oauth/par", fresh, **asked, **named)
        assert pushed.status_code == 201, pushed.text
        query = httpx.QueryParams({"client_id": "books", "request_uri": pushed.json()["request_uri"]})
        code = answer_of(await granted.browser.get(f"/oauth/authorize?{query}"))["code"]
        form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": relying.verifier}
        answer = await thief.token(grant_type="authorization_code", **form)
        assert (answer.status_code == 200) == (thief is prover)


async def test_a_pushed_request_is_refused_a_proof_that_proves_nothing(auth: Running, prover: Prover) -> None:
    asked = dict(httpx.URL(Books(auth, None).authorize()).params)  # type: ignore[arg-type]
    other = await prover.post("/oauth/par", prover.proof("/oauth/par"), **asked, dpop_jkt=Prover(auth).jkt)
    assert fault_of(other) == INVALID
    elsewhere = await prover.post("/oauth/par", prover.proof("/oauth/token"), **asked)
    assert fault_of(elsewhere) == INVALID
    without = await prover.post("/oauth/par", prover.proof("/oauth/par", nonce=None), **asked)
    assert fault_of(without) == (400, "use_dpop_nonce")
    proof = prover.proof("/oauth/par")
    assert (await prover.post("/oauth/par", proof, **asked)).status_code == 201
    assert fault_of(await prover.post("/oauth/par", proof, **asked)) == INVALID


async def test_a_refresh_may_change_the_key_and_may_not_go_without(
    auth: Running, granted: Granted, prover: Prover
) -> None:
    tokens = (await granted.redeem(prover)).json()
    assert fault_of(await prover.refresh(tokens["refresh_token"], {})) == (400, "invalid_grant")
    changed = Prover(auth)
    following = await changed.refresh(tokens["refresh_token"])
    assert following.status_code == 200, following.text
    said = await claims_of(auth, following.json()["access_token"])
    assert said["cnf"] == {"jkt": changed.jkt}


async def test_a_bound_token_is_no_bearer_token(granted: Granted, prover: Prover) -> None:
    token = (await granted.redeem(prover)).json()["access_token"]
    public = prover.service.public
    bearer = {"Authorization": f"Bearer {token}"}
    proof = prover.proof("/oauth/userinfo", method="GET", ath=hash_of(token))
    in_form = await public.post("/oauth/userinfo", data={"access_token": token})
    for answer in (await prover.userinfo(token, bearer), await prover.userinfo(token, bearer | proof), in_form):
        assert answer.status_code == 401
        assert answer.json()["error"] == "invalid_token"


async def test_a_bearer_token_is_not_shown_by_proofs(granted: Granted, prover: Prover) -> None:
    token = (await granted.redeem(prover, {})).json()["access_token"]
    answer = await prover.userinfo(token)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert (await prover.userinfo(token, {"Authorization": f"Bearer {token}"})).status_code == 200


async def test_userinfo_wants_a_proof_of_this_key_for_this_token_and_tells_what_is_missing(
    auth: Running, granted: Granted, prover: Prover
) -> None:
    token = (await granted.redeem(prover)).json()["access_token"]
    shown = {
        "nothing": ({"Authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        "another key": (Prover(auth).shows(token), "invalid_token"),
        "another token": (prover.shows(token, ath=hash_of("another")), "invalid_dpop_proof"),
        "no token": (prover.shows(token, ath=None), "invalid_dpop_proof"),
        "another method": (prover.shows(token, htm="POST"), "invalid_dpop_proof"),
        "another place": (prover.shows(token, path="/oauth/token"), "invalid_dpop_proof"),
        "old nonce": (prover.shows(token, nonce="old"), "use_dpop_nonce"),
    }
    for name, (headers, error) in shown.items():
        answer = await prover.userinfo(token, headers)
        challenge = answer.headers["www-authenticate"]
        assert (answer.status_code, answer.json()["error"]) == (401, error), name
        assert challenge.startswith("DPoP "), name
        assert 'algs="ES256 PS256"' in challenge, name
        assert f'error="{error}"' in challenge, name
        assert "dpop-nonce" in answer.headers or name == "nothing"
    rows = await auth.database.fetch(
        "SELECT reason, client_id FROM access_records WHERE action = 'GET /oauth/userinfo' ORDER BY at"
    )
    kept = {"invalid_token": "token-invalid"}
    assert [tuple(row.values()) for row in rows] == [
        (kept.get(error, error), "books") for _, error in shown.values()
    ]


async def test_a_bound_token_of_a_credential_asks_about_tokens_with_a_proof_alone(auth: Running) -> None:
    own = await system(auth, replace(SYSTEM, scopes=("introspection",)))
    token = (await own.credential()).json()["access_token"]
    path = "/oauth/introspect"
    asked = {"token": token}
    as_bearer = await auth.public.post(path, data=asked, headers={"Authorization": f"Bearer {token}"})
    assert as_bearer.status_code == 401
    proved = await auth.public.post(path, data=asked, headers=own.shows(token, path, method="POST"))
    assert proved.json()["active"] is True


async def kept_proofs(auth: Running) -> int:
    return len(await auth.database.fetch("SELECT use_hash FROM dpop_proofs"))


async def test_used_proofs_are_forgotten_when_they_could_not_be_shown_again(auth: Running) -> None:
    own = await system(auth)
    await own.credential()
    for later, left in ((110, 1), (130, 0)):
        async with auth.database.transaction() as tx:
            await forget_old_proofs(tx, now=now() + timedelta(seconds=later))
        assert await kept_proofs(auth) == left


async def test_strangers_fill_no_table(auth: Running) -> None:
    own = await system(auth)
    await own.credential(client_assertion="x")
    assert await kept_proofs(auth) == 0
