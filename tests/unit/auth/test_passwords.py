from typing import Any

import argon2
import pytest
from pydantic import SecretStr

from services.auth.key_files import SymmetricKey
from services.auth.settings import AuthSettings
from services.auth.user_code.passwords import HashedPassword, HashingBusy, Passwords

PEPPER = SymmetricKey("pepper", bytes(range(32)))
PASSWORD = SecretStr("a lake that nobody else remembers")


def passwords(**settings: Any) -> Passwords:
    return Passwords(AuthSettings.model_construct(**settings), PEPPER)


async def test_passwords_are_hashed_by_argon2id_with_the_shipped_parameters() -> None:
    hashed = await passwords().hash(PASSWORD)
    assert hashed.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed.pepper_key_id == "pepper"
    assert await passwords().verify(PASSWORD, hashed)


async def test_a_hash_is_of_no_use_without_its_pepper() -> None:
    hashed = await passwords(argon2_memory_kib=64).hash(PASSWORD)
    other = Passwords(AuthSettings.model_construct(argon2_memory_kib=64), SymmetricKey("pepper", bytes(32)))
    assert not await other.verify(PASSWORD, hashed)
    with pytest.raises(argon2.exceptions.VerificationError):
        argon2.PasswordHasher().verify(hashed.hash, PASSWORD.get_secret_value())


@pytest.mark.parametrize("known", [None, HashedPassword("not a hash", "pepper"), HashedPassword("x", "another")])
async def test_what_cannot_match_is_refused(known: HashedPassword | None) -> None:
    assert not await passwords(argon2_memory_kib=64).verify(PASSWORD, known)


@pytest.mark.parametrize("is_known", [True, False])
async def test_each_attempt_takes_one_verification_whether_the_code_is_known_or_not(
    monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    hasher = passwords(argon2_memory_kib=64)
    hashed = await hasher.hash(PASSWORD)
    verified: list[str] = []

    def verify(_: argon2.PasswordHasher, known: str, __: bytes) -> bool:
        verified.append(known)
        return True

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    assert await hasher.verify(PASSWORD, hashed if is_known else None) is is_known
    assert len(verified) == 1
    assert verified[0].startswith("$argon2id$v=19$m=64,")


async def test_a_one_time_password_is_read_with_or_without_its_groups() -> None:
    hasher = passwords(argon2_memory_kib=64)
    hashed = await hasher.hash(SecretStr("ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2"), is_one_time=True)
    assert await hasher.verify(SecretStr("abcd efgh jkmn pqrs tuvw xyz2"), hashed)


async def test_more_passwords_than_the_queue_takes_are_refused() -> None:
    hasher = passwords(hashing_threads=1, hashing_queue=0)
    hasher._threads.acquire_on_behalf_of_nowait(object())  # noqa: SLF001 - one hash that never ends
    with pytest.raises(HashingBusy):
        await hasher.verify(PASSWORD, None)
