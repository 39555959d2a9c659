from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.auth.client import rules
from services.auth.client.rules import Client, ClientKind, Profile
from services.auth.oauth_errors import OAuthError

NOON = datetime(2026, 5, 4, 16, tzinfo=UTC)
ISSUER = "https://auth.example"
GOOD = {"iss": "c", "sub": "c", "aud": ISSUER, "jti": "1", "exp": NOON.timestamp() + 60}


def client(kind: ClientKind) -> Client:
    department = "cnesst" if kind.startswith("department") else None
    return Client(
        "c",
        kind,
        department,
        "c",
        "c",
        (),
        (),
        ("feeds",),
        (),
        software="clic-books" if kind is ClientKind.SOFTWARE else None,
    )


@pytest.mark.parametrize(
    ("kind", "services"),
    [
        (ClientKind.SERVICE, {"auth", "registry", "delegation", "mailbox"}),
        (ClientKind.PORTAL, {"auth", "registry", "delegation", "mailbox"}),
        (ClientKind.DEPARTMENT, {"auth"}),
        (ClientKind.DEPARTMENT_SYSTEM, {"registry", "delegation", "mailbox"}),
        (ClientKind.SOFTWARE, {"auth"}),
    ],
)
def test_each_kind_of_client_has_its_audiences(kind: ClientKind, services: set[str]) -> None:
    allowed = rules.allowed_audiences(client(kind), issuer=ISSUER)
    assert allowed == {ISSUER, *(f"urn:clicsequr:{name}" for name in services)}


def judge(profile: Profile = Profile.PLAIN, **changes: Any) -> datetime:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    known = replace(client(ClientKind.SERVICE), profile=profile)
    return rules.require_fair_assertion(claims, client=known, audiences=frozenset({ISSUER}), at=NOON)


def test_an_assertion_may_name_us_in_a_list_of_one() -> None:
    assert judge(aud=[ISSUER]) == NOON + timedelta(seconds=60)


def test_under_fapi2_the_audience_is_the_issuer_as_a_text() -> None:
    assert judge(Profile.FAPI2) == NOON + timedelta(seconds=60)
    with pytest.raises(OAuthError, match="invalid_client"):
        judge(Profile.FAPI2, aud=[ISSUER])


@pytest.mark.parametrize(("profile", "seconds"), [(Profile.PLAIN, 3_600), (Profile.FAPI2, 300)])
def test_an_assertion_lives_for_an_hour_at_most_and_under_fapi2_for_five_minutes(
    profile: Profile, seconds: int
) -> None:
    assert judge(profile, exp=NOON.timestamp() + seconds) == NOON + timedelta(seconds=seconds)
    with pytest.raises(OAuthError, match="invalid_client"):
        judge(profile, exp=NOON.timestamp() + seconds + 11)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "d"},
        {"sub": "d"},
        {"aud": "https://other.example"},
        {"aud": None},
        {"aud": [7]},
        {"aud": []},
        {"aud": ["https://other.example", ISSUER]},
        {"aud": [ISSUER, {"aud": ISSUER}]},
        {"aud": f"{ISSUER} https://other.example"},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": NOON.timestamp()},
        {"exp": NOON.timestamp() + 3_611},
        {"exp": 1e40},
        {"exp": float("nan")},
        {"nbf": NOON.timestamp() + 60},
        {"iat": NOON.timestamp() + 60},
    ],
)
def test_an_assertion_that_is_not_fair_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(OAuthError, match="invalid_client"):
        judge(**changes)


def test_only_the_portal_may_ask_for_recourse() -> None:
    assert rules.grantable_scope(client(ClientKind.PORTAL), "recourse openid email") == ("openid", "recourse")
    with pytest.raises(OAuthError, match="invalid_scope"):
        rules.grantable_scope(client(ClientKind.DEPARTMENT), "openid recourse")


def test_a_client_credential_has_no_scope_that_was_not_registered() -> None:
    assert rules.credential_scope(client(ClientKind.SERVICE), None) == ("feeds",)
    with pytest.raises(OAuthError, match="invalid_scope"):
        rules.credential_scope(client(ClientKind.SERVICE), "feeds user-codes")
