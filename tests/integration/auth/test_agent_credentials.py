import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pyotp
import pytest

from deploy.local.environment import Platform
from services.auth.app import SERVICE
from services.auth.user_code.passwords import Passwords
from tests.integration.auth import parties
from tests.integration.auth.agents import (
    CHOSEN,
    NEW,
    by_two,
    fault,
    give_password,
    id_of,
    installed,
    sign_in_installed,
    with_third_security_agent,
)
from tests.integration.auth.granting import evidence_of
from tests.integration.auth.parties import Browser, answer_of
from tests.kit import Running

OTHER_TOTP = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


async def test_a_new_agent_signs_in_with_both_and_chooses_a_password_before_anything_else(
    auth: Running, platform: Platform
) -> None:
    seen = await by_two(auth, "create_agent", NEW)
    browser, page = await give_password(auth, platform, "grace", seen["one_time_password"])
    assert page.url.path == "/one-time-code"
    totp = pyotp.parse_uri(seen["totp_uri"])
    assert isinstance(totp, pyotp.TOTP)
    page = await browser.submit({"one_time_code": totp.now()})
    assert page.url.path == "/change-password"
    assert "Replace the one-time password that you were given" in page.text
    assert "session-started" not in [name for name, _ in await auth.events()]
    silent = await new_silent(browser, auth, platform)
    assert answer_of(silent)["error"] == "login_required"


async def new_silent(browser: Browser, auth: Running, platform: Platform) -> httpx.Response:
    return await browser.get(parties.client(auth, platform).authorize(prompt="none"))


async def to_change_password(auth: Running, platform: Platform) -> tuple[Browser, dict[str, str]]:
    seen = await by_two(auth, "create_agent", NEW)
    browser, _ = await give_password(auth, platform, "grace", seen["one_time_password"])
    totp = pyotp.parse_uri(seen["totp_uri"])
    assert isinstance(totp, pyotp.TOTP)
    await browser.submit({"one_time_code": totp.now()})
    return browser, seen


async def test_the_chosen_password_opens_the_session_and_the_one_time_password_is_dead(
    auth: Running, platform: Platform
) -> None:
    browser, seen = await to_change_password(auth, platform)
    weak = await browser.submit({"new_password": "short", "repeated_password": "short"})
    assert weak.status_code == 400
    same = seen["one_time_password"]
    assert (await browser.submit({"new_password": same, "repeated_password": same})).status_code == 400
    named = "grace grace grace grace"
    assert (await browser.submit({"new_password": named, "repeated_password": named})).status_code == 400
    answer = await browser.submit({"new_password": CHOSEN, "repeated_password": CHOSEN})
    assert "code" in answer_of(answer)
    _, refused = await give_password(auth, platform, "grace", same)
    assert refused.status_code == 401
    _, page = await give_password(auth, platform, "grace", CHOSEN)
    assert page.url.path == "/one-time-code"
    commands = [row["command"] for row in await auth.database.fetch("SELECT command FROM evidence_records")]
    assert "choose_agent_password" in commands


