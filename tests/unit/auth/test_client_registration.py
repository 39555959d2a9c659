from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from libs.common.errors import DomainError
from libs.common.public_keys import KeyNotAcceptable
from services.auth.client.keys import MOST_KEYS, Alg, choose_key, read_jwk, require_keys
from services.auth.client.registration import (
    ClientKeyNotAcceptable,
    ClientMembersInconsistent,
    ProfileNotMet,
    RedirectAddressNotAllowed,
    require_sound,
)
from services.auth.client.rules import Client, ClientKind, Method, Profile
from services.auth.client.secrets import hash_secret, is_generated, matches

EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC_JWK, RSA_JWK = (dict(key.as_dict(private=False)) for key in (EC, RSA))
SECRET = hash_secret("s" * 43)
DEPARTMENT = Client(
    "clic-revenu",
    ClientKind.DEPARTMENT,
    "revenu-quebec",
    "Clic Revenu",
    "Clic Revenu",
    ("https://revenu.example/callback",),
    (),
    (),
    (EC_JWK,),
)
BY_SECRET = replace(
    DEPARTMENT, jwks=(), token_endpoint_auth_method=Method.CLIENT_SECRET_BASIC, secret_hashes=(SECRET,)
)
FAPI2 = replace(DEPARTMENT, profile=Profile.FAPI2, dpop_bound_access_tokens=True)
PORTAL = replace(DEPARTMENT, kind=ClientKind.PORTAL, department=None)


@pytest.mark.parametrize(
    "client",
    [
        DEPARTMENT,
        BY_SECRET,
        FAPI2,
        PORTAL,
        replace(BY_SECRET, secret_hashes=(SECRET, hash_secret("t" * 43))),
        replace(DEPARTMENT, jwks=(), jwks_uri="https://revenu.example/jwks"),
        replace(DEPARTMENT, redirect_uris=("http://127.0.0.1:8000/cb", "http://[::1]/cb", "http://localhost/cb")),
        replace(DEPARTMENT, token_endpoint_auth_signing_alg=Alg.PS256, jwks=(RSA_JWK, EC_JWK)),
        replace(DEPARTMENT, kind=ClientKind.SOFTWARE, department=None, software="clic-books"),
        replace(
            DEPARTMENT,
            token_endpoint_auth_method=Method.TLS_CLIENT_AUTH,
            tls_client_auth_subject_dn="CN=revenu,O=Revenu,C=CA",
            jwks=(),
        ),
    ],
)
def test_what_goes_together_is_sound(client: Client) -> None:
    require_sound(client)


@pytest.mark.parametrize(
    "address",
    [
        "http://revenu.example/cb",
        "https://revenu.example/cb#part",
        "https://*.example/cb",
        "https://revenu.example/*",
        "https://revenu@elsewhere.example/cb",
        "https:///cb",
        "http://127.0.0.1.elsewhere.example/cb",
        "http://localhost.elsewhere.example/cb",
        "https://revenu.example\\@elsewhere.example/cb",
        "https://revenu.example/c b",
        "https://revenu.example:port/cb",
        "javascript:alert(1)",
        "ca.example.app:/cb",
        "https://révenu.example/cb",
        "https://[::1/cb",
        "",
        "https://revenu.example/" + "x" * 3_000,
    ],
)
def test_an_address_that_could_lead_elsewhere_is_not_registered(address: str) -> None:
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(DEPARTMENT, redirect_uris=(address,)))
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(DEPARTMENT, post_logout_redirect_uris=(address,)))
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(DEPARTMENT, backchannel_logout_uri=address))
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(DEPARTMENT, client_uri=address))
    with pytest.raises(RedirectAddressNotAllowed):
        require_sound(replace(DEPARTMENT, jwks=(), jwks_uri=address))


