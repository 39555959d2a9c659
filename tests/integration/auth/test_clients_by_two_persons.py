import asyncio
import secrets
from dataclasses import fields
from typing import Any

import pytest
from joserfc.jwk import ECKey

from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.ids import new_id
from services.auth.app import SERVICE
from services.auth.client.members import NewClient
from services.auth.client.rules import Client
from tests.integration.auth import parties
from tests.integration.auth.agents import approve, by_two, fault, propose, security
from tests.integration.auth.granting import evidence_of, granted
from tests.integration.auth.parties import CLIC_REVENU, PASSWORD, answer_of, new_browser
from tests.integration.auth.registered import EC, REFUSED, SYSTEM, Signer, basic, fault_of, install, public
from tests.integration.auth.test_recovery import everything_kept
from tests.kit import Headers, Running

CREDENTIAL = {"grant_type": "client_credentials"}
JWK = public(EC)[0]
PAY: dict[str, Any] = {
    "client_id": "pay",
    "kind": "department-system",
    "department": "cnesst",
    "name_fr": "Paie",
    "name_en": "Pay",
    "jwks": [JWK],
}
BY_SECRET = {**PAY, "jwks": [], "token_endpoint_auth_method": "client_secret_basic"}
WALLET = {
    "client_id": "wallet",
    "kind": "department",
    "department": "cnesst",
    "name_fr": "Guichet",
    "name_en": "Desk",
    "redirect_uris": ["https://desk.example/callback"],
    "jwks": [JWK],
}
PRODUCT = {
    "client_id": "books",
    "kind": "software",
    "software": "clic-books",
    "vendor": "Vendor inc.",
    "name_fr": "Livres",
    "name_en": "Books",
    "redirect_uris": ["https://books.example/callback"],
    "jwks": [JWK],
}
NEW_ADDRESS = "https://revenu.example/callback"


async def shown(auth: Running, client_id: str, headers: Headers | None = None) -> dict[str, Any]:
    answer = await auth.public.get(f"/v1/clients/{client_id}", headers=headers or security(auth))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def to_change(auth: Running, named: str, /, **changes: Any) -> dict[str, Any]:
    """The content of a change of what is registered now."""
    known = await shown(auth, named)
    return {"client_id": named, "registration_hash": known["registration_hash"], "changes": changes}


async def test_two_persons_register_a_client_that_then_gets_tokens(auth: Running) -> None:
    made = (await propose(auth, security(auth), "register_client", PAY)).json()
    assert fault_of(await Signer(auth).token()) == REFUSED
    approved = await approve(auth, security(auth), made)
    assert (approved.status_code, approved.json()["shown_once"]) == (200, {})
    assert (await Signer(auth).token(resource="urn:clicsequr:registry")).status_code == 200
    told = (await evidence_of(auth, "register_client"))[0]
    assert (told["client_id"], told["department"], told["live_secrets"]) == ("pay", "cnesst", 0)
    assert fault(await propose(auth, security(auth), "register_client", PAY)) == (409, "client-id-taken")


def test_two_persons_may_write_every_member_of_a_registration_but_secrets() -> None:
    assert {one.name for one in fields(Client)} - {"secret_hashes"} == set(NewClient.model_fields)


async def test_a_secret_is_shown_once_to_the_second_person_and_stands_nowhere(auth: Running) -> None:
    first, second = security(auth), security(auth)
    made = (await propose(auth, first, "register_client", BY_SECRET)).json()
    approved = await approve(auth, second, made, key="once")
    secret = approved.json()["shown_once"]["client_secret"]
    assert len(secret) >= 43
    again = await approve(auth, second, made, key="once")
    assert again.json()["shown_once"] == {"client_secret": None}
    collected = await auth.public.post(f"/v1/proposals/{made['id']}/shown-once", headers=first)
    assert fault(collected) == (409, "nothing-to-collect")
    answer = await auth.public.post("/oauth/token", data=CREDENTIAL, headers=basic("pay", secret))
    assert answer.status_code == 200
    proposals = await auth.database.fetch("SELECT content::text, sealed_for_proposer FROM proposals")
    assert secret not in await everything_kept(auth) + str([dict(row) for row in proposals])
    assert secret not in (await auth.public.get("/v1/clients/pay", headers=first)).text


