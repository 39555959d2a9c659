"""What a client may ask for beside a code, and what becomes of it."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from deploy.local.environment import Platform
from libs.common.assurance import LEVELS
from services.auth.session.rules import ACR_PASSKEY, ACR_PASSWORD, ACR_TWO_FACTOR
from tests.integration.auth import parties
from tests.integration.auth.granting import granted
from tests.integration.auth.parties import answer_of, claims_of, new_browser
from tests.integration.auth.registered import BOOKS, install, sign
from tests.integration.auth.test_pushed_requests import named, pushed
from tests.integration.auth.test_request_objects import claims as request_claims
from tests.kit import Running


def essential(*levels: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(levels)}}})


def of_subject(subject: str) -> str:
    return json.dumps({"id_token": {"sub": {"value": subject}}})


async def pending(auth: Running, column: str) -> Any:
    row = await auth.database.fetchrow(f"SELECT {column} AS found FROM authorization_requests")
    assert row is not None
    return row["found"]


@pytest.mark.parametrize(
    ("hint", "kept"),
    [
        ("ab3cd-ef4gh", "AB3CDEF4GH"),
        ("AB3CDEF4GH", "AB3CDEF4GH"),
        ("ada@example.org", None),
        ("AB3CDEF4G0", None),
        ("<script>", None),
        ("A" * 4_000, None),
        ("", None),
    ],
)
async def test_a_login_hint_is_kept_only_when_it_looks_like_a_user_code(
    auth: Running, platform: Platform, hint: str, kept: str | None
) -> None:
    page = await new_browser(auth).get(parties.client(auth, platform).authorize(login_hint=hint))
    assert page.url.path == "/sign-in"
    assert await pending(auth, "login_hint") == kept
    shown = parties.read_page(page).fields["user_code"]
    assert shown == ("" if kept is None else "AB3CD-EF4GH")


async def test_a_login_hint_gets_one_answer_whether_or_not_there_is_such_a_code(
    auth: Running, platform: Platform
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    for hint in (person.user_code, "AB3CD-EF4GH"):
        answer = await new_browser(auth).get(portal.authorize(login_hint=hint))
        assert answer.url.path == "/sign-in"
        silent = await new_browser(auth).get(portal.authorize(login_hint=hint, prompt="none"))
        assert answer_of(silent)["error"] == "login_required"


async def test_an_id_token_hint_of_whoever_is_signed_in_is_served(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform, parties.CLIC_REVENU)
    asked = {"id_token_hint": given.tokens["id_token"], "prompt": "none"}
    assert "code" in answer_of(await given.browser.get(given.client.authorize(**asked)))


async def test_any_other_id_token_hint_is_answered_alike(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    stranger = await granted(auth, platform)
    elsewhere = await granted(auth, platform, parties.CLIC_REVENU)
    parts = auth.apps[0].state.parts
    of_nobody = {"iss": parts.settings.issuer, "aud": given.client.client_id}
    without_subject = await parts.keys.sign(of_nobody, typ="logout+jwt")
    others = [one.tokens["id_token"] for one in (stranger, elsewhere)]
    answers = []
    for hint in (*others, without_subject, given.access_token, "x", "a.b.c"):
        silent = await given.browser.get(given.client.authorize(id_token_hint=hint, prompt="none"))
        answers.append(answer_of(silent))
        shown = await given.browser.get(given.client.authorize(id_token_hint=hint))
        assert shown.url.path == "/sign-in"
    nobody = await new_browser(auth).get(given.client.authorize(id_token_hint="x", prompt="none"))
    assert {answer["error"] for answer in answers} == {"login_required"}
    assert all(answer == answer_of(nobody) for answer in answers)


@pytest.mark.parametrize("named_by", ["id_token_hint", "claims"])
async def test_only_the_person_named_is_answered_for(auth: Running, platform: Platform, named_by: str) -> None:
    given = await granted(auth, platform, parties.CLIC_REVENU)
    token = given.tokens["id_token"]
    subject = (await claims_of(auth, token))["sub"]
    asked = {named_by: token if named_by == "id_token_hint" else of_subject(subject)}
    assert "code" in answer_of(await given.browser.get(given.client.authorize(**asked, prompt="none")))
    somebody = await granted(auth, platform, parties.CLIC_REVENU)
    silent = await somebody.browser.get(given.client.authorize(**asked, prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    before = await auth.database.fetch("SELECT code_hash FROM authorization_codes")
    wrong = await parties.sign_in(new_browser(auth), given.client, somebody.person, **asked, state="s")
    answer = answer_of(wrong)
    assert (answer["error"], answer["state"]) == ("login_required", "s")
    assert await auth.database.fetch("SELECT code_hash FROM authorization_codes") == before
    assert await auth.database.fetch("SELECT 1 FROM authorization_requests") == []
    right = await parties.sign_in(new_browser(auth), given.client, given.person, **asked)
    assert "code" in answer_of(right)


async def test_a_hint_and_claims_that_name_two_persons_are_refused(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    asked = given.client.authorize(id_token_hint=given.tokens["id_token"], claims=of_subject("somebody-else"))
    assert answer_of(await given.browser.get(asked))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "claims",
    [
        "{",
        "[]",
        "7",
        '{"id_token": 7}',
        '{"userinfo": {"role": 7}}',
        '{"id_token": {"acr": "x"}}',
        '{"id_token": {"acr": {"essential": true, "values": "x"}}}',
        '{"id_token": {"acr": {"essential": true, "values": [7]}}}',
        '{"id_token": {"sub": {"value": 7}}}',
        '{"id_token": {"sub": {"value": "a\\u0000b"}}}',
        '{"id_token": {"sub": {"values": ["a", "b"]}}}',
        json.dumps({"id_token": {"sub": {"value": "x" * 256}}}),
        "[" * 4_000,
        json.dumps({"x": "y" * 5_000}),
    ],
)
async def test_claims_that_are_not_asked_for_as_they_should_are_refused(
    auth: Running, platform: Platform, claims: str
) -> None:
    answer = answer_of(await new_browser(auth).get(parties.client(auth, platform).authorize(claims=claims)))
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    "claims",
    [
        "{}",
        '{"userinfo": null, "elsewhere": 7}',
        '{"id_token": {"colour": {"essential": true}, "acr": null}}',
        '{"id_token": {"acr": {"values": ["urn:clicsequr:acr:two-factor"]}}}',
        '{"id_token": {"acr": {"essential": true}}}',
        essential(ACR_PASSWORD, ACR_TWO_FACTOR, "another"),
    ],
)
async def test_what_is_unknown_or_a_mere_wish_bars_no_single_sign_on(
    auth: Running, platform: Platform, claims: str
) -> None:
    given = await granted(auth, platform)
    asked = given.client.authorize(claims=claims, prompt="none")
    assert "code" in answer_of(await given.browser.get(asked))


@pytest.mark.parametrize(
    "acr_values", [" ".join(reversed(LEVELS)), f"urn:elsewhere {ACR_PASSWORD}", "urn:elsewhere", "a\u00e9", ""]
)
async def test_acr_values_that_list_the_lowest_level_or_none_that_is_known_require_nothing(
    auth: Running, platform: Platform, acr_values: str
) -> None:
    given = await granted(auth, platform)
    asked = given.client.authorize(acr_values=acr_values, prompt="none")
    assert "code" in answer_of(await given.browser.get(asked))


@pytest.mark.parametrize(
    ("asked", "required"),
    [
        ({"acr_values": f"{ACR_PASSKEY} {ACR_TWO_FACTOR} urn:elsewhere"}, ACR_TWO_FACTOR),
        ({"acr_values": ACR_PASSKEY, "claims": essential(ACR_TWO_FACTOR)}, ACR_PASSKEY),
        ({"acr_values": ACR_PASSWORD, "claims": essential(ACR_TWO_FACTOR)}, ACR_TWO_FACTOR),
        ({"acr_values": "urn:elsewhere", "claims": essential(ACR_PASSKEY)}, ACR_PASSKEY),
    ],
)
async def test_the_higher_of_the_levels_that_a_request_asks_for_is_required(
    auth: Running, platform: Platform, asked: dict[str, str | None], required: str
) -> None:
    await new_browser(auth).get(parties.client(auth, platform).authorize(**asked))
    assert await pending(auth, "required_acr") == required


@pytest.mark.parametrize("way", ["pushed", "signed"])
async def test_acr_values_of_a_pushed_and_of_a_signed_request_are_required(auth: Running, way: str) -> None:
    await install(auth, BOOKS)
    if way == "pushed":
        address = named(await pushed(auth, acr_values=ACR_TWO_FACTOR))
    else:
        token = sign(request_claims(auth, acr_values=ACR_TWO_FACTOR, prompt=...))
        address = f"/oauth/authorize?{urlencode({'client_id': 'books', 'request': token})}"
    await new_browser(auth).get(address)
    assert await pending(auth, "required_acr") == ACR_TWO_FACTOR


ASKING_TWO_FACTORS = [{"claims": essential(ACR_TWO_FACTOR)}, {"acr_values": ACR_TWO_FACTOR}]


@pytest.mark.parametrize("asked", ASKING_TWO_FACTORS)
async def test_a_level_that_is_asked_for_is_not_served_by_a_session_below_it(
    auth: Running, platform: Platform, asked: dict[str, str | None]
) -> None:
    given = await granted(auth, platform)
    silent = await given.browser.get(given.client.authorize(**asked, prompt="none"))
    assert answer_of(silent)["error"] == "login_required"
    await given.browser.get(given.client.authorize(**asked))
    assert await pending(auth, "required_acr") == ACR_TWO_FACTOR


@pytest.mark.parametrize("asked", ASKING_TWO_FACTORS)
async def test_a_sign_in_that_stays_below_the_level_asked_for_gives_no_code(
    auth: Running, platform: Platform, asked: dict[str, str | None]
) -> None:
    person = await parties.sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    before = await auth.database.fetch("SELECT code_hash FROM authorization_codes")
    page = await parties.sign_in(new_browser(auth), portal, person, **asked)
    assert page.url.path == "/second-factors"
    assert "asks for a second factor, and you have none that is enough" in page.text
    assert await auth.database.fetch("SELECT code_hash FROM authorization_codes") == before


async def test_an_essential_level_that_nobody_knows_is_told_at_once(auth: Running, platform: Platform) -> None:
    asked = parties.client(auth, platform).authorize(claims=essential("urn:elsewhere"))
    assert answer_of(await new_browser(auth).get(asked))["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    ("asked", "is_served"),
    [
        ({"prompt": "consent"}, True),
        ({"prompt": "create"}, True),
        ({"prompt": "none create"}, True),
        ({"display": "popup", "claims_locales": "fr-CA en", "ui_locales": "x-klingon"}, True),
        ({"prompt": "login consent"}, False),
        ({"max_age": "0"}, False),
    ],
)
async def test_who_is_signed_in_is_asked_again_only_where_that_is_wanted(
    auth: Running, platform: Platform, asked: dict[str, str | None], *, is_served: bool
) -> None:
    given = await granted(auth, platform)
    answer = await given.browser.get(given.client.authorize(**asked))
    assert ("code" in answer_of(answer)) if is_served else (answer.url.path == "/sign-in")


async def test_max_age_zero_is_met_by_the_sign_in_that_it_asks_for(auth: Running, platform: Platform) -> None:
    given = await granted(auth, platform)
    await given.browser.get(given.client.authorize(max_age="0"))
    typed = {"user_code": given.person.user_code, "password": given.person.password}
    code = answer_of(await given.browser.submit(typed))["code"]
    told = await claims_of(auth, (await given.client.redeem(code)).json()["id_token"])
    assert told["auth_time"] >= (await claims_of(auth, given.tokens["id_token"]))["auth_time"]


async def test_a_redirect_address_with_a_query_matches_exactly(auth: Running, platform: Platform) -> None:
    address = "http://127.0.0.1:18090/callback?tenant=1"
    await auth.database.execute(
        "UPDATE clients SET redirect_uris = redirect_uris || $1::text WHERE client_id = 'portal'", address
    )
    given = await granted(auth, platform)
    answer = await given.browser.get(given.client.authorize(redirect_uri=address))
    assert answer.headers["location"].startswith(f"{address}&code=")
    for other in (f"{address}0", f"{address}&x=1", address.upper(), f"{address}#f"):
        assert (await given.browser.get(given.client.authorize(redirect_uri=other))).status_code == 400
    redeemed = await given.client.redeem(answer_of(answer)["code"], redirect_uri=given.client.redirect_uri)
    assert redeemed.json()["error"] == "invalid_grant"
