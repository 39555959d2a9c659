"""Tokens that somebody's sign-in gave, and how they are asked for again."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.parties import Browser, Client, Person, answer_of, new_browser
from tests.kit import Running

OFFLINE = "openid offline_access"


@dataclass
class Granted:
    """What a client got for somebody: the whole answer of the token endpoint."""

    service: Running
    person: Person
    browser: Browser
    client: Client
    code: str
    tokens: dict[str, Any]

    @property
    def access_token(self) -> str:
        return str(self.tokens["access_token"])

    @property
    def refresh_token(self) -> str:
        return str(self.tokens["refresh_token"])

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.access_token}"}

    async def refresh(self, token: str | None = None, **changes: str | None) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token or self.refresh_token, **changes}
        return await self.client.token(**form)


async def granted(
    service: Running, platform: Platform, named: tuple[str, str] = parties.PORTAL, **asked: str | None
) -> Granted:
    """Somebody signs in in the portal; the named client is given a code by that, and redeems it."""
    person = await parties.new_person_in_charge(service)
    browser = new_browser(service)
    await parties.first_sign_in(browser, parties.client(service, platform), person)
    return await granted_again(service, platform, person, browser, named=named, **asked)


async def granted_again(
    service: Running,
    platform: Platform,
    person: Person,
    browser: Browser,
    *,
    named: tuple[str, str] = parties.PORTAL,
    **asked: str | None,
) -> Granted:
    relying = parties.client(service, platform, named)
    answer = await browser.get(relying.authorize(**{"scope": OFFLINE, **asked}))
    code = answer_of(answer)["code"]
    redeemed = await relying.redeem(code)
    assert redeemed.status_code == 200, redeemed.text
    return Granted(service, person, browser, relying, code, redeemed.json())


async def evidence_of(service: Running, command: str) -> list[dict[str, Any]]:
    rows = await service.database.fetch(
        "SELECT content FROM evidence_records WHERE command = $1 ORDER BY at", command
    )
    return [row["content"] for row in rows]


def _part(value: dict[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def forgeries_of(given: Granted) -> dict[str, str]:
    """Tokens that say what a good one says, and were not signed here as access tokens."""
    published = (await given.service.public.get("/oauth/jwks")).json()["keys"][0]
    claims = await parties.claims_of(given.service, given.access_token)
    head, body, signature = given.access_token.split(".")
    header = parties.header_of(given.access_token)
    stranger = ECKey.generate_key("P-256")
    forged = {
        "cut": f"{head}.{body}.",
        "altered": f"{head}.{_part({**claims, 'sub': 'another'})}.{signature}",
        "none": f"{_part({**header, 'alg': 'none'})}.{body}.",
        "id token": str(given.tokens["id_token"]),
        "own key, other type": await given.service.apps[0].state.parts.keys.sign(claims, typ="JWT"),
        "two parts": f"{head}.{body}",
        "not JSON": f"{_part(b'[')}.{body}.{signature}",
        "a list": f"{_part(b'[]')}.{body}.{signature}",
        "oversized": given.access_token + "x" * 9_000,
        "nothing": "x",
    }
    for name, kid in {
        "own": published["kid"],
        "file": "../../dev/null",
        "quote": "' OR 1=1",
        "absent": None,
    }.items():
        told = {**header, "kid": kid, "jwk": stranger.as_dict(private=False)}
        present = {key: value for key, value in told.items() if value is not None}
        forged[f"kid {name}"] = jwt.encode(present, claims, stranger)
    for name, secret in {
        "pem": ECKey.import_key(published).as_pem(private=False),
        "jwk": json.dumps(published).encode(),
        "empty": b"",
    }.items():
        signed = f"{_part({**header, 'alg': 'HS256'})}.{body}"
        digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        forged[f"HS256 {name}"] = f"{signed}.{_part(digest)}"
    return forged
