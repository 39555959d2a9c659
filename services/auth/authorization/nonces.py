"""Nonces for proofs (RFC 9449 §8): a MAC over the minute, so that replicas agree and keep nothing."""

import base64
import hashlib
import hmac
from datetime import datetime

from services.auth.key_files import SymmetricKey

WINDOW_SECONDS = 60
PURPOSE = b"clicsequr nonces of proofs"


def nonce_at(key: SymmetricKey, at: datetime) -> str:
    return _nonce(key, int(at.timestamp()) // WINDOW_SECONDS)


def is_recent(key: SymmetricKey, nonce: str, *, at: datetime) -> bool:
    """Of this minute or the one before; of the next one too, since another replica's clock may be ahead."""
    window = int(at.timestamp()) // WINDOW_SECONDS
    shown = nonce.encode(errors="replace")
    return any(hmac.compare_digest(shown, _nonce(key, window + step).encode()) for step in (0, -1, 1))


def _nonce(key: SymmetricKey, window: int) -> str:
    # The sealing key itself only seals: nonces have a key that follows from it.
    own = hmac.digest(key.secret, PURPOSE, hashlib.sha256)
    made = hmac.digest(own, window.to_bytes(8), hashlib.sha256)
    return base64.urlsafe_b64encode(made[:24]).decode()
