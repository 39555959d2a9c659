import asyncio
from typing import Any

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.auth.key_files import SymmetricKey
from services.auth.settings import AuthSettings
from services.auth.user_code.passwords import HashedPassword, HashingBusy, Passwords, filling_parameters

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
    hasher._threads.places = 0  # noqa: SLF001 - one hash that never ends
    with pytest.raises(HashingBusy):
        await hasher.verify(PASSWORD, None)


async def test_of_many_that_come_in_one_moment_no_more_than_the_queue_takes_are_computed() -> None:
    hasher = passwords(hashing_threads=2, hashing_queue=3, argon2_memory_kib=64)
    ended = await asyncio.gather(*(hasher.verify(PASSWORD, None) for _ in range(50)), return_exceptions=True)
    assert [type(one) for one in ended].count(HashingBusy) == 45
    assert not await hasher.verify(PASSWORD, None)


OLD_PEPPER = SymmetricKey("old pepper", bytes(range(1, 33)))


async def test_a_hash_of_an_earlier_pepper_is_verified_and_is_due_for_renewal() -> None:
    settings = AuthSettings.model_construct(argon2_memory_kib=64)
    hashed = await Passwords(settings, OLD_PEPPER).hash(PASSWORD)
    hasher = Passwords(settings, PEPPER, previous=[OLD_PEPPER])
    assert await hasher.verify(PASSWORD, hashed)
    assert not await hasher.verify(SecretStr("another one, quite wrong"), hashed)
    assert hasher.needs_renewal(hashed)
    assert not hasher.needs_renewal(await hasher.hash(PASSWORD))
    assert not await Passwords(settings, PEPPER).verify(PASSWORD, hashed)


@pytest.mark.parametrize("change", [{"argon2_passes": 3}, {"argon2_memory_kib": 128}, {"argon2_lanes": 2}])
async def test_other_parameters_make_a_hash_due_for_renewal_and_do_not_hinder_its_verification(
    change: dict[str, int],
) -> None:
    hashed = await passwords(argon2_memory_kib=64).hash(PASSWORD)
    hasher = passwords(**{"argon2_memory_kib": 64, **change})
    assert await hasher.verify(PASSWORD, hashed)
    assert hasher.needs_renewal(hashed)


@given(
    older=st.tuples(st.integers(8, 1 << 20), st.integers(1, 9)),
    present=st.tuples(st.integers(8, 1 << 20), st.integers(1, 9)),
)
def test_verifying_a_cheaper_hash_costs_as_much_as_nobodys_and_never_more_memory(
    older: tuple[int, int], present: tuple[int, int]
) -> None:
    hasher = argon2.PasswordHasher(memory_cost=present[0], time_cost=present[1], parallelism=1)
    known = f"$argon2id$v=19$m={older[0]},t={older[1]},p=1$c29tZXNhbHQ$0123456789abcdef0123456789abcdef"
    filling = filling_parameters(hasher, known)
    wanted = present[0] * present[1]
    spent = older[0] * older[1] + (filling.memory_cost * filling.time_cost if filling else 0)
    assert spent > wanted - 9 * present[1]
    if filling is not None:
        assert spent <= wanted
        assert filling.memory_cost <= present[0]


def test_what_is_no_hash_needs_no_filling() -> None:
    assert filling_parameters(argon2.PasswordHasher(), "not a hash") is None


async def test_former_passwords_are_recognised_each_in_its_own_form_and_with_its_own_pepper() -> None:
    settings = AuthSettings.model_construct(argon2_memory_kib=64)
    hasher = Passwords(settings, PEPPER, previous=[OLD_PEPPER])
    one_time = await hasher.hash(SecretStr("ABCD-EFGH-JKMN-PQRS-TUVW-XYZ2"), is_one_time=True)
    former = [await Passwords(settings, OLD_PEPPER).hash(PASSWORD), one_time]
    assert await hasher.is_one_of(PASSWORD, former)
    assert await hasher.is_one_of(SecretStr("abcdefghjkmnpqrstuvwxyz2"), former)
    assert not await hasher.is_one_of(SecretStr("one that was never used"), former)
    assert not await Passwords(settings, PEPPER).is_one_of(PASSWORD, former)


async def test_comparing_former_passwords_takes_no_place_from_those_who_sign_in() -> None:
    hasher = passwords(hashing_threads=1, hashing_queue=0, argon2_memory_kib=64)
    hasher._threads.places = 0  # noqa: SLF001 - one hash that never ends
    assert not await hasher.is_one_of(PASSWORD, [])
    hasher._history_thread.places = 0  # noqa: SLF001 - the same
    with pytest.raises(HashingBusy):
        await hasher.is_one_of(PASSWORD, [])
