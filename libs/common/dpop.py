"""Proofs of possession (RFC 9449): who shows one holds the key that a token is bound to."""

import base64
import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from libs.common.compact_jws import NotAJws, read_compact
from libs.common.public_keys import KeyNotAcceptable, read_public_key

HEADER = "dpop"
SCHEME = "dpop"
TYPE = "dpop+jwt"
# FAPI 2.0 Security Profile §5.4.
ALGS = ("ES256", "PS256")
PROOF_BYTES = 8_192
ADDRESS_LENGTH = 2_048
JTI_LENGTHS = range(1, 256)
# FAPI 2.0 Security Profile §5.3.2.1: clocks may differ by ten seconds.
LIFE = timedelta(seconds=60)
AHEAD = timedelta(seconds=10)
# Kept longer than it is accepted, whatever the clocks of the replicas say.
KEPT_AFTER_EXPIRY = timedelta(seconds=60)
DEFAULT_PORTS = {"http": 80, "https": 443}


class InvalidProof(Exception):
    """One phrase about a proof, without its content."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that its key signed for this very request; whether it was used before is asked of the database."""

    jkt: str
    jti: str = field(repr=False)
    issued_at: datetime
    nonce: str | None = field(default=None, repr=False)

    @property
    def use_hash(self) -> bytes:
        return hashlib.sha256(f"{self.jkt} {self.jti}".encode(errors="surrogatepass")).digest()

    @property
    def kept_until(self) -> datetime:
        return self.issued_at + LIFE + KEPT_AFTER_EXPIRY


def read_proof(
    shown: Sequence[str],
    *,
    method: str,
    addresses: Collection[str],
    at: datetime,
    access_token: str | None = None,
) -> Proof:
    """The checks of RFC 9449 §4.3 that need no memory. Raises InvalidProof.

    `shown`: all DPoP headers; `addresses`: those at which this resource is reached; `access_token`: given at a
    protected resource, where the proof names it.
    """
    if len(shown) != 1:
        raise InvalidProof("there must be exactly one proof")
    claims, jkt = _verified(shown[0])
    if claims.get("htm") != method:
        raise InvalidProof("the proof is for another method")
    if _normalised(claims.get("htu")) not in {_normalised(address) for address in addresses}:
        raise InvalidProof("the proof is for another address")
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or len(jti) not in JTI_LENGTHS or not isinstance(nonce, str | None):
        raise InvalidProof("the proof has no proper jti or nonce")
    issued_at = _instant(claims.get("iat"))
    if not at - LIFE <= issued_at <= at + AHEAD:
        raise InvalidProof("the proof is too old or not yet good")
    if access_token is not None and not _names(claims.get("ath"), access_token):
        raise InvalidProof("the proof is for another access token")
    return Proof(jkt, jti, issued_at, nonce)


def _verified(proof: str) -> tuple[dict[str, Any], str]:
    """The claims and the key's thumbprint (RFC 7638)."""
    try:
        signed = read_compact(proof, longest=PROOF_BYTES)
    except NotAJws as error:
        raise InvalidProof("the proof cannot be read") from error
    header = signed.header
    if header.get("typ") != TYPE or header.get("alg") not in ALGS:
        raise InvalidProof("the proof is not of a type and algorithm that are accepted")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidProof("the proof names no key")
    try:
        key = read_public_key(jwk)
    except KeyNotAcceptable as fault:
        raise InvalidProof(f"the key of the proof {fault}") from fault
    if not signed.is_signed_by(key, alg=header["alg"]):
        raise InvalidProof("the proof is not signed by the key that it names")
    return signed.claims, key.thumbprint()


def _normalised(address: object) -> tuple[str, str, int | None, str] | None:
    """RFC 3986 §6.2.2 and §6.2.3, without query and fragment; None for what is no address."""
    if not isinstance(address, str) or len(address) > ADDRESS_LENGTH:
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port, unquote(parts.path) or "/"


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidProof("the proof does not say when it was made")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidProof("the proof does not say when it was made") from error


def _names(ath: object, access_token: str) -> bool:
    digest = base64.urlsafe_b64encode(hashlib.sha256(access_token.encode(errors="replace")).digest()).rstrip(b"=")
    return isinstance(ath, str) and hmac.compare_digest(ath.encode(errors="replace"), digest)
