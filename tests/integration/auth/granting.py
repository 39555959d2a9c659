"""Tokens that somebody's sign-in gave, and how they are asked for again."""

from dataclasses import dataclass
from typing import Any

import httpx

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
