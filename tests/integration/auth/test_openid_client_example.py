"""The example with a public client library, against the served application over real HTTP."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from examples.openid_client.__main__ import main
from libs.common.service import new_server
from services.auth.app import SERVICE
from tests.integration.auth import parties
from tests.integration.auth.granting import evidence_of
from tests.kit import Running, running

STEPS = ("Discovery", "Pushed", "Signed in", "Redeemed", "Userinfo", "Refreshed", "Introspected", "Revoked")


@pytest.fixture
async def served(platform: Platform) -> AsyncIterator[Running]:
    """Listens on a port of loopback that was free."""
    keys.create(platform.keys)
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    cheap: dict[str, Any] = {"argon2_memory_kib": 64, "argon2_passes": 1}
    async with running(
        SERVICE, platform, keys_dir=platform.keys, issuer=address, public_url=address, **cheap
    ) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        server = new_server(service.apps[0], service.settings, port=0)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield service
        server.should_exit = True
        await serving


async def test_a_public_library_signs_somebody_in(
    served: Running,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = await parties.sessions_person(served, platform)
    monkeypatch.setenv("OPENID_CLIENT_PASSWORD", person.password)
    directory = ["--directory", str(tmp_path / "client")]
    for _ in range(2):
        assert main([*directory, "register"]) == 0
        installation = capsys.readouterr().out.strip()
        await SERVICE.operations["install"](served.resources, [installation])
    installed = await evidence_of(served, "install_client")
    assert [content["client_id"] for content in installed].count("openid-example") == 1
    sign_in = [*directory, "sign-in", "--issuer", served.settings.issuer, "--user-code", person.user_code]
    assert await asyncio.to_thread(main, sign_in) == 0
    told = capsys.readouterr().out
    places = [told.index(f"{number}. {step}") for number, step in enumerate(STEPS, 1)]
    assert places == sorted(places)
    assert "4. Redeemed the code: DPoP token" in told
    assert "7. Introspected: active True" in told
    assert told.rstrip().endswith("active False")
    assert person.password not in told


async def test_a_wrong_password_is_told_in_the_providers_own_words(
    served: Running,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = await parties.sessions_person(served, platform)
    monkeypatch.setenv("OPENID_CLIENT_PASSWORD", "not the password of anybody")
    directory = ["--directory", str(tmp_path / "client")]
    main([*directory, "register"])
    await SERVICE.operations["install"](served.resources, [capsys.readouterr().out.strip()])
    sign_in = [*directory, "sign-in", "--issuer", served.settings.issuer, "--user-code", person.user_code]
    assert await asyncio.to_thread(main, sign_in) == 1
    assert "We could not sign you in" in capsys.readouterr().err


async def test_a_one_time_password_is_replaced_by_one_that_is_told(
    served: Running,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = await parties.new_person_in_charge(served)
    directory = ["--directory", str(tmp_path / "client")]
    main([*directory, "register"])
    await SERVICE.operations["install"](served.resources, [capsys.readouterr().out.strip()])
    sign_in = [*directory, "sign-in", "--issuer", served.settings.issuer, "--user-code", person.user_code]
    monkeypatch.setenv("OPENID_CLIENT_PASSWORD", person.password)
    assert await asyncio.to_thread(main, sign_in) == 0
    told = re.search(r"its password is (\S+) from now on", capsys.readouterr().out)
    assert told
    monkeypatch.setenv("OPENID_CLIENT_PASSWORD", told[1])
    assert await asyncio.to_thread(main, sign_in) == 0
