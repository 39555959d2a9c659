"""The symmetric keys that auth is given as files, 32 bytes in base64 each."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common.errors import OperatorFault

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyFileFault(OperatorFault):
    """A key file is missing, is not 32 bytes in base64, or is not the one that sealed what is to be opened."""


@dataclass(frozen=True)
class SymmetricKey:
    """`id` tells keys apart without telling the key."""

    id: str
    secret: bytes = field(repr=False)


def read_key(path: Path) -> SymmetricKey:
    """Raises KeyFileFault."""
    try:
        secret = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise KeyFileFault(f"the key file {path} cannot be read as base64") from error
    if len(secret) != KEY_BYTES:
        raise KeyFileFault(f"the key in {path} has not {KEY_BYTES} bytes")
    return SymmetricKey(hashlib.sha256(b"key id" + secret).hexdigest()[:16], secret)


def seal(key: SymmetricKey, plain: bytes, *, about: str) -> bytes:
    """AES-256-GCM; `about` names what is sealed, so that a sealed value is of no use elsewhere."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key.secret).encrypt(nonce, plain, about.encode())


def unseal(key: SymmetricKey, sealed: bytes, *, about: str) -> bytes:
    """Raises KeyFileFault when it was sealed by another key or about something else."""
    try:
        return AESGCM(key.secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except InvalidTag as error:
        raise KeyFileFault("a stored secret does not open with the sealing key") from error
