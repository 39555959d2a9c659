import base64
import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from libs.common.errors import Unavailable
from services.auth.key_files import SymmetricKey
from services.auth.settings import AuthSettings
from services.auth.user_code.password_rules import normalise_password
from services.auth.user_code.rules import normalise_one_time

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
LEAST_MEMORY_KIB = 8


class HashingBusy(Unavailable):
    code = "hashing-busy"
    en = "Too many people are signing in at this moment. Try again shortly."
    fr = "Trop de personnes ouvrent une session en ce moment. Réessayez sous peu."


@dataclass(frozen=True)
class HashedPassword:
    """`pepper_key_id` says which pepper the hash needs; `may_stand_alone`: without a second factor."""

    hash: str = field(repr=False)
    pepper_key_id: str
    is_one_time: bool = False
    may_stand_alone: bool = True


class Threads:
    """A few threads with a bounded queue before them."""

    def __init__(self, count: int, *, queue: int) -> None:
        self._limiter = anyio.CapacityLimiter(count)
        self.places = count + queue

    async def run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Raises HashingBusy before anything is computed."""
        self._require_place()
        # Taken in the same step: the library lets others run before it counts who waits.
        self.places -= 1
        try:
            return await anyio.to_thread.run_sync(work, *arguments, limiter=self._limiter)
        finally:
            self.places += 1

    def _require_place(self) -> None:
        if self.places <= 0:
            raise HashingBusy(retry_after=2)


class Passwords:
    """Argon2id over a peppered password, in a bounded number of threads with a bounded queue.

    Memory in use is at most (`hashing_threads` + 1) hashes: former passwords are compared in a thread of their
    own, one person's at a time, so that nobody's sign-in waits for them.
    """

    def __init__(
        self, settings: AuthSettings, pepper: SymmetricKey, *, previous: Iterable[SymmetricKey] = ()
    ) -> None:
        self._pepper = pepper
        self._secrets = {key.id: key.secret for key in (*previous, pepper)}
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
            type=Type.ID,
        )
        self._threads = Threads(settings.hashing_threads, queue=settings.hashing_queue)
        self._history_thread = Threads(1, queue=settings.hashing_queue)
        self._nobodys = HashedPassword(self._hasher.hash(secrets.token_bytes(32)), pepper.id)

    async def hash(self, password: SecretStr, *, is_one_time: bool = False) -> HashedPassword:
        """Raises HashingBusy."""
        peppered = self._peppered(password, self._pepper.secret, is_one_time=is_one_time)
        made = await self._threads.run(self._hasher.hash, peppered)
        return HashedPassword(made, self._pepper.id, is_one_time)

    async def verify(self, password: SecretStr, known: HashedPassword | None) -> bool:
        """Takes one verification's time also when there is nothing to verify against. Raises HashingBusy."""
        against = known if known and known.pepper_key_id in self._secrets else self._nobodys
        secret = self._secrets[against.pepper_key_id]
        peppered = self._peppered(password, secret, is_one_time=against.is_one_time)
        matches = await self._threads.run(self._matches_evenly, against.hash, peppered)
        return matches and against is known

    async def is_one_of(self, password: SecretStr, former: Sequence[HashedPassword]) -> bool:
        """Whether it was used before; a hash whose pepper is gone can no longer tell. Raises HashingBusy."""
        pairs = [
            (one.hash, self._peppered(password, self._secrets[one.pepper_key_id], is_one_time=one.is_one_time))
            for one in former
            if one.pepper_key_id in self._secrets
        ]
        return await self._history_thread.run(self._any_matches, pairs)

    def needs_renewal(self, known: HashedPassword) -> bool:
        """Whether today it would be made with another pepper or other parameters."""
        return known.pepper_key_id != self._pepper.id or self._hasher.check_needs_rehash(known.hash)

    def digest(self, text: str) -> bytes:
        """Stands for something typed that may be a secret, where only equality counts."""
        return hmac.digest(self._pepper.secret, b"typed:" + text.encode(), "sha256")

    def device_tag(self, text: str) -> bytes:
        """Shows that an entry of a device cookie was made here."""
        return hmac.digest(self._pepper.secret, b"device:" + text.encode(), "sha256")

    def _peppered(self, password: SecretStr, pepper: bytes, *, is_one_time: bool) -> bytes:
        typed = password.get_secret_value()
        plain = normalise_one_time(typed) if is_one_time else normalise_password(typed)
        return base64.b64encode(hmac.digest(pepper, b"password:" + plain.encode(), "sha256"))

    def _any_matches(self, pairs: Sequence[tuple[str, bytes]]) -> bool:
        return any(self._matches(known, peppered) for known, peppered in pairs)

    def _matches_evenly(self, known: str, peppered: bytes) -> bool:
        """A hash with cheaper parameters takes no less time than nobody's does."""
        matches = self._matches(known, peppered)
        filling = filling_parameters(self._hasher, known)
        if filling is not None:
            PasswordHasher.from_parameters(filling).hash(peppered)
        return matches

    def _matches(self, known: str, peppered: bytes) -> bool:
        try:
            return self._hasher.verify(known, peppered)
        except (VerificationError, InvalidHashError):
            return False


def filling_parameters(hasher: PasswordHasher, known: str) -> Parameters | None:
    """What an older hash's verification lacks in passes times memory, never with more memory than is set now."""
    try:
        older = extract_parameters(known)
    except InvalidHashError:
        return None
    lacking = hasher.time_cost * hasher.memory_cost - older.time_cost * older.memory_cost
    memory = lacking // hasher.time_cost
    if memory < LEAST_MEMORY_KIB * hasher.parallelism:
        return None
    return Parameters(Type.ID, older.version, 16, 32, hasher.time_cost, memory, hasher.parallelism)
