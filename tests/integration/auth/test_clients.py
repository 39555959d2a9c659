import asyncio
import base64
import hmac
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey

from deploy.local import keys
from deploy.local.environment import Platform
from services.auth.client.commands import find_client
from tests.integration.auth import parties
from tests.integration.auth.parties import claims_of
from tests.kit import Running

CREDENTIAL = {"grant_type": "client_credentials"}


def client(service: Running, platform: Platform, client_id: str) -> parties.Client:
    return parties.client(service, platform, (client_id, ""))


async def test_a_service_gets_a_token_with_its_purposes_for_one_audience(
    auth: Running, platform: Platform
) -> None:
    registry = client(auth, platform, "registry")
    granted = (await registry.token(**CREDENTIAL, resource="urn:clicsequr:delegation")).json()
    claims = await claims_of(auth, granted["access_token"])
    assert (claims["client_id"], claims["sub"], claims["aud"]) == (
        "registry",
        "registry",
        "urn:clicsequr:delegation",
    )
    assert claims["scope"] == "feeds user-codes introspection"
    assert granted["token_type"] == "Bearer"
    assert "id_token" not in granted


async def test_a_departments_system_gets_tokens_that_name_it_for_three_services(
    auth: Running, platform: Platform
) -> None:
    cnesst = client(auth, platform, "cnesst")
    for service in ("registry", "delegation", "mailbox"):
        granted = (await cnesst.token(**CREDENTIAL, resource=f"urn:clicsequr:{service}")).json()
        assert (await claims_of(auth, granted["access_token"]))["department"] == "cnesst"
    refused = await cnesst.token(**CREDENTIAL, resource="urn:clicsequr:auth")
    assert refused.json()["error"] == "invalid_target"


async def test_each_token_and_each_refusal_of_a_known_client_is_recorded(
    auth: Running, platform: Platform
) -> None:
    registry = client(auth, platform, "registry")
    await registry.token(**CREDENTIAL)
    await registry.token(**CREDENTIAL, scope="everything")
    await registry.token(grant_type="password")
    rows = await auth.database.fetch("SELECT actor, action, outcome, reason FROM access_records ORDER BY at, id")
    assert [tuple(row.values()) for row in rows] == [
        ("service:registry", "POST /oauth/token", "admitted", None),
        ("service:registry", "POST /oauth/token", "refused", "invalid_scope"),
        ("service:registry", "POST /oauth/token", "refused", "unsupported_grant_type"),
    ]


async def test_the_portal_has_no_credential_of_its_own(auth: Running, platform: Platform) -> None:
    refused = await client(auth, platform, "portal").token(**CREDENTIAL)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")


async def test_an_assertion_serves_once(auth: Running, platform: Platform) -> None:
    registry = client(auth, platform, "registry")
    assertion = registry.assertion()
    assert (await registry.token(**CREDENTIAL, client_assertion=assertion)).status_code == 200
    replayed = await registry.token(**CREDENTIAL, client_assertion=assertion)
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("audience", ["issuer", "token endpoint", "internal token endpoint"])
async def test_an_assertion_names_the_issuer_or_the_token_endpoint(
    auth: Running, platform: Platform, audience: str
) -> None:
    addressed = {
        "issuer": auth.settings.issuer,
        "token endpoint": f"{auth.settings.issuer}/oauth/token",
        "internal token endpoint": f"{auth.settings.auth_internal_url}/oauth/token",
    }
    registry = client(auth, platform, "registry")
    assertion = registry.assertion(aud=addressed[audience])
    assert (await registry.token(**CREDENTIAL, client_assertion=assertion)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example"},
        {"exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 36_000},
        {"sub": "mailbox"},
        {"iss": "mailbox"},
        {"iss": "nobody", "sub": "nobody"},
        {"sub": None},
        {"sub": ["registry"]},
        {"sub": "\0"},
    ],
)
async def test_an_assertion_about_another_or_for_another_is_refused(
    auth: Running, platform: Platform, changes: dict[str, Any]
) -> None:
    registry = client(auth, platform, "registry")
    refused = await registry.token(**CREDENTIAL, client_assertion=registry.assertion(**changes))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_by_none_or_by_a_shared_secret_or_another_key_is_refused(
    auth: Running, platform: Platform
) -> None:
    registry = client(auth, platform, "registry")
    whole = registry.assertion()
    claims = whole.split(".")[1]
    unsigned = f"eyJhbGciOiJub25lIn0.{claims}."
    public = ECKey.import_key(keys.read(keys.client_key_file(platform.keys, "registry"))).as_pem(private=False)
    signed = f"eyJhbGciOiJIUzI1NiJ9.{claims}"
    digest = hmac.digest(public, signed.encode(), "sha256")
    by_secret = f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    another = registry.assertion(key=ECKey.generate_key("P-256"))
    for assertion in (unsigned, by_secret, another, "x", "a.b.c", f"{whole}x", "x" * 9000):
        refused = await registry.token(**CREDENTIAL, client_assertion=assertion)
        assert refused.json()["error"] == "invalid_client"


async def test_another_way_to_authenticate_is_refused(auth: Running, platform: Platform) -> None:
    registry = client(auth, platform, "registry")
    refused = await registry.token(**CREDENTIAL, client_assertion_type="urn:other")
    assert refused.status_code == 401
    refused = await registry.token(**CREDENTIAL, client_id="mailbox")
    assert refused.status_code == 401
    refused = await auth.public.post(
        "/oauth/token", data={**CREDENTIAL, "client_id": "registry", "client_secret": "x"}
    )
    assert refused.status_code == 401


async def test_the_internal_application_gives_the_same_tokens(auth: Running, platform: Platform) -> None:
    registry = client(auth, platform, "registry")
    form = {
        **CREDENTIAL,
        "client_assertion_type": parties.ASSERTION_TYPE,
        "client_assertion": registry.assertion(),
    }
    answer = await auth.internal.post("/oauth/token", data=form)
    assert answer.status_code == 200


async def test_clients_that_are_asked_for_together_are_each_found_or_not(auth: Running) -> None:
    asked = ["portal", "nobody", "registry", "portal", "clic-revenu", "nobody"]
    found = await asyncio.gather(*(find_client(auth.database, client_id) for client_id in asked))
    assert [client and client.client_id for client in found] == [
        "portal",
        None,
        "registry",
        "portal",
        "clic-revenu",
        None,
    ]


async def test_another_method_at_the_token_endpoint_is_told_so(auth: Running) -> None:
    answer = await auth.public.get("/oauth/token")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert (await auth.public.put("/oauth/authorize")).headers["allow"] == "GET, HEAD, POST"
