"""Texts that claim to be signed: what cannot be read, what can be read and is not signed, and what is."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from libs.common.compact_jws import LONGEST, NotAJws, read_compact, registry_of

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
CLAIMS = {"sub": "somebody"}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any] | None = None, *, key: ECKey | RSAKey = KEY, alg: str = "ES256") -> str:
    whole = {"alg": alg, **(header or {})}
    return jws.serialize_compact(whole, json.dumps(CLAIMS).encode(), key, registry=registry_of(alg))


def test_what_is_signed_by_the_key_is_so_whatever_else_its_header_says() -> None:
    token = read_compact(signed({"typ": "JWT", "kid": "one", "x-of-theirs": [1]}))
    assert token.is_signed_by(KEY, alg="ES256")
    assert token.claims == CLAIMS
    assert token.header["kid"] == "one"


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "HS256"}, {"alg": "ES384"}, {"alg": ["ES256"]}, {"alg": 7}, {"alg": None}],
)
def test_the_algorithm_is_the_one_that_is_asked_for(header: dict[str, Any]) -> None:
    _, claims, signature = signed().split(".")
    assert not read_compact(f"{part(header)}.{claims}.{signature}").is_signed_by(KEY, alg="ES256")


def test_a_key_that_is_public_is_no_shared_secret() -> None:
    said = f"{part({'alg': 'HS256'})}.{part(CLAIMS)}"
    digest = hmac.digest(KEY.as_pem(private=False), said.encode(), "sha256")
    text = f"{said}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert not read_compact(text).is_signed_by(KEY, alg="ES256")
    assert not read_compact(text).is_signed_by(KEY, alg="HS256")


@pytest.mark.parametrize(
    ("key", "alg"),
    [(OTHER, "ES256"), (RSAKey.generate_key(2048), "ES256"), (KEY, "PS256")],
    ids=["another-key", "another-kind", "another-algorithm"],
)
def test_another_key_or_algorithm_verifies_nothing(key: ECKey | RSAKey, alg: str) -> None:
    assert not read_compact(signed()).is_signed_by(key, alg=alg)


def test_a_critical_header_is_not_passed_over() -> None:
    assert not read_compact(signed({"crit": ["alg"]})).is_signed_by(KEY, alg="ES256")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_whatever_is_changed_is_signed_no_longer(number: int) -> None:
    parts = signed().split(".")
    changed = {0: part({"alg": "ES256", "kid": "other"}), 1: part({"sub": "else"}), 2: signed().split(".")[2]}
    parts[number] = changed[number]
    assert not read_compact(".".join(parts)).is_signed_by(OTHER if number == 2 else KEY, alg="ES256")


@pytest.mark.parametrize("signature", ["", "AA", "_" * 86, "A" * 85])
def test_a_signature_of_another_length_verifies_nothing(signature: str) -> None:
    header, claims, _ = signed().split(".")
    assert not read_compact(f"{header}.{claims}.{signature}").is_signed_by(KEY, alg="ES256")


HEADER, PAYLOAD = part({"alg": "ES256"}), part(CLAIMS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "a.b",
        f"{HEADER}.{PAYLOAD}",
        f"{HEADER}.{PAYLOAD}.A.A",
        f"{part([1])}.{PAYLOAD}.AA",
        f"{part('alg')}.{PAYLOAD}.AA",
        f"{part(7)}.{PAYLOAD}.AA",
        f"{part({})}.{PAYLOAD}.AA",
        f"{HEADER}.{part([CLAIMS])}.AA",
        f"{HEADER}.{part('sub')}.AA",
        f"{HEADER}..AA",
        f"{HEADER}.{PAYLOAD}=.AA",
        f"{HEADER}.{PAYLOAD}é.AA",
        f"{HEADER}.\ud800.AA",
        f"{HEADER}.{'W1tb' * 3_000}.AA",
        f"{part({'alg': 'ES256', 'b64': False})}.{PAYLOAD}.AA",
        f"{HEADER}.{PAYLOAD}.{'A' * LONGEST}",
    ],
    ids=range(18),
)
def test_what_cannot_be_read_is_told_apart(text: str) -> None:
    with pytest.raises(NotAJws):
        read_compact(text)


def test_a_caller_bounds_what_it_reads() -> None:
    text = signed()
    read_compact(text, longest=len(text))
    with pytest.raises(NotAJws):
        read_compact(text, longest=len(text) - 1)
