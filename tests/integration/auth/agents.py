"""What two security agents do about agents' accounts, and how an agent signs in."""

from typing import Any
from uuid import UUID

import httpx
import pyotp

from deploy.local import keys
from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.parties import Browser, answer_of, new_browser
from tests.kit import Headers, Running, idempotent

CHOSEN = "a mountain that nobody else remembers"
NEW = {"name": "grace", "side": "provider", "roles": ["support", "security"]}


def fault(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def security(auth: Running, **claims: Any) -> Headers:
    return auth.tokens.agent("security", **claims)


async def propose(
    auth: Running, headers: Headers, command: str, content: dict[str, Any], *, key: str | None = None
) -> httpx.Response:
    body = {"command": command, "content": content}
    return await auth.public.post("/v1/proposals", json=body, headers={**headers, **idempotent(key)})


async def approve(
    auth: Running, headers: Headers, made: dict[str, Any], *, key: str | None = None
) -> httpx.Response:
    return await auth.public.post(
        f"/v1/proposals/{made['id']}/approvals",
        json={"content_hash": made["content_hash"]},
        headers={**headers, **idempotent(key)},
    )


async def by_two(auth: Running, command: str, content: dict[str, Any]) -> dict[str, str]:
    """Proposed by one, approved by another; everything that either was shown."""
    first, second = security(auth), security(auth)
    proposed = await propose(auth, first, command, content)
    assert proposed.status_code == 201, proposed.text
    approved = await approve(auth, second, proposed.json())
    assert approved.status_code == 200, approved.text
    seen: dict[str, str] = approved.json()["shown_once"]
    if approved.json()["proposal"]["collect_until"] is not None:
        collected = await auth.public.post(f"/v1/proposals/{proposed.json()['id']}/shown-once", headers=first)
        assert collected.status_code == 200, collected.text
        seen |= collected.json()["shown_once"]
    return seen


async def id_of(auth: Running, name: str) -> UUID:
    row = await auth.database.fetchrow("SELECT id FROM agent_accounts WHERE name = $1", name)
    assert row is not None
    found: UUID = row["id"]
    return found


async def with_third_security_agent(auth: Running) -> None:
    """Beside decider and security, of the installation."""
    await by_two(auth, "create_agent", {"name": "third", "side": "provider", "roles": ["security"]})


async def give_password(
    auth: Running, platform: Platform, name: str, password: str
) -> tuple[Browser, httpx.Response]:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    return browser, await browser.submit({"user_code": name, "password": password})


def installed(platform: Platform, name: str, kind: str) -> str:
    return keys.read(platform.keys / "agents" / f"{name}.{kind}")


async def sign_in_installed(auth: Running, platform: Platform, name: str) -> str:
    """Answers the code that a client may still redeem."""
    browser, _ = await give_password(auth, platform, name, installed(platform, name, "password"))
    totp = pyotp.TOTP(installed(platform, name, "totp"))
    return answer_of(await browser.submit({"one_time_code": totp.now()}))["code"]
