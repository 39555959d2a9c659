import base64
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from libs.common.errors import Unavailable
from services.auth.key_files import SymmetricKey
from services.auth.settings import AuthSettings
from services.auth.user_code import rules

COMMON = Path(__file__).with_name("common_passwords.txt")


class HashingBusy(Unavailable):
    code = "hashing-busy"
    en = "Too many people are signing in at this moment. Try again shortly."
    fr = "Trop de personnes ouvrent une session en ce moment. Réessayez sous peu."


@dataclass(frozen=True)
class HashedPassword:
    """`pepper_key_id` says which pepper the hash needs."""

    hash: str = field(repr=False)
    pepper_key_id: str
    is_one_time: bool = False


class Passwords:
    """Argon2id over a peppered password, in a bounded number of threads with a bounded queue."""

    def __init__(self, settings: AuthSettings, pepper: SymmetricKey) -> None:
        self._pepper = pepper
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
            type=Type.ID,
        )
        self._threads = anyio.CapacityLimiter(settings.hashing_threads)
        self._queue = settings.hashing_queue
        self._nobodys = HashedPassword(self._hasher.hash(secrets.token_bytes(32)), pepper.id)

    async def hash(self, password: SecretStr, *, is_one_time: bool = False) -> HashedPassword:
        """Raises HashingBusy."""
        peppered = self._peppered(password, is_one_time=is_one_time)
        self._require_place()
        made = await anyio.to_thread.run_sync(self._hasher.hash, peppered, limiter=self._threads)
        return HashedPassword(made, self._pepper.id, is_one_time)

    async def verify(self, password: SecretStr, known: HashedPassword | None) -> bool:
        """Takes one verification's time also when there is nothing to verify against. Raises HashingBusy."""
        against = known if known and known.pepper_key_id == self._pepper.id else self._nobodys
        peppered = self._peppered(password, is_one_time=against.is_one_time)
        self._require_place()
        matches = await anyio.to_thread.run_sync(self._matches, against.hash, peppered, limiter=self._threads)
        return matches and against is known

    def digest(self, text: str) -> bytes:
        """Stands for something typed that may be a secret, where only equality counts."""
        return hmac.digest(self._pepper.secret, b"typed:" + text.encode(), "sha256")

    def _require_place(self) -> None:
        places = self._threads.statistics()
        if places.borrowed_tokens >= places.total_tokens and places.tasks_waiting >= self._queue:
            raise HashingBusy(retry_after=2)

    def _peppered(self, password: SecretStr, *, is_one_time: bool) -> bytes:
        typed = password.get_secret_value()
        plain = rules.normalise_one_time(typed) if is_one_time else rules.normalise_password(typed)
        digest = hmac.digest(self._pepper.secret, b"password:" + plain.encode(), "sha256")
        return base64.b64encode(digest)

    def _matches(self, known: str, peppered: bytes) -> bool:
        try:
            return self._hasher.verify(known, peppered)
        except (VerificationError, InvalidHashError):
            return False


def read_common_passwords() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").casefold().splitlines())
