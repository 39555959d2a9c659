"""RFC 8705 §3 at auth: a token is good on the connection of its certificate alone."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.service import new_server
from services.auth.app import SERVICE
from services.auth.client.rules import Client
from tests.integration.auth import parties
from tests.integration.auth.parties import answer_of, claims_of, first_sign_in, new_browser
from tests.integration.auth.proving import Prover
from tests.integration.auth.registered import BOOKS, REDIRECT, SYSTEM, Books, Signer, fault_of, install
from tests.integration.auth.test_client_authentication import BY_SUBJECT, GOOD, HEADER, certificate, named
from tests.kit import Running, running

OTHER = certificate(named("another"))
BOUND = replace(BOOKS, tls_client_certificate_bound_access_tokens=True)


def thumbprint(told: str) -> str:
    der = base64.b64decode(told.strip(":"))
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def with_certificate(told: str | None) -> dict[str, str]:
    return {} if told is None else {HEADER: told}


@asynccontextmanager
async def proxied(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """As a trusted proxy forwards calls."""
    config = new_server(service.apps[0], service.settings, port=0).config
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=("10.0.0.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url=service.settings.public_url) as http:
        yield http


@pytest.fixture
async def behind(platform: Platform) -> AsyncIterator[Running]:
    keys.create(platform.keys)
    overrides: dict[str, Any] = {
        "trusted_proxies": "10.0.0.0/24",
        "client_certificate_header": HEADER,
        "argon2_memory_kib": 64,
        "argon2_passes": 1,
    }
    async with running(SERVICE, platform, keys_dir=platform.keys, **overrides) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service


@pytest.mark.parametrize("client", [BY_SUBJECT, replace(SYSTEM, tls_client_certificate_bound_access_tokens=True)])
async def test_a_credential_is_bound_to_the_certificate_that_it_came_with(behind: Running, client: Client) -> None:
    await install(behind, client)
    signed = {"client_id": "pay"} if client is BY_SUBJECT else Signer(behind).form()
    form = {"grant_type": "client_credentials", **signed}
    async with proxied(behind) as http:
        answer = await http.post("/oauth/token", data=form, headers=with_certificate(GOOD))
    assert answer.json()["token_type"] == "Bearer", answer.text
    said = await claims_of(behind, answer.json()["access_token"])
    assert said["cnf"] == {"x5t#S256": thumbprint(GOOD)}


async def test_a_client_that_authenticates_by_certificate_may_prove_a_key_instead(behind: Running) -> None:
    await install(behind, BY_SUBJECT)
    prover = Prover(behind)
    form = {"grant_type": "client_credentials", "client_id": "pay"}
    async with proxied(behind) as http:
        answer = await http.post("/oauth/token", data=form, headers={**with_certificate(GOOD), **prover.proof()})
    said = await claims_of(behind, answer.json()["access_token"])
    assert said["cnf"] == {"jkt": prover.jkt}


async def test_tokens_of_a_sign_in_are_of_no_use_with_another_certificate(
    behind: Running, platform: Platform
) -> None:
    await install(behind, BOUND)
    browser, relying = new_browser(behind), Books(behind, platform)
    person = await parties.new_person_in_charge(behind)
    await first_sign_in(browser, parties.client(behind, platform), person)
    shown = await browser.get(relying.authorize(scope="openid offline_access"))
    code = answer_of(await parties.allowed(browser, shown))["code"]
    form = {"code": code, "redirect_uri": REDIRECT, "code_verifier": relying.verifier}
    async with proxied(behind) as http:

        async def token(told: str | None, **asked: str) -> httpx.Response:
            whole = {**Signer(behind, "books").form(), **asked}
            return await http.post("/oauth/token", data=whole, headers=with_certificate(told))

        async def userinfo(access_token: str, told: str | None) -> int:
            shown = {"Authorization": f"Bearer {access_token}", **with_certificate(told)}
            return (await http.get("/oauth/userinfo", headers=shown)).status_code

        without = await token(None, grant_type="authorization_code", **form)
        assert fault_of(without) == (400, "invalid_request")
        tokens = (await token(GOOD, grant_type="authorization_code", **form)).json()
        access = tokens["access_token"]
        found = [await userinfo(access, told) for told in (GOOD, OTHER, None, "::")]
        assert found == [200, 401, 401, 401]
        refreshing = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert fault_of(await token(None, **refreshing)) == (400, "invalid_request")
        renewed = await token(OTHER, **refreshing)
        said = await claims_of(behind, renewed.json()["access_token"])
        assert said["cnf"] == {"x5t#S256": thumbprint(OTHER)}
        asked = {**Signer(behind, "books").form(), "token": access}
        told = (await http.post("/oauth/introspect", data=asked)).json()
        assert (told["token_type"], told["cnf"]) == ("Bearer", {"x5t#S256": thumbprint(GOOD)})