async def test_a_reset_while_an_agent_chooses_a_password_ends_that_sign_in(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await to_change_password(auth, platform)
    await by_two(auth, "reset_agent_credentials", {"name": "grace"})
    answer = await browser.submit({"new_password": CHOSEN, "repeated_password": CHOSEN})
    assert answer.status_code != 303 or "code" not in answer.headers["location"]
    row = await auth.database.fetchrow("SELECT password_is_one_time FROM agent_accounts WHERE name = 'grace'")
    assert row is not None
    assert row["password_is_one_time"]


async def test_a_one_time_password_that_is_too_old_looks_like_a_wrong_one(
    auth: Running, platform: Platform
) -> None:
    seen = await by_two(auth, "create_agent", NEW)
    await auth.database.execute("UPDATE agent_accounts SET password_expires_at = now() WHERE name = 'grace'")
    _, late = await give_password(auth, platform, "grace", seen["one_time_password"])
    _, wrong = await give_password(auth, platform, "grace", "not this one")
    assert (late.status_code, wrong.status_code) == (401, 401)


async def test_a_disabled_and_an_unknown_agent_get_the_answer_of_a_wrong_password(
    auth: Running, platform: Platform
) -> None:
    await with_third_security_agent(auth)
    await by_two(auth, "disable_agent", {"name": "decider"})
    right = installed(platform, "decider", "password")
    pages = [
        (await give_password(auth, platform, name, password))[1]
        for name, password in (("decider", right), ("nobody", right), ("auditor", right))
    ]
    assert {page.status_code for page in pages} == {401}
    texts = {page.text.split("form_token")[0] for page in pages}
    assert len(texts) == 1
    reasons = await auth.database.fetch(
        "SELECT reason FROM access_records WHERE action = 'POST /sign-in' ORDER BY at, id"
    )
    assert [row["reason"] for row in reasons] == ["unknown-user-code", "unknown-user-code", "wrong-password"]


async def test_the_same_time_is_taken_for_a_disabled_and_an_unknown_agent(
    auth: Running, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_third_security_agent(auth)
    await by_two(auth, "disable_agent", {"name": "decider"})
    passwords = auth.apps[0].state.parts.passwords
    verified: list[object] = []
    verify = passwords.verify

    async def counted(password: Any, known: Any) -> bool:
        verified.append(known)
        return bool(await verify(password, known))

    monkeypatch.setattr(passwords, "verify", counted)
    await give_password(auth, platform, "decider", installed(platform, "decider", "password"))
    await give_password(auth, platform, "nobody", "x")
    assert verified == [None, None]


async def test_an_enabled_agent_signs_in_again_and_old_tokens_stay_dead(auth: Running, platform: Platform) -> None:
    await with_third_security_agent(auth)
    agent_id = await id_of(auth, "decider")
    old = auth.tokens.agent("security", agent_id=agent_id)
    await by_two(auth, "disable_agent", {"name": "decider"})
    await by_two(auth, "enable_agent", {"name": "decider"})
    assert fault(await auth.public.get("/v1/proposals", headers=old)) == (401, "token-refused")
    _, page = await give_password(auth, platform, "decider", installed(platform, "decider", "password"))
    assert page.url.path == "/one-time-code"
    names = [name for name, _ in await auth.events()]
    assert names.index("agent-account-disabled") < names.index("agent-account-enabled")


async def test_a_reset_replaces_both_factors(auth: Running, platform: Platform) -> None:
    seen = await by_two(auth, "reset_agent_credentials", {"name": "validator"})
    _, refused = await give_password(auth, platform, "validator", installed(platform, "validator", "password"))
    assert refused.status_code == 401
    browser, page = await give_password(auth, platform, "validator", seen["one_time_password"])
    assert page.url.path == "/one-time-code"
    old = pyotp.TOTP(installed(platform, "validator", "totp"))
    assert (await browser.submit({"one_time_code": old.now()})).status_code == 401


async def test_what_was_bound_beside_does_not_outlive_a_reset(auth: Running) -> None:
    agent_id = await id_of(auth, "validator")
    await auth.database.execute(
        "INSERT INTO second_factors (id, owner_id, kind, name, credential_id, public_key, enrolled_at)"
        " VALUES (gen_random_uuid(), $1, 'passkey', 'key', 'c', 'k', now())",
        agent_id,
    )
    await by_two(auth, "reset_agent_credentials", {"name": "validator"})
    assert await auth.database.fetch("SELECT 1 FROM second_factors WHERE owner_id = $1", agent_id) == []
    assert [about["reason"] for name, about in await auth.events() if name == "second-factor-removed"] == ["reset"]


async def open_with_passkey(auth: Running, platform: Platform, name: str) -> UUID:
    """An agent who is signed in, and whose account has a passkey that anybody may have bound."""
    await sign_in_installed(auth, platform, name)
    agent_id = await id_of(auth, name)
    await auth.database.execute(
        "INSERT INTO second_factors (id, owner_id, kind, name, credential_id, public_key, enrolled_at)"
        " VALUES (gen_random_uuid(), $1, 'passkey', 'key', 'c', 'k', now())",
        agent_id,
    )
    return agent_id


async def install_agents(auth: Running, folder: Path, **changes: Any) -> None:
    """The validator as the local installation has it, but for what is changed."""
    agent = {"name": "validator", "side": "provider", "roles": ["validator", "support"]}
    files = {f"{kind}_file": f"agents/validator.{kind}" for kind in ("password", "totp")}
    path = folder / "installation.yaml"
    path.write_text(json.dumps({"agents": [{**agent, **files, **changes}]}), encoding="utf-8")
    await SERVICE.operations["install"](auth.resources, [str(path)])


async def left_of(auth: Running, agent_id: UUID) -> tuple[int, int]:
    """Open sessions and passkeys."""
    sessions = await auth.database.fetch(
        "SELECT 1 FROM sessions WHERE agent_id = $1 AND ended_at IS NULL", agent_id
    )
    factors = await auth.database.fetch("SELECT 1 FROM second_factors WHERE owner_id = $1", agent_id)
    return len(sessions), len(factors)


@pytest.mark.parametrize(("kind", "new"), [("password", "a river nobody remembers"), ("totp", OTHER_TOTP)])
async def test_installed_credentials_that_replace_others_throw_out_whoever_came_by_those(
    auth: Running, platform: Platform, tmp_path: Path, kind: str, new: str
) -> None:
    agent_id = await open_with_passkey(auth, platform, "validator")
    (tmp_path / "new").write_text(new, encoding="utf-8")
    await install_agents(auth, tmp_path, **{f"{kind}_file": str(tmp_path / "new")})
    assert await left_of(auth, agent_id) == (0, 0)
    assert (await evidence_of(auth, "install_agent"))[-1]["credentials_replaced"]
    told = [(name, about.get("reason")) for name, about in await auth.events()]
    assert ("second-factor-removed", "reset") in told
    assert ("session-ended", "ended-by-other") in told
    await install_agents(auth, tmp_path, **{f"{kind}_file": str(tmp_path / "new")})
    assert len(await auth.events()) == len(told), "a second time nothing happens"


async def test_installed_roles_that_replace_others_end_the_sessions_that_carry_those(
    auth: Running, platform: Platform, tmp_path: Path
) -> None:
    agent_id = await open_with_passkey(auth, platform, "validator")
    await install_agents(auth, tmp_path, roles=["auditor"])
    assert await left_of(auth, agent_id) == (0, 1)
    told = (await evidence_of(auth, "install_agent"))[-1]
    assert (told["roles_were"], told["roles"]) == (["validator", "support"], ["auditor"])
    assert (told["side_was"], told["credentials_replaced"]) == ("provider", False)


async def test_installing_the_same_again_or_hashing_it_anew_throws_nobody_out(
    auth: Running, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = await open_with_passkey(auth, platform, "validator")
    await install_agents(auth, tmp_path)
    assert await left_of(auth, agent_id) == (1, 1)
    before = await auth.database.fetch("SELECT password_hash FROM agent_accounts WHERE id = $1", agent_id)
    with monkeypatch.context() as older:
        older.setattr(Passwords, "needs_renewal", lambda *_: True)
        await install_agents(auth, tmp_path)
    after = await auth.database.fetch("SELECT password_hash FROM agent_accounts WHERE id = $1", agent_id)
    assert before != after
    assert await left_of(auth, agent_id) == (1, 1)


async def test_both_ports_share_one_pool_of_hashing_threads(auth: Running) -> None:
    public, internal = auth.apps
    assert public.state.parts is internal.state.parts