@pytest.mark.parametrize(
    ("client", "changes", "member"),
    [
        (DEPARTMENT, {"department": None}, "department"),
        (DEPARTMENT, {"kind": ClientKind.SERVICE, "department": None}, "redirect_uris"),
        (DEPARTMENT, {"software": "clic-books"}, "software"),
        (DEPARTMENT, {"kind": ClientKind.SOFTWARE, "department": None}, "software"),
        (DEPARTMENT, {"jwks_uri": "https://revenu.example/jwks"}, "jwks_uri"),
        (DEPARTMENT, {"jwks": ()}, "token_endpoint_auth_signing_alg"),
        (DEPARTMENT, {"token_endpoint_auth_signing_alg": Alg.RS256}, "token_endpoint_auth_signing_alg"),
        (DEPARTMENT, {"secret_hashes": (SECRET,)}, "secret_hashes"),
        (BY_SECRET, {"secret_hashes": ()}, "secret_hashes"),
        (BY_SECRET, {"secret_hashes": (SECRET,) * 3}, "secret_hashes"),
        (BY_SECRET, {"secret_hashes": (b"short",)}, "secret_hashes"),
        (BY_SECRET, {"require_signed_request_object": True}, "request_object_signing_alg"),
        (
            DEPARTMENT,
            {
                "token_endpoint_auth_method": Method.TLS_CLIENT_AUTH,
                "tls_client_auth_subject_dn": "",
                "tls_client_auth_san_dns": "a.example",
            },
            "tls_client_auth_subject_dn",
        ),
        (DEPARTMENT, {"tls_client_auth_san_dns": "revenu.example"}, "tls_client_auth_subject_dn"),
        (DEPARTMENT, {"token_endpoint_auth_method": Method.TLS_CLIENT_AUTH}, "tls_client_auth_subject_dn"),
        (
            DEPARTMENT,
            {
                "token_endpoint_auth_method": Method.TLS_CLIENT_AUTH,
                "tls_client_auth_subject_dn": "CN=a",
                "tls_client_auth_san_dns": "a.example",
            },
            "tls_client_auth_subject_dn",
        ),
        (
            DEPARTMENT,
            {"token_endpoint_auth_method": Method.TLS_CLIENT_AUTH, "tls_client_auth_subject_dn": "no name"},
            "tls_client_auth_subject_dn",
        ),
        (DEPARTMENT, {"backchannel_logout_session_required": True}, "backchannel_logout_session_required"),
        (PORTAL, {"require_pkce": False}, "require_pkce"),
        (PORTAL, {"require_pushed_authorization_requests": True}, "require_pushed_authorization_requests"),
        (PORTAL, {"require_signed_request_object": True}, "require_signed_request_object"),
        (
            DEPARTMENT,
            {"dpop_bound_access_tokens": True, "tls_client_certificate_bound_access_tokens": True},
            "dpop_bound_access_tokens",
        ),
    ],
)
def test_what_does_not_go_together_is_named(client: Client, changes: dict[str, Any], member: str) -> None:
    with pytest.raises(ClientMembersInconsistent) as refused:
        require_sound(replace(client, **changes))
    assert refused.value.fields == {"member": member}
    assert member in refused.value.detail("fr")


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens"),
        ({"require_pkce": False}, "require_pkce"),
        ({"id_token_signed_response_alg": Alg.RS256}, "id_token_signed_response_alg"),
        ({"access_token_signed_response_alg": Alg.RS256}, "access_token_signed_response_alg"),
        ({"token_endpoint_auth_signing_alg": Alg.RS256, "jwks": (RSA_JWK,)}, "token_endpoint_auth_signing_alg"),
        ({"request_object_signing_alg": Alg.RS256}, "request_object_signing_alg"),
        (
            {
                "jwks": (),
                "token_endpoint_auth_method": Method.CLIENT_SECRET_POST,
                "secret_hashes": (SECRET,),
            },
            "token_endpoint_auth_method",
        ),
    ],
)
def test_fapi2_leaves_no_weaker_choice(changes: dict[str, Any], member: str) -> None:
    with pytest.raises(ProfileNotMet) as refused:
        require_sound(replace(FAPI2, **changes))
    assert refused.value.fields["member"] == member


def test_fapi2_pushes_its_requests_whatever_else_is_registered() -> None:
    assert FAPI2.must_push
    assert not DEPARTMENT.must_push


def test_none_is_no_way_to_authenticate() -> None:
    assert "none" not in set(Method)


