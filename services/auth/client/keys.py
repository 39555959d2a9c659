"""Public keys of clients as JWKs (RFC 7517): which are good enough, and which one is to verify what."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

from libs.common.public_keys import KeyNotAcceptable, PublicKey, read_public_key

JWK_BYTES = 4_096
KID_LENGTH = 128
MOST_KEYS = 16
PARSED_KEYS = 1_024


class Alg(StrEnum):
    """FAPI 2.0 Security Profile §5.4 leaves out RS256; it is for clients that know nothing else."""

    ES256 = "ES256"
    RS256 = "RS256"
    PS256 = "PS256"

    @property
    def key_type(self) -> str:
        return "EC" if self is Alg.ES256 else "RSA"


def read_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Raises KeyNotAcceptable. Parsed once while it is in use: a key is its content."""
    try:
        text = json.dumps(jwk, sort_keys=True)
    except (TypeError, RecursionError) as error:
        raise KeyNotAcceptable("cannot be read") from error
    if len(text) > JWK_BYTES:
        raise KeyNotAcceptable("is too long")
    return _parse(text)


def choose_key(jwks: Sequence[Mapping[str, Any]], *, alg: Alg, kid: str | None) -> PublicKey | None:
    """The one key for this algorithm by that name; without a name only when no other could be meant."""
    fitting = [jwk for jwk in jwks if jwk.get("kty") == alg.key_type and jwk.get("alg", alg) == alg]
    named = [jwk for jwk in fitting if jwk.get("kid") == kid]
    if kid is None or (not named and len(jwks) == 1 and "kid" not in jwks[0]):
        named = fitting
    return read_jwk(named[0]) if len(named) == 1 else None


def require_keys(jwks: Sequence[Mapping[str, Any]]) -> None:
    """Raises KeyNotAcceptable."""
    if len(jwks) > MOST_KEYS:
        raise KeyNotAcceptable("is one of too many")
    for jwk in jwks:
        read_jwk(jwk)
    kids = [jwk["kid"] for jwk in jwks if "kid" in jwk]
    if len(kids) != len(set(kids)):
        raise KeyNotAcceptable("has the name of another")


@lru_cache(maxsize=PARSED_KEYS)
def _parse(text: str) -> PublicKey:
    jwk = json.loads(text)
    key = read_public_key(jwk)
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise KeyNotAcceptable("is not for signatures")
    kid = jwk.get("kid", "-")
    if not isinstance(kid, str) or not 0 < len(kid) <= KID_LENGTH:
        raise KeyNotAcceptable("has no proper name")
    if "alg" in jwk and jwk["alg"] not in [alg for alg in Alg if alg.key_type == jwk["kty"]]:
        raise KeyNotAcceptable("is for another algorithm")
    return key
