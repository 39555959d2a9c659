from datetime import timedelta
from pathlib import Path

import pyotp
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.clock import now
from services.auth.app import SERVICE
from tests.integration.auth import parties
from tests.integration.auth.granting import evidence_of
from tests.integration.auth.parties import Browser, answer_of, claims_of, new_browser
from tests.kit import Running, age_records


def secret_of(platform: Platform, name: str, kind: str) -> str:
    return keys.read(platform.keys / "agents" / f"{name}.{kind}")


async def give_password(service: Running, platform: Platform, name: str = "validator") -> Browser:
    browser = new_browser(service)
    await browser.get(parties.client(service, platform).authorize())
    await browser.submit({"user_code": name, "password": secret_of(platform, name, "password")})
    return browser


async def test_an_agent_signs_in_with_two_factors_and_gets_tokens_for_every_audience(
    auth: Running, platform: Platform
) -> None:
    portal = parties.client(auth, platform)
    browser = new_browser(auth)
    await browser.get(portal.authorize())
    page = await browser.submit(
        {"user_code": "Validator", "password": secret_of(platform, "validator", "password")}
    )
    assert page.url.path == "/one-time-code"
    totp = pyotp.TOTP(secret_of(platform, "validator", "totp"))
    code = answer_of(await browser.submit({"one_time_code": totp.now()}))["code"]
    for service in ("registry", "auth", "delegation", "mailbox"):
        granted = (await portal.redeem(code, resource=f"urn:clicsequr:{service}")).json()
        claims = await claims_of(auth, granted["access_token"])
        assert (claims["side"], claims["roles"]) == ("provider", ["validator", "support"])
        assert (claims["acr"], claims["amr"]) == ("urn:clicsequr:acr:two-factor", ["pwd", "otp", "mfa"])
        assert claims["sub"] == claims["agent"]
        code = answer_of(await browser.get(portal.authorize()))["code"]


async def test_the_password_alone_gives_an_agent_nothing(auth: Running, platform: Platform) -> None:
    browser = await give_password(auth, platform)
    silent = await browser.get(parties.client(auth, platform).authorize(prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    assert "session-started" not in [name for name, _ in await auth.events()]


async def test_a_one_time_code_works_once(auth: Running, platform: Platform) -> None:
    code = pyotp.TOTP(secret_of(platform, "decider", "totp")).now()
    first = await give_password(auth, platform, "decider")
    second = await give_password(auth, platform, "decider")
    assert (await first.submit({"one_time_code": code})).status_code == 303
    refused = await second.submit({"one_time_code": code})
    assert refused.status_code == 401
    assert "authentication-failed" in [name for name, _ in await auth.events()]


async def test_guessing_one_time_codes_is_slowed(auth: Running, platform: Platform) -> None:
    browser = await give_password(auth, platform)
    answers = [await browser.submit({"one_time_code": "000000"}) for _ in range(7)]
    assert [answer.status_code for answer in answers][-1] == 429
    rows = await auth.database.fetch(
        "SELECT reason FROM access_records WHERE action = 'POST /one-time-code' ORDER BY at, id"
    )
    assert {row["reason"] for row in rows} == {"wrong-one-time-code", "too-many-attempts"}


async def test_an_agent_does_not_sign_in_for_a_department(auth: Running, platform: Platform) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform, parties.CLIC_REVENU).authorize())
    typed = {"user_code": "validator", "password": secret_of(platform, "validator", "password")}
    assert (await browser.submit(typed)).status_code == 401


async def test_a_wrong_password_of_an_agent_is_an_event_and_looks_like_any_other(
    auth: Running, platform: Platform
) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform).authorize())
    refused = await browser.submit({"user_code": "validator", "password": "x"})
    assert "We could not sign you in" in refused.text
    assert [data["factor"] for name, data in await auth.events() if name == "authentication-failed"] == [
        "password"
    ]


