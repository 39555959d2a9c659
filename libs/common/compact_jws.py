"""The compact JWS (RFC 7515 §7.1): what others signed, read once, verified by one key and algorithm; our own."""

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64encode

from libs.common.public_keys import PublicKey

LONGEST = 16_384
KINDS_OF_TOKENS = 64


class NotAJws(Exception):
    """Its header and its claims are not both objects that can be read, or it is too long."""


@dataclass(frozen=True, slots=True)
class CompactJws:
    """Nothing that it says is to be believed before it is verified."""

    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)
    _signed: CompactSignature = field(repr=False)

    def is_signed_by(self, key: PublicKey, *, alg: str) -> bool:
        """A header may say what nobody here understands, unless it is critical (RFC 7515 §4)."""
        if self.header.get("alg") != alg or "crit" in self.header:
            return False
        try:
            return jws.validate_compact(self._signed, key, registry=registry_of(alg))
        except (JoseError, ValueError, TypeError):
            return False


def read_compact(text: str, *, longest: int = LONGEST) -> CompactJws:
    """`longest`: bytes, at most LONGEST. Raises NotAJws."""
    if len(text) > longest:
        raise NotAJws
    try:
        signed = jws.extract_compact(text.encode("ascii"), registry=_READING)
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise NotAJws from error
    # The library decodes a header whatever it is.
    header: Any = signed.headers()
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise NotAJws
    return CompactJws(header, claims, signed)


def sign_compact(claims: dict[str, Any], key: PublicKey, *, alg: str, typ: str, kid: str) -> str:
    """`key` is a private one, made for `alg`."""
    signed = _head(alg, typ, kid) + b"." + json_b64encode(claims)
    signature = registry_of(alg).get_alg(alg).sign(signed, key)
    return (signed + b"." + urlsafe_b64encode(signature)).decode("ascii")


@lru_cache(maxsize=KINDS_OF_TOKENS)
def _head(alg: str, typ: str, kid: str) -> bytes:
    return json_b64encode({"alg": alg, "typ": typ, "kid": kid})


@cache
def registry_of(alg: str) -> JWSRegistry:
    """For this algorithm alone. It bounds no header by itself: whoever reads has bounded the whole."""
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    registry.max_header_length = LONGEST
    return registry


_READING = registry_of("ES256")
