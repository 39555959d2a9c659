import struct

import pytest

from deploy.local.environment import Platform
from tests.integration.auth import parties
from tests.integration.auth.authenticator import PRESENT, Authenticator
from tests.integration.auth.factors import (
    bind_passkey,
    claims_after,
    give_passkey,
    give_password,
    new_authenticator,
    passkey_options,
    post,
    signed_in,
)
from tests.integration.auth.parties import Browser, Person, new_browser, read_page
from tests.integration.auth.test_recovery import reset
from tests.integration.auth.test_second_factors import events_named
from tests.integration.auth.test_sign_in import suspended
from tests.integration.auth.test_user_code_holds import as_chief, new_user
from tests.kit import Running


async def with_passkey(service: Running, platform: Platform) -> tuple[Person, Authenticator]:
    browser, person = await signed_in(service, platform)
    device = new_authenticator(service)
    answer = await bind_passkey(browser, device)
    assert "recovery codes" in answer.text
    return person, device


async def at_sign_in(service: Running, platform: Platform) -> Browser:
    browser = new_browser(service)
    await browser.get(parties.client(service, platform).authorize())
    return browser


async def last_reason(service: Running) -> str:
    row = await service.database.fetchrow(
        "SELECT reason FROM access_records WHERE action LIKE 'POST /%passkey' ORDER BY at DESC, id DESC LIMIT 1"
    )
    assert row is not None
    return str(row["reason"])


async def test_a_passkey_alone_signs_in_and_tells_its_own_level(auth: Running, platform: Platform) -> None:
    person, device = await with_passkey(auth, platform)
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    answer = await give_passkey(browser, "/sign-in", device.get(options))
    assert answer.status_code == 303, answer.text
    claims = await claims_after(auth, platform, browser)
    assert claims["user_code"] == str(person.user_code_id)
    assert claims["acr"] == "urn:clicsequr:acr:passkey"
    assert claims["amr"] == ["pop", "user", "mfa"]


async def test_a_passkey_bound_before_a_reset_does_not_choose_the_next_password(
    auth: Running, platform: Platform
) -> None:
    chief = await parties.new_person_in_charge(auth)
    user = await new_user(auth, chief)
    browser = new_browser(auth)
    await parties.first_sign_in(browser, parties.client(auth, platform), user)
    device = new_authenticator(auth)
    await bind_passkey(browser, device)
    assert (await reset(auth, user, as_chief(auth, chief))).status_code == 201
    stranger = await at_sign_in(auth, platform)
    answer = await give_passkey(stranger, "/sign-in", device.get(await passkey_options(stranger, "/sign-in")))
    assert answer.status_code == 401
    assert (await stranger.get("/change-password")).status_code == 400


async def test_a_passkey_is_the_second_factor_of_its_owner(auth: Running, platform: Platform) -> None:
    person, device = await with_passkey(auth, platform)
    browser = await give_password(auth, platform, person)
    assert browser.page.url.path == "/one-time-code"
    assert "one_time_code" not in read_page(browser.page).inputs, "there is no code that could be typed"
    options = await passkey_options(browser, "/one-time-code")
    assert len(options["allowCredentials"]) == 1
    assert (await give_passkey(browser, "/one-time-code", device.get(options))).status_code == 303
    claims = await claims_after(auth, platform, browser)
    assert claims["amr"] == ["pwd", "pop", "user", "mfa"]


async def test_a_new_passkey_is_asked_for_without_attestation_and_never_twice(
    auth: Running, platform: Platform
) -> None:
    browser, _ = await signed_in(auth, platform)
    device = new_authenticator(auth)
    await bind_passkey(browser, device)
    options = (await post(browser, "/passkey-options", name="again")).json()
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert len(options["excludeCredentials"]) == 1
    twice = await post(browser, "/passkey", credential=device.create(options))
    assert twice.status_code == 409


@pytest.mark.parametrize("fault", ["origin", "rp_id", "unverified", "challenge", "frame", "kind"])
async def test_an_object_that_is_not_for_us_binds_no_passkey(
    auth: Running, platform: Platform, fault: str
) -> None:
    browser, _ = await signed_in(auth, platform)
    device = new_authenticator(auth)
    options = (await post(browser, "/passkey-options", name="key")).json()
    _spoil(device, options, fault)
    refused = await post(browser, "/passkey", credential=device.create(options))
    assert refused.status_code == 400
    assert await auth.database.fetch("SELECT 1 FROM second_factors") == []
    assert (await post(browser, "/passkey", credential=device.create(options))).status_code == 409, "begun anew"


def _spoil(device: Authenticator, options: dict[str, object], fault: str) -> None:
    if fault == "origin":
        device.origin = "https://clicsequr.example.net"
    elif fault == "rp_id":
        device.rp_id = "example.net"
    elif fault == "unverified":
        device.flags = PRESENT
    elif fault == "challenge":
        options["challenge"] = "AAAA"
    elif fault == "frame":
        device.extra = {"crossOrigin": True}
    else:
        device.extra = {"type": "payment.get"}