async def test_an_auditor_finds_each_attack_on_an_agents_account(auth: Running, platform: Platform) -> None:
    for name in ("validator", "validator", "nobody at all"):
        browser = new_browser(auth)
        await browser.get(parties.client(auth, platform).authorize())
        for _ in range(6):
            await browser.submit({"user_code": name, "password": "x"})
    agent = await auth.database.fetchrow("SELECT id FROM agent_accounts WHERE name = 'validator'")
    assert agent is not None
    await age_records(auth)
    answer = await auth.public.get(
        "/v1/access-records",
        params={"agent_id": str(agent["id"]), "from": (now() - timedelta(hours=1)).isoformat()},
        headers=auth.tokens.agent("auditor"),
    )
    found = answer.json()["records"]
    assert {one["reason"] for one in found} == {"wrong-password", "too-many-attempts"}
    assert len(found) == 12
    assert {(one["actor"], one["about_agent_id"]) for one in found} == {("anonymous", str(agent["id"]))}


async def test_the_secrets_of_agents_and_keys_are_sealed(auth: Running, platform: Platform) -> None:
    row = await auth.database.fetchrow(
        "SELECT sealed_totp, password_hash FROM agent_accounts WHERE name = 'validator'"
    )
    assert row is not None
    assert secret_of(platform, "validator", "totp").encode() not in row["sealed_totp"]
    assert row["password_hash"].startswith("$argon2id$")
    key = await auth.database.fetchrow("SELECT sealed_private FROM signing_keys")
    assert key is not None
    assert b"PRIVATE" not in key["sealed_private"]


async def test_installing_twice_changes_nothing(auth: Running) -> None:
    before = await auth.database.fetch("SELECT id FROM evidence_records")
    await SERVICE.operations["install"](auth.resources, [str(INSTALLATION)])
    assert len(await auth.database.fetch("SELECT id FROM evidence_records")) == len(before)
    assert len(await auth.database.fetch("SELECT kid FROM signing_keys")) == 1


def book(client_id: str, vendor: str) -> str:
    product = (
        f"kind: software, software: clic-books, vendor: {vendor}, redirect_uris: [https://books.example/back]"
    )
    return f"{{client_id: {client_id}, {product}, jwk_file: clients/portal.jwk.json}}"


async def test_a_file_gives_every_client_of_a_product_another_vendor_and_evidence_says_what_was(
    auth: Running, tmp_path: Path
) -> None:
    path = tmp_path / "installation.yaml"
    for vendor in ("Vendor inc.", "Other inc."):
        path.write_text(f"clients: [{book('a', vendor)}, {book('b', vendor)}]")
        await SERVICE.operations["install"](auth.resources, [str(path)])
    rows = await auth.database.fetch("SELECT vendor FROM clients WHERE software = 'clic-books'")
    assert [row["vendor"] for row in rows] == ["Other inc.", "Other inc."]
    told = (await evidence_of(auth, "install_client"))[-1]
    assert told["changed"] == {"vendor": {"was": "Vendor inc.", "is": "Other inc."}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("agents: [{name: a}]", "wrong at agents.0"),
        (
            "agents: [{name: a, side: provider, roles: [king], password_file: a, totp_file: a}]",
            "unknown role: king",
        ),
        (
            (
                "agents: [{name: a, side: provider, roles: [validator], password_file: agents/validator.password,"
                " totp_file: agents/validator.password}]"
            ),
            "the code generator's secret of a is not 128 bits in base32",
        ),
        ("clients: [{client_id: x, kind: service, jwk_file: none.json}]", "cannot be read"),
        (
            "clients: [{client_id: x, kind: department, jwk_file: clients/portal.jwk.json}]",
            "x: department does not go",
        ),
        ("clients: [{client_id: x, kind: service, jwk_file: agents/validator.totp}]", "no key as a JWK"),
        ("{", "not YAML"),
        (
            "clients: [{client_id: portal, kind: service, jwk_file: clients/portal.jwk.json}]",
            "the kind of the client portal",
        ),
        (
            (
                "clients: [{client_id: cnesst, kind: department-system, department: other,"
                " jwk_file: clients/portal.jwk.json}]"
            ),
            "the department of the client cnesst never changes",
        ),
        (f"clients: [{book('a', 'Vendor inc.')}, {book('b', 'Other inc.')}]", "clients of another vendor"),
    ],
)
async def test_a_fault_of_the_installation_file_is_told_in_one_sentence(
    auth: Running, tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "installation.yaml"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        await SERVICE.operations["install"](auth.resources, [str(path)])
    assert sentence in str(ended.value)