async def test_two_secrets_are_live_while_a_client_changes_over(auth: Running) -> None:
    old = (await by_two(auth, "register_client", BY_SECRET))["client_secret"]
    new = (await by_two(auth, "renew_client_secret", {"client_id": "pay"}))["client_secret"]

    async def answers(secret: str) -> int:
        return (await auth.public.post("/oauth/token", data=CREDENTIAL, headers=basic("pay", secret))).status_code

    assert [await answers(old), await answers(new)] == [200, 200]
    refused = await propose(auth, security(auth), "renew_client_secret", {"client_id": "pay"})
    assert fault(refused) == (409, "client-secrets-are-two")
    retired, kept = (await shown(auth, "pay"))["registration"]["secret_ids"]
    await by_two(auth, "retire_client_secret", {"client_id": "pay", "secret_id": retired})
    assert [await answers(old), await answers(new)] == [401, 200]
    for named, code in ((retired, "client-secret-not-live"), (kept, "last-client-secret")):
        content = {"client_id": "pay", "secret_id": named}
        assert fault(await propose(auth, security(auth), "retire_client_secret", content)) == (409, code)
    told = await evidence_of(auth, "retire_client_secret")
    assert told[0]["changed"]["secret_ids"] == {"was": [retired, kept], "is": [kept]}


async def test_a_client_that_signs_takes_no_secret_until_its_method_is_one(auth: Running) -> None:
    await by_two(auth, "register_client", PAY)
    refused = await propose(auth, security(auth), "renew_client_secret", {"client_id": "pay"})
    assert fault(refused) == (409, "client-takes-no-secret")
    changes = {"token_endpoint_auth_method": "client_secret_basic", "jwks": []}
    seen = await by_two(auth, "change_client", await to_change(auth, "pay", **changes))
    headers = basic("pay", seen["client_secret"])
    assert (await auth.public.post("/oauth/token", data=CREDENTIAL, headers=headers)).status_code == 200
    assert fault_of(await Signer(auth).token()) == REFUSED
    back = {"token_endpoint_auth_method": "private_key_jwt", "jwks": [JWK]}
    assert await by_two(auth, "change_client", await to_change(auth, "pay", **back)) == {}
    assert (await auth.public.post("/oauth/token", data=CREDENTIAL, headers=headers)).status_code == 401
    assert (await Signer(auth).token()).status_code == 200


