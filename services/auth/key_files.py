"""The symmetric keys that auth is given as files, 32 bytes in base64 each."""

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.common import key_files
from libs.common.errors import OperatorFault

NONCE_BYTES = 12


class WrongKey(OperatorFault):
    """The key is not the one that sealed what is to be opened, or serves for something else too."""


@dataclass(frozen=True)
class SymmetricKey:
    """`id` tells keys apart without telling the key."""

    id: str
    secret: bytes = field(repr=False)


def read_key(path: Path) -> SymmetricKey:
    """Raises KeyFileFault (libs/common/key_files.py)."""
    secret = key_files.read_key(path)
    return SymmetricKey(hashlib.sha256(b"key id" + secret).hexdigest()[:16], secret)


def seal(key: SymmetricKey, plain: bytes, *, about: str) -> bytes:
    """AES-256-GCM; `about` names what is sealed, so that a sealed value is of no use elsewhere."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key.secret).encrypt(nonce, plain, about.encode())


def unseal(key: SymmetricKey, sealed: bytes, *, about: str) -> bytes:
    """Raises WrongKey when it was sealed by another key or about something else."""
    try:
        return AESGCM(key.secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())
    except InvalidTag as error:
        raise WrongKey("a stored secret does not open with the sealing key") from error
