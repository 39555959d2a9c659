"""Verifying access tokens: what a stranger, a rotation and an absent auth can and cannot do."""

import base64
import hmac
import time
from typing import Any
from uuid import uuid4

import httpcore
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from libs.common import principal
from libs.common.errors import InvalidToken, ServiceUnavailable
from libs.common.principal import TokenVerifier, UnusableToken

ISSUER, AUDIENCE = "https://auth.example", "urn:clicsequr:registry"


class Keys:
    """auth's published keys, and how often they were asked for."""

    def __init__(self, *kids: str) -> None:
        self.keys = {kid: ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"}) for kid in kids}
        self.asked = 0
        self.is_away = False

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        if self.is_away:
            raise httpcore.ConnectError("away")
        return dict(KeySet(list(self.keys.values())).as_dict(private=False))

    def add(self, kid: str) -> None:
        self.keys[kid] = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})

    def token(self, kid: str, **claims: Any) -> str:
        now = int(time.time())
        everything = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "x",
            "iat": now,
            "exp": now + 300,
            "client_id": "registry",
            "scope": "user-codes feeds",
            **claims,
        }
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": kid}, everything, self.keys[kid])

    def verifier(self) -> TokenVerifier:
        return TokenVerifier(self.fetch, issuer=ISSUER, audience=AUDIENCE)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


async def test_a_services_scopes_are_the_purposes_it_is_admitted_for() -> None:
    keys = Keys("a")
    found = await keys.verifier().verify(keys.token("a"))
    assert found.actor == "service:registry"
    assert found.admitted_as == frozenset({"service:user-codes", "service:feeds"})


async def test_a_verified_token_is_remembered_and_its_keys_are_asked_once() -> None:
    keys = Keys("a")
    verifier, token = keys.verifier(), keys.token("a")
    assert await verifier.verify(token) is await verifier.verify(token)
    assert keys.asked == 1


async def test_a_remembered_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys("a")
    verifier, token = keys.verifier(), keys.token("a")
    await verifier.verify(token)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 301)
    with pytest.raises(UnusableToken):
        await verifier.verify(token)


async def test_a_key_published_since_is_found_without_a_failed_call(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys("a")
    verifier = keys.verifier()
    await verifier.verify(keys.token("a"))
    keys.add("b")
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + principal.JWKS_RETRY_SECONDS + 1)
    assert (await verifier.verify(keys.token("b"))).actor == "service:registry"


async def test_strangers_tokens_do_not_make_us_ask_for_keys_each_time() -> None:
    keys, strangers = Keys("a"), Keys("a")
    verifier = keys.verifier()
    for _ in range(20):
        with pytest.raises(InvalidToken):
            await verifier.verify(strangers.token("a", jti=str(uuid4())))
    assert keys.asked == 1


async def test_while_auth_is_away_the_keys_had_so_far_stay_good(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys("a")
    verifier = keys.verifier()
    await verifier.verify(keys.token("a"))
    keys.is_away = True
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + principal.JWKS_SECONDS + 1)
    found = await verifier.verify(keys.token("a", jti="another"))
    assert found.actor == "service:registry"


async def test_without_any_key_the_service_says_that_auth_is_away() -> None:
    keys = Keys("a")
    keys.is_away = True
    with pytest.raises(ServiceUnavailable):
        await keys.verifier().verify(keys.token("a"))


async def test_the_public_key_used_as_a_shared_secret_is_refused() -> None:
    keys = Keys("a")
    header, claims, _ = keys.token("a").split(".")
    header = _base64(b'{"alg":"HS256","typ":"at+jwt","kid":"a"}')
    signature = hmac.digest(keys.keys["a"].as_pem(private=False), f"{header}.{claims}".encode(), "sha256")
    forged = f"{header}.{claims}.{_base64(signature)}"
    with pytest.raises(InvalidToken):
        await keys.verifier().verify(forged)


@pytest.mark.parametrize(
    "claims",
    [
        {"applicant": "x", "user_code": str(uuid4()), "role": "user"},
        {"user_code": str(uuid4())},
        {"agent": str(uuid4())},
        {"iat": None},
    ],
)
async def test_a_signed_token_with_missing_or_malformed_claims_is_refused(claims: dict[str, Any]) -> None:
    keys = Keys("a")
    with pytest.raises(InvalidToken):
        await keys.verifier().verify(keys.token("a", **claims))


@pytest.mark.parametrize(
    "claims", [{"exp": 1}, {"aud": "urn:clicsequr:auth"}, {"iat": int(time.time()) + 3600}, {"exp": "soon"}]
)
async def test_a_signed_token_that_is_not_for_here_and_now_names_its_owner(claims: dict[str, Any]) -> None:
    keys = Keys("a")
    with pytest.raises(UnusableToken) as refused:
        await keys.verifier().verify(keys.token("a", **claims))
    assert refused.value.principal.actor == "service:registry"


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "." * 20, "é", "x" * 9000])
async def test_no_token_whatever_is_more_than_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        await Keys("a").verifier().verify(token)


@pytest.mark.parametrize("alg", ["RS256", "PS256"])
async def test_an_rsa_key_verifies_its_own_algorithms_and_an_ec_key_does_not(alg: str) -> None:
    keys = Keys("a")
    rsa = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"})
    claims = jwt.decode(keys.token("a"), keys.keys["a"]).claims

    async def both() -> dict[str, Any]:
        return dict(KeySet([keys.keys["a"], rsa]).as_dict(private=False))

    verifier = TokenVerifier(both, issuer=ISSUER, audience=AUDIENCE)
    signed = jwt.encode({"alg": alg, "typ": "at+jwt", "kid": "r"}, claims, rsa, algorithms=[alg])
    assert (await verifier.verify(signed)).actor == "service:registry"
    confused = jwt.encode({"alg": alg, "typ": "at+jwt", "kid": "a"}, claims, rsa, algorithms=[alg])
    with pytest.raises(InvalidToken):
        await verifier.verify(confused)
    as_elliptic = jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "r"}, claims, keys.keys["a"])
    with pytest.raises(InvalidToken):
        await verifier.verify(as_elliptic)


@pytest.mark.parametrize("alg", ["HS256", "none"])
async def test_an_rsa_public_key_used_as_a_shared_secret_is_refused(alg: str) -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"})

    async def only() -> dict[str, Any]:
        return dict(KeySet([rsa]).as_dict(private=False))

    claims = Keys("a").token("a").split(".")[1]
    header = _base64(f'{{"alg":"{alg}","typ":"at+jwt","kid":"r"}}'.encode())
    signature = hmac.digest(rsa.as_pem(private=False), f"{header}.{claims}".encode(), "sha256")
    with pytest.raises(InvalidToken):
        await TokenVerifier(only, issuer=ISSUER, audience=AUDIENCE).verify(
            f"{header}.{claims}.{_base64(signature)}"
        )