async def test_evidence_of_a_change_says_which_addresses_were_and_are_and_whose_keys(auth: Running) -> None:
    other = ECKey.generate_key("P-256", {"kid": "next"})
    before = (await shown(auth, CLIC_REVENU[0]))["registration"]
    changes = {"redirect_uris": [CLIC_REVENU[1], NEW_ADDRESS], "jwks": [*before["jwks"], public(other)[0]]}
    await by_two(auth, "change_client", await to_change(auth, CLIC_REVENU[0], **changes))
    told = (await evidence_of(auth, "change_client"))[0]["changed"]
    assert told["redirect_uris"] == {"was": [CLIC_REVENU[1]], "is": [CLIC_REVENU[1], NEW_ADDRESS]}
    assert told["jwks"]["is"] == [*told["jwks"]["was"], other.thumbprint()]
    assert set(told) == {"redirect_uris", "jwks"}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "mine"},
        {"kind": "service"},
        {"department": "revenu-quebec"},
        {"secret_hashes": ["AAAA"]},
        {"client_secret": "known to both"},
        {"redirect_uris": "https://a.example"},
        {"redirect_uris": [f"https://a.example/{it}" for it in range(21)]},
        {"redirect_uris": ["https://a.example/" + "x" * 2_048]},
        {"name_fr": None},
        {"name_en": "a\nb"},
        {"scopes": ["two words"]},
        {"jwks": [dict(EC.as_dict(private=True))]},
        {"jwks": [{"kty": "oct", "k": "known to both"}]},
        {"token_endpoint_auth_method": "none"},
        {},
    ],
    ids=lambda changes: ", ".join(changes) or "nothing",
)
async def test_only_a_member_that_is_well_formed_is_proposed(auth: Running, changes: dict[str, Any]) -> None:
    answer = await propose(auth, security(auth), "change_client", await to_change(auth, "clic-revenu", **changes))
    assert fault(answer) == (400, "proposal-content-invalid")
    assert "known to both" not in answer.text
    kept = str([dict(row) for row in await auth.database.fetch("SELECT content FROM proposals")])
    assert str(EC.as_dict(private=True)["d"]) not in kept + await everything_kept(auth)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["http://revenu.example/callback"]}, "redirect-address-not-allowed"),
        ({"redirect_uris": ["https://revenu.example/*"]}, "redirect-address-not-allowed"),
        ({"profile": "fapi2"}, "client-profile-not-met"),
        ({"jwks": []}, "client-members-inconsistent"),
    ],
)
async def test_two_persons_register_by_the_rules_of_the_installation(
    auth: Running, changes: dict[str, Any], code: str
) -> None:
    answer = await propose(auth, security(auth), "change_client", await to_change(auth, "clic-revenu", **changes))
    assert fault(answer) == (400, code)