@pytest.mark.parametrize("fault", ["origin", "rp_id", "unverified", "challenge", "frame", "kind", "handle", "key"])
async def test_an_assertion_that_is_not_for_us_signs_nobody_in(
    auth: Running, platform: Platform, fault: str
) -> None:
    person, device = await with_passkey(auth, platform)
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    if fault == "handle":
        device.user_handle = b"somebody else's"
    elif fault == "key":
        device.key = new_authenticator(auth).key
    else:
        _spoil(device, options, fault)
    refused = await give_passkey(browser, "/sign-in", device.get(options))
    assert refused.status_code == 401
    assert "clicsequr-session" not in browser.http.cookies
    assert await last_reason(auth) == "wrong-passkey"
    told = await events_named(auth, "authentication-failed")
    assert [(one["factor"], one["user_code_id"]) for _, one in told] == [("passkey", str(person.user_code_id))]


async def test_a_challenge_serves_once_and_in_its_own_browser(auth: Running, platform: Platform) -> None:
    _, device = await with_passkey(auth, platform)
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    given = device.get(options)
    other = await at_sign_in(auth, platform)
    assert (await give_passkey(other, "/sign-in", given)).status_code == 401
    assert (await give_passkey(browser, "/sign-in", given)).status_code == 303
    again = await at_sign_in(auth, platform)
    await passkey_options(again, "/sign-in")
    assert (await give_passkey(again, "/sign-in", given)).status_code == 401
    spent = await at_sign_in(auth, platform)
    options = await passkey_options(spent, "/sign-in")
    assert (await give_passkey(spent, "/sign-in", "{}")).status_code == 401
    assert (await give_passkey(spent, "/sign-in", device.get(options))).status_code == 401, "used up by the first"


async def test_anothers_passkey_is_no_second_factor(auth: Running, platform: Platform) -> None:
    person, _ = await with_passkey(auth, platform)
    _, strangers = await with_passkey(auth, platform)
    browser = await give_password(auth, platform, person)
    options = await passkey_options(browser, "/one-time-code")
    assert (await give_passkey(browser, "/one-time-code", strangers.get(options))).status_code == 401


async def test_a_counter_that_goes_back_is_refused_and_recorded(auth: Running, platform: Platform) -> None:
    _, device = await with_passkey(auth, platform)
    device.count = 7
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    assert (await give_passkey(browser, "/sign-in", device.get(options))).status_code == 303
    device.count = 3
    cloned = await at_sign_in(auth, platform)
    options = await passkey_options(cloned, "/sign-in")
    assert (await give_passkey(cloned, "/sign-in", device.get(options))).status_code == 401
    assert await last_reason(auth) == "passkey-counter-went-back"
    kept = await auth.database.fetch(
        "SELECT content FROM evidence_records WHERE command = 'refuse_cloned_passkey'"
    )
    assert [row["content"]["known_count"] for row in kept] == [8]


async def test_a_passkey_without_counter_works_again_and_again(auth: Running, platform: Platform) -> None:
    _, device = await with_passkey(auth, platform)
    for _ in range(2):
        device.count = -1
        browser = await at_sign_in(auth, platform)
        options = await passkey_options(browser, "/sign-in")
        assert (await give_passkey(browser, "/sign-in", device.get(options))).status_code == 303


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{",
        "[]",
        "null",
        '{"id": 5}',
        '{"id": "AAAA", "response": {}}',
        '{"id": "AAAA", "response": []}',
        "[" * 4000,
    ],
)
async def test_nonsense_is_a_wrong_passkey(auth: Running, platform: Platform, given: str) -> None:
    browser = await at_sign_in(auth, platform)
    await passkey_options(browser, "/sign-in")
    assert (await give_passkey(browser, "/sign-in", given)).status_code == 401
    enrolling, _ = await signed_in(auth, platform)
    await post(enrolling, "/passkey-options", name="key")
    assert (await post(enrolling, "/passkey", credential=given)).status_code == 400


async def test_a_person_who_may_not_sign_in_gets_the_same_answer_with_a_right_passkey(
    auth: Running, platform: Platform
) -> None:
    person, device = await with_passkey(auth, platform)
    await parties.tell(auth, suspended(person), publisher="delegation")
    browser = await at_sign_in(auth, platform)
    options = await passkey_options(browser, "/sign-in")
    refused = await give_passkey(browser, "/sign-in", device.get(options))
    assert refused.status_code == 401
    assert "We could not sign you in" in refused.text


def test_the_authenticator_of_these_tests_counts_as_the_standard_says() -> None:
    device = Authenticator(origin="https://a.example", rp_id="a.example")
    assert struct.unpack(">BI", device._data(PRESENT)[32:]) == (PRESENT, 0)  # noqa: SLF001
