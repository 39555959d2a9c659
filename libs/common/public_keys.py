"""Public keys of others as JWKs (RFC 7517): which are good enough to verify by."""

import base64
from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

CURVE = "P-256"
# Below, a key can be broken; above, verifying by it costs us more than it is worth.
RSA_BITS = range(2_048, 4_097)
RSA_EXPONENTS = range(65_537, 2**32)
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

PublicKey = ECKey | RSAKey


class KeyNotAcceptable(Exception):
    """One phrase about a JWK, without its content."""


def read_public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """EC P-256 or RSA of 2048 to 4096 bits, the public half alone. Raises KeyNotAcceptable."""
    if PRIVATE_MEMBERS & jwk.keys():
        raise KeyNotAcceptable("is not the public half alone")
    try:
        return _elliptic(jwk) if jwk.get("kty") == "EC" else _rsa(jwk)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyNotAcceptable("cannot be read") from error


def _elliptic(jwk: Mapping[str, Any]) -> ECKey:
    key = ECKey.import_key(dict(jwk))
    if key.curve_name != CURVE:
        raise KeyNotAcceptable(f"is not on the curve {CURVE}")
    return key


def _rsa(jwk: Mapping[str, Any]) -> RSAKey:
    if jwk.get("kty") != "RSA":
        raise KeyNotAcceptable("is neither EC nor RSA")
    if _number(jwk["n"]).bit_length() not in RSA_BITS or _number(jwk["e"]) not in RSA_EXPONENTS:
        raise KeyNotAcceptable(f"has not {RSA_BITS.start} to {RSA_BITS.stop - 1} bits")
    return RSAKey.import_key(dict(jwk))


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