async def test_a_change_that_was_decided_on_another_registration_is_not_made(auth: Running) -> None:
    wanted = [await to_change(auth, "clic-revenu", name_en=name) for name in ("One", "Two")]
    made = [(await propose(auth, security(auth), "change_client", content)).json() for content in wanted]
    answers = await asyncio.gather(*(approve(auth, security(auth), one) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert fault(refused) == (409, "client-not-as-seen")
    assert fault(await propose(auth, security(auth), "change_client", wanted[0])) == (409, "client-not-as-seen")
    name = (await shown(auth, "clic-revenu"))["registration"]["name_en"]
    same = await propose(auth, security(auth), "change_client", await to_change(auth, "clic-revenu", name_en=name))
    assert fault(same) == (409, "client-unchanged")


async def test_a_product_has_one_vendor_until_its_other_clients_are_disabled(auth: Running) -> None:
    await by_two(auth, "register_client", PRODUCT)
    second = {**PRODUCT, "client_id": "books-mobile"}
    refused = await propose(auth, security(auth), "register_client", {**second, "vendor": "Other inc."})
    assert fault(refused) == (409, "product-has-vendor")
    await by_two(auth, "register_client", second)
    content = await to_change(auth, "books", vendor="Other inc.")
    assert fault(await propose(auth, security(auth), "change_client", content)) == (409, "product-has-vendor")
    await by_two(auth, "disable_client", {"client_id": "books-mobile"})
    await by_two(auth, "change_client", content)
    named = {"client_id": "books-mobile"}
    assert fault(await propose(auth, security(auth), "enable_client", named)) == (409, "product-has-vendor")
    await by_two(auth, "change_client", await to_change(auth, "books-mobile", vendor="Other inc."))
    await by_two(auth, "enable_client", named)


async def test_two_vendors_of_one_product_are_not_registered_at_the_same_instant(auth: Running) -> None:
    contents = [{**PRODUCT, "client_id": f"books-{vendor}", "vendor": vendor} for vendor in ("a", "b", "c")]
    made = [(await propose(auth, security(auth), "register_client", one)).json() for one in contents]
    answers = await asyncio.gather(*(approve(auth, security(auth), one) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_two_proposals_of_one_client_id_register_one_client(auth: Running) -> None:
    contents = [PAY, {**PAY, "name_en": "Another", "department": "revenu-quebec"}]
    made = [(await propose(auth, security(auth), "register_client", content)).json() for content in contents]
    answers = await asyncio.gather(*(approve(auth, security(auth), one) for one in made))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await evidence_of(auth, "register_client")) == 1


async def test_a_registration_waits_for_an_installation_of_the_same_name(auth: Running) -> None:
    made = (await propose(auth, security(auth), "register_client", PAY)).json()
    await install(auth, SYSTEM)
    assert fault(await approve(auth, security(auth), made)) == (409, "client-id-taken")


async def test_installing_again_leaves_the_clients_that_two_persons_changed(auth: Running) -> None:
    await by_two(auth, "disable_client", {"client_id": "cnesst"})
    await by_two(auth, "change_client", await to_change(auth, "clic-revenu", redirect_uris=[NEW_ADDRESS]))
    columns = "client_id, state, redirect_uris, is_installed"
    before = await auth.database.fetch(f"SELECT {columns} FROM clients ORDER BY client_id")
    installed = len(await evidence_of(auth, "install_client"))
    await SERVICE.operations["install"](auth.resources, [str(INSTALLATION)])
    assert await auth.database.fetch(f"SELECT {columns} FROM clients ORDER BY client_id") == before
    assert len(await evidence_of(auth, "install_client")) == installed
    by_id = {row["client_id"]: row for row in before}
    assert (by_id["cnesst"]["state"], by_id["portal"]["is_installed"]) == ("disabled", True)
    assert by_id["clic-revenu"]["redirect_uris"] == [NEW_ADDRESS]


async def test_a_disabled_client_is_answered_like_one_that_never_was(auth: Running, platform: Platform) -> None:
    await by_two(auth, "register_client", PAY)
    await by_two(auth, "disable_client", {"client_id": "pay"})
    unknown = await Signer(auth, "nobody").token()
    disabled = await Signer(auth, "pay").token()
    assert (disabled.status_code, disabled.json()) == (unknown.status_code, unknown.json())
    revenu = parties.client(auth, platform, CLIC_REVENU)
    await by_two(auth, "disable_client", {"client_id": CLIC_REVENU[0]})
    pages = [
        await new_browser(auth).get(revenu.authorize(client_id=named)) for named in (CLIC_REVENU[0], "nobody")
    ]
    assert [page.status_code for page in pages] == [400, 400]
    assert [page.headers.get("location") for page in pages] == [None, None]
    assert fault(await propose(auth, security(auth), "disable_client", {"client_id": "pay"})) == (
        409,
        "client-disabled-already",
    )
    await by_two(auth, "enable_client", {"client_id": "pay"})
    assert (await Signer(auth).token()).status_code == 200
    assert fault(await propose(auth, security(auth), "enable_client", {"client_id": "pay"})) == (
        409,
        "client-not-disabled",
    )


async def test_a_code_in_flight_while_its_client_is_disabled_is_never_redeemed(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    revenu = parties.client(auth, platform, CLIC_REVENU)
    code = answer_of(await given.browser.get(revenu.authorize()))["code"]
    await by_two(auth, "disable_client", {"client_id": CLIC_REVENU[0]})
    refused = await revenu.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    await by_two(auth, "enable_client", {"client_id": CLIC_REVENU[0]})
    assert (await revenu.redeem(code)).json()["error"] == "invalid_grant"
    again = answer_of(await given.browser.get(revenu.authorize()))["code"]
    assert (await revenu.redeem(again)).status_code == 200, "the person's own session goes on"


async def test_what_a_disabled_client_was_given_stays_dead_when_it_is_enabled(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform, CLIC_REVENU)
    assert (await auth.public.get("/oauth/userinfo", headers=given.bearer)).status_code == 200
    await by_two(auth, "disable_client", {"client_id": CLIC_REVENU[0]})
    assert fault_of(await given.refresh()) == (401, "invalid_client")
    assert (await auth.public.get("/oauth/userinfo", headers=given.bearer)).status_code == 401
    await by_two(auth, "enable_client", {"client_id": CLIC_REVENU[0]})
    assert fault_of(await given.refresh()) == (400, "invalid_grant")
    assert (await auth.public.get("/oauth/userinfo", headers=given.bearer)).status_code == 401


async def test_disabling_a_client_takes_no_longer_however_much_it_was_granted(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform, CLIC_REVENU)
    untouched = "SELECT id, xmin::text FROM token_grants ORDER BY id"
    before = await auth.database.fetch(untouched)
    await by_two(auth, "disable_client", {"client_id": CLIC_REVENU[0]})
    assert (await auth.public.get("/oauth/userinfo", headers=given.bearer)).status_code == 401
    assert await auth.database.fetch(untouched) == before


async def test_nobody_is_sent_to_an_address_that_is_taken_away_while_they_sign_in(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    revenu = parties.client(auth, platform, CLIC_REVENU)
    browser, waiting = new_browser(auth), new_browser(auth)
    await browser.get(revenu.authorize())
    page = browser.page
    await waiting.get(revenu.authorize())
    await by_two(auth, "change_client", await to_change(auth, CLIC_REVENU[0], redirect_uris=[NEW_ADDRESS]))
    for answer in (
        await browser.submit({"user_code": person.user_code, "password": PASSWORD}, page=page),
        await waiting.get("/sign-in"),
        await waiting.get(revenu.authorize()),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert CLIC_REVENU[1] not in answer.headers.get("content-security-policy", "")


async def test_a_request_that_was_kept_too_late_to_be_forgotten_leads_nowhere_either(
    auth: Running, platform: Platform
) -> None:
    browser = new_browser(auth)
    await browser.get(parties.client(auth, platform, CLIC_REVENU).authorize())
    await auth.database.execute(
        "UPDATE clients SET redirect_uris = $1 WHERE client_id = 'clic-revenu'", [NEW_ADDRESS]
    )
    assert (await browser.get("/sign-in")).status_code == 400


async def test_a_code_that_went_to_an_address_since_taken_away_is_not_redeemed(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    revenu = parties.client(auth, platform, CLIC_REVENU)
    code = answer_of(await given.browser.get(revenu.authorize()))["code"]
    await by_two(auth, "change_client", await to_change(auth, CLIC_REVENU[0], redirect_uris=[NEW_ADDRESS]))
    assert (await revenu.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_code_redeemed_at_the_instant_its_client_is_disabled_gives_a_grant_that_is_dead(
    auth: Running, platform: Platform
) -> None:
    given = await granted(auth, platform)
    revenu = parties.client(auth, platform, CLIC_REVENU)
    code = answer_of(await given.browser.get(revenu.authorize(scope="openid offline_access")))["code"]
    made = (await propose(auth, security(auth), "disable_client", {"client_id": CLIC_REVENU[0]})).json()
    redeemed, approved = await asyncio.gather(revenu.redeem(code), approve(auth, security(auth), made))
    assert approved.status_code == 200
    alive = """
        SELECT 1 FROM token_grants g JOIN clients c USING (client_id)
        WHERE client_id = $1 AND client_epoch = grant_epoch AND revoked_at IS NULL
    """
    assert await auth.database.fetch(alive, CLIC_REVENU[0]) == []
    assert redeemed.status_code == 200 or redeemed.json()["error"] in {"invalid_client", "invalid_grant"}


async def test_a_departments_security_agents_propose_about_their_own_clients_and_the_provider_approves(
    auth: Running,
) -> None:
    ours, peer = security(auth, side="cnesst"), security(auth, side="cnesst")
    made = (await propose(auth, ours, "register_client", WALLET)).json()
    assert fault(await approve(auth, peer, made)) == (403, "role-may-not-decide")
    assert fault(await approve(auth, security(auth, side="revenu-quebec"), made)) == (404, "not-found")
    assert (await approve(auth, security(auth), made)).status_code == 200
    known = await shown(auth, "clic-revenu")
    foreign = {"client_id": "clic-revenu", "registration_hash": known["registration_hash"]}
    for command, content in (
        ("register_client", {**WALLET, "client_id": "other", "department": "revenu-quebec"}),
        ("register_client", {**WALLET, "kind": "portal", "department": None}),
        ("register_client", {**WALLET, "client_id": "portal", "department": "revenu-quebec"}),
        ("change_client", {**foreign, "changes": {"redirect_uris": ["https://evil.example/"]}}),
        ("disable_client", {"client_id": "clic-revenu"}),
        ("disable_client", {"client_id": "portal"}),
        ("disable_client", {"client_id": "nobody"}),
        ("renew_client_secret", {"client_id": "registry"}),
        ("retire_client_secret", {"client_id": "registry", "secret_id": "0" * 16}),
    ):
        assert fault(await propose(auth, ours, command, content)) == (404, "not-found"), command


@pytest.mark.parametrize("role", ["validator", "decider", "support", "auditor"])
@pytest.mark.parametrize("side", ["provider", "cnesst"])
async def test_no_other_role_proposes_or_approves_about_clients(auth: Running, role: str, side: str) -> None:
    made = (await propose(auth, security(auth), "register_client", PAY)).json()
    other = auth.tokens.agent(role, side=side)
    proposed = await propose(auth, other, "register_client", PAY)
    assert proposed.status_code == 403
    assert proposed.json()["code"] in {"role-not-admitted", "role-may-not-propose"}
    assert fault(await approve(auth, other, made)) in {(403, "role-not-admitted"), (404, "not-found")}


async def test_security_and_auditors_list_clients_and_a_department_its_own(auth: Running) -> None:
    async def ids(headers: Headers, **query: Any) -> list[str]:
        page = await auth.public.get("/v1/clients", params=query, headers=headers)
        return [one["client_id"] for one in page.json()["clients"]]

    await by_two(auth, "disable_client", {"client_id": "clic-revenu"})
    every = await ids(auth.tokens.agent("auditor"))
    assert {"portal", "registry", "cnesst", "clic-revenu"} <= set(every)
    assert every == sorted(every)
    first = (await auth.public.get("/v1/clients", params={"limit": 1}, headers=security(auth))).json()
    assert [
        *[one["client_id"] for one in first["clients"]],
        *await ids(security(auth), after=first["next"]),
    ] == every
    ours = security(auth, side="cnesst")
    assert await ids(ours) == ["cnesst"]
    assert await ids(auth.tokens.agent("auditor", side="nobody")) == []
    for client_id in ("clic-revenu", "portal", "nobody"):
        answer = await auth.public.get(f"/v1/clients/{client_id}", headers=ours)
        assert fault(answer) == (404, "not-found")
    for headers in (auth.tokens.agent("support"), auth.tokens.department("cnesst")):
        assert (await auth.public.get("/v1/clients", headers=headers)).status_code == 403
        assert (await auth.public.get("/v1/clients/cnesst", headers=headers)).status_code == 403
    assert (await auth.public.get("/v1/clients", params={"after": "\0"}, headers=ours)).status_code == 422
    assert (await auth.public.get("/v1/clients/%00", headers=ours)).status_code == 422


async def test_a_client_is_shown_with_its_public_keys_and_no_secret(auth: Running) -> None:
    secret = (await by_two(auth, "register_client", {**BY_SECRET, "client_id": "by-secret"}))["client_secret"]
    await by_two(auth, "register_client", PAY)
    found = await shown(auth, "by-secret", auth.tokens.agent("auditor", side="cnesst"))
    assert (found["state"], found["is_installed"]) == ("active", False)
    row = await auth.database.fetchrow("SELECT secret_hashes FROM clients WHERE client_id = 'by-secret'")
    assert row is not None
    assert row["secret_hashes"][0].hex() not in str(found)
    assert secret not in str(found)
    assert "d" not in (await shown(auth, "pay"))["registration"]["jwks"][0]


async def test_an_unknown_client_has_no_page(auth: Running) -> None:
    answer = await auth.public.get(f"/v1/clients/{new_id()}{secrets.token_hex(4)}", headers=security(auth))
    assert fault(answer) == (404, "not-found")
