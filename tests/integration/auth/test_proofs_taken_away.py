"""What somebody signs in by may be taken from them between its being proved and the session's being opened."""

from collections.abc import Awaitable, Callable
from typing import Any

import pyotp
import pytest

from deploy.local.environment import Platform
from services.auth.session import passkey, sign_in
from tests.integration.auth.agents import by_two, installed
from tests.integration.auth.factors import (
    bind_passkey,
    give_passkey,
    new_authenticator,
    passkey_options,
    post,
    signed_in,
)
from tests.integration.auth.parties import Browser
from tests.integration.auth.test_agents import give_password as give_agents_password
from tests.integration.auth.test_passkeys import at_sign_in, last_reason
from tests.kit import Running

Deed = Callable[[], Awaitable[object]]


def before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, deed: Deed) -> None:
    """The deed is done when the session is about to be opened."""
    opens = getattr(module, name)

    async def meanwhile(*args: Any, **named: Any) -> Any:
        await deed()
        return await opens(*args, **named)

    monkeypatch.setattr(module, name, meanwhile)


async def open_sessions(service: Running) -> int:
    return len(await service.database.fetch("SELECT 1 FROM sessions WHERE ended_at IS NULL"))


async def agent_signed_in(service: Running, platform: Platform) -> Browser:
    browser = await give_agents_password(service, platform)
    await browser.submit({"one_time_code": pyotp.TOTP(installed(platform, "validator", "totp")).now()})
    return browser


async def test_a_passkey_that_its_owner_removes_at_that_moment_opens_no_session(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, _ = await signed_in(auth, platform)
    stolen = new_authenticator(auth)
    await bind_passkey(owner, stolen)
    (row,) = await auth.database.fetch("SELECT id FROM second_factors")

    async def remove() -> None:
        assert (await post(owner, "/remove", second_factor_id=str(row["id"]))).status_code == 200

    thief = await at_sign_in(auth, platform)
    options = await passkey_options(thief, "/sign-in")
    before(monkeypatch, passkey, "_admit", remove)
    answer = await give_passkey(thief, "/sign-in", stolen.get(options))
    assert answer.status_code == 401, answer.text
    assert await last_reason(auth) == "wrong-passkey"
    assert await open_sessions(auth) == 1, "the owner's"


async def test_an_agents_passkey_opens_no_session_once_the_credentials_were_reset(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = new_authenticator(auth)
    await bind_passkey(await agent_signed_in(auth, platform), device)
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    before(monkeypatch, passkey, "_admit", lambda: by_two(auth, "reset_agent_credentials", {"name": "validator"}))
    answer = await give_passkey(browser, "/sign-in", device.get(options))
    assert answer.status_code == 401, answer.text
    assert await open_sessions(auth) == 0


@pytest.mark.parametrize("command", ["reset_agent_credentials", "disable_agent"])
async def test_an_agents_password_opens_no_session_once_it_was_reset_or_the_account_disabled(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    browser = await at_sign_in(auth, platform)
    before(monkeypatch, sign_in, "admit_holder", lambda: by_two(auth, command, {"name": "validator"}))
    typed = {"user_code": "validator", "password": installed(platform, "validator", "password")}
    assert (await browser.submit(typed)).status_code == 401
    assert await open_sessions(auth) == 0
