"""Our own services and tokens that are bound to their sender (RFC 9449, RFC 8705)."""

import asyncio
import base64
import hashlib
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.ids import new_id
from libs.common.service import new_server
from tests.integration.common.probe import PUBLISHER
from tests.kit import Headers, Running, idempotent, running

APPLICANT, CODE = new_id(), new_id()
PATH = f"/v1/applicants/{APPLICANT}/notes"


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


@dataclass
class Sender:
    """A person's client that holds a key."""

    service: Running
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    def token(self, **cnf: Any) -> str:
        shown = self.service.tokens.person_in_charge(APPLICANT, CODE, cnf=cnf or {"jkt": self.key.thumbprint()})
        return shown["Authorization"].removeprefix("Bearer ")

    def proof(self, token: str, **changes: Any) -> str:
        claims = {
            "jti": str(uuid4()),
            "htm": "POST",
            "htu": f"{self.service.settings.public_url}{PATH}",
            "iat": int(time.time()),
            "ath": digest(token.encode()),
            **changes,
        }
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, claims, self.key)

    def shows(self, token: str, **changes: Any) -> Headers:
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(token, **changes)}


async def post(service: Running, headers: Headers) -> httpx.Response:
    return await service.public.post(PATH, json={"text": "hello"}, headers={**headers, **idempotent()})


async def test_a_bound_token_is_good_with_a_proof_of_its_key_alone(platform: Platform) -> None:
    async with running(PUBLISHER, platform) as service:
        sender, thief = Sender(service), Sender(service)
        token = sender.token()
        good = sender.shows(token)
        assert (await post(service, good)).status_code == 201
        refused = {
            "as bearer": {"Authorization": f"Bearer {token}"},
            "as bearer with a proof": {**sender.shows(token), "Authorization": f"Bearer {token}"},
            "without a proof": {"Authorization": f"DPoP {token}"},
            "the same proof": good,
            "another key": {"Authorization": f"DPoP {token}", "DPoP": thief.proof(token)},
            "another token": sender.shows(token, ath=digest(b"another")),
            "another method": sender.shows(token, htm="GET"),
            "another address": sender.shows(token, htu=f"{service.settings.issuer}{PATH}"),
            "old": sender.shows(token, iat=int(time.time()) - 75),
        }
        for name, headers in refused.items():
            answer = await post(service, headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid"), name
            assert 'DPoP algs="ES256 PS256"' in answer.headers["www-authenticate"], name
        rows = await service.database.fetch("SELECT outcome, reason, user_code_id FROM access_records")
        assert [row["outcome"] for row in rows].count("refused") == len(refused)
        assert {row["user_code_id"] for row in rows} == {CODE}


async def test_of_fifty_uses_of_one_proof_at_once_one_is_admitted(platform: Platform) -> None:
    async with running(PUBLISHER, platform) as service:
        sender = Sender(service)
        headers = sender.shows(sender.token())
        answers = await asyncio.gather(*(post(service, headers) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [201] + [401] * 49


async def test_a_bearer_token_and_one_bound_in_an_unknown_way_are_not_shown_by_proofs(platform: Platform) -> None:
    async with running(PUBLISHER, platform) as service:
        sender = Sender(service)
        bearer = service.tokens.person_in_charge(APPLICANT, CODE)["Authorization"].removeprefix("Bearer ")
        assert (await post(service, {"Authorization": f"Bearer {bearer}"})).status_code == 201
        assert (await post(service, sender.shows(bearer))).status_code == 401
        odd: list[dict[str, Any]] = [{"jwk": {}}, {"jkt": 7}, {"jkt": sender.key.thumbprint(), "kid": "x"}]
        for cnf in odd:
            token = sender.token(**cnf)
            assert (await post(service, sender.shows(token))).status_code == 401
            assert (await post(service, {"Authorization": f"Bearer {token}"})).status_code == 401


def certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(("peer", "status"), [("10.0.0.7", 201), ("192.0.2.1", 401)])
async def test_a_token_of_a_certificate_is_good_where_a_trusted_proxy_tells_that_certificate(
    platform: Platform, peer: str, status: int
) -> None:
    own, other = certificate(), certificate()
    proxied: dict[str, Any] = {"trusted_proxies": "10.0.0.0/24", "client_certificate_header": "Client-Cert"}
    async with running(PUBLISHER, platform, **proxied) as service:
        token = Sender(service).token(**{"x5t#S256": digest(own)})
        config = new_server(service.apps[0], service.settings, port=0).config
        config.load()
        transport = httpx.ASGITransport(config.loaded_app, client=(peer, 40000))
        told = {"own": own, "other": other, "none": None}
        answers = {}
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            for name, shown in told.items():
                header = {} if shown is None else {"Client-Cert": f":{base64.b64encode(shown).decode()}:"}
                headers = {"Authorization": f"Bearer {token}", **header, **idempotent()}
                answers[name] = (await http.post(PATH, json={"text": "x"}, headers=headers)).status_code
    assert answers == {"own": status, "other": 401, "none": 401}