WEAK = [
    {**RSA_JWK, "n": RSA_JWK["n"][:171]},
    dict(ECKey.generate_key("P-384").as_dict(private=False)),
    dict(EC.as_dict(private=True)),
    dict(RSA.as_dict(private=True)),
    dict(OctKey.generate_key(256).as_dict(private=True)),
    {**RSA_JWK, "e": "Aw"},
    {**RSA_JWK, "n": RSA_JWK["n"] * 20},
    {**EC_JWK, "use": "enc"},
    {**EC_JWK, "key_ops": ["deriveKey"]},
    {**EC_JWK, "alg": "RS256"},
    {**EC_JWK, "alg": "HS256"},
    {**EC_JWK, "kid": ""},
    {**EC_JWK, "kid": 7},
    {**EC_JWK, "x": "AA"},
    {**EC_JWK, "alg": ["ES256"]},
    {**EC_JWK, "key_ops": 7},
    {**EC_JWK, "kid": []},
    {**EC_JWK, "x": ["AA"]},
    {**RSA_JWK, "n": 7},
    {**RSA_JWK, "n": "!"},
    {**EC_JWK, "padding": "x" * 5_000},
    {"kty": "EC"},
    {"kty": ["EC"]},
    {},
]


@pytest.mark.parametrize("jwk", WEAK, ids=range(len(WEAK)))
def test_a_key_that_is_weak_private_or_for_something_else_is_not_registered(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeyNotAcceptable):
        read_jwk(jwk)
    with pytest.raises(ClientKeyNotAcceptable):
        require_sound(replace(DEPARTMENT, jwks=(jwk,)))


def test_keys_have_names_of_their_own_and_are_not_many() -> None:
    with pytest.raises(KeyNotAcceptable):
        require_keys([EC_JWK, {**RSA_JWK, "kid": "ec"}])
    with pytest.raises(KeyNotAcceptable):
        require_keys([{**EC_JWK, "kid": str(number)} for number in range(MOST_KEYS + 1)])


@pytest.mark.parametrize(
    ("jwks", "alg", "kid", "is_found"),
    [
        ([EC_JWK, RSA_JWK], Alg.ES256, "ec", True),
        ([EC_JWK, RSA_JWK], Alg.PS256, "rsa", True),
        ([EC_JWK, RSA_JWK], Alg.RS256, "ec", False),
        ([EC_JWK, RSA_JWK], Alg.ES256, "rsa", False),
        ([EC_JWK, RSA_JWK], Alg.ES256, None, True),
        ([EC_JWK, {**EC_JWK, "kid": "two"}], Alg.ES256, None, False),
        ([EC_JWK], Alg.ES256, "../../ec", False),
        ([{**EC_JWK, "alg": "ES256"}], Alg.ES256, "ec", True),
        ([{**RSA_JWK, "alg": "PS256"}], Alg.RS256, "rsa", False),
        ([{name: value for name, value in EC_JWK.items() if name != "kid"}], Alg.ES256, "any", True),
        ([], Alg.ES256, None, False),
    ],
)
def test_a_key_is_chosen_by_type_and_name(
    jwks: list[dict[str, Any]], alg: Alg, kid: str | None, *, is_found: bool
) -> None:
    assert (choose_key(jwks, alg=alg, kid=kid) is not None) is is_found


def test_a_key_is_parsed_once() -> None:
    assert read_jwk(EC_JWK) is read_jwk(dict(reversed(EC_JWK.items())))


def test_either_of_two_live_secrets_serves_and_no_other() -> None:
    live = (hash_secret("a" * 43), hash_secret("b" * 43))
    assert matches("a" * 43, live)
    assert matches("b" * 43, live)
    assert not matches("c" * 43, live)
    assert not matches("", ())


@pytest.mark.parametrize("secret", ["short", "a" * 42, "é" * 43, "a" * 43 + "\n", "a" * 300])
def test_a_secret_that_somebody_made_up_is_none(secret: str) -> None:
    assert not is_generated(secret)


def test_every_refusal_has_both_languages() -> None:
    refusals: list[DomainError] = [
        RedirectAddressNotAllowed(address="x"),
        ClientMembersInconsistent(member="x"),
        ClientKeyNotAcceptable(),
        ProfileNotMet(profile="fapi2", member="x"),
    ]
    for refusal in refusals:
        assert refusal.detail("fr") != refusal.detail("en")
