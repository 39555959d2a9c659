"""Slows guessing, the same for codes that exist and codes that do not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.common.access_records import Circumstances
from libs.common.database import Connection, Database
from services.auth.session import rules, slowing, store
from services.auth.session.devices import Device
from services.auth.session.slowing import Attempts, Counts
from services.auth.user_code.passwords import Passwords

EVERY_FAILURE = 1_000_000


@dataclass(frozen=True, slots=True)
class Subjects:
    """What an attempt is counted by; what was typed may be a secret and is kept as a keyed digest.

    With a device, by the device alone.
    """

    everybody: bytes
    network: bytes
    name: bytes
    name_and_network: bytes
    device: bytes | None = None
    device_expires_at: datetime | None = None

    def every(self) -> tuple[bytes, ...]:
        if self.device is not None:
            return (self.device,)
        return (self.everybody, self.network, self.name, self.name_and_network)


@dataclass(frozen=True, slots=True)
class Heard:
    """`by`: what the attempt was counted by; `wait`: 0, or the seconds to wait when it is not to be heard now."""

    by: Subjects
    wait: int


@dataclass(frozen=True, slots=True)
class _Attempt:
    subjects: Subjects
    at: datetime


@dataclass(slots=True)
class _Ledger:
    """The counts that some attempts touch, as they are changed one after the other."""

    known: Mapping[bytes, Attempts]
    changed: dict[bytes, Attempts] = field(default_factory=dict)

    def read(self, subject: bytes) -> Attempts:
        return self.changed.get(subject) or self.known[subject]

    def write(self, subject: bytes, attempts: Attempts) -> None:
        if attempts != self.read(subject):
            self.changed[subject] = attempts


def subjects_of(
    passwords: Passwords, circumstances: Circumstances, *, name: str, device: Device | None = None
) -> Subjects:
    network = rules.network_of(circumstances.address)
    minute = circumstances.at.replace(second=0, microsecond=0).isoformat()
    return Subjects(
        everybody=passwords.digest(f"everybody {minute}"),
        network=passwords.digest(f"network {network}"),
        name=passwords.digest(f"name {name}"),
        name_and_network=passwords.digest(f"name {name} network {network}"),
        device=passwords.digest(f"device {device.id.hex()}") if device else None,
        device_expires_at=device.expires_at if device else None,
    )


async def count_attempt(database: Database, subjects: Subjects, *, at: datetime) -> Heard:
    """Counts one attempt as failed, by its device or, without one that is still trusted, as a stranger's."""
    wait: int | None = await database.in_batches(_count, _Attempt(subjects, at))
    if wait is None:
        stranger = replace(subjects, device=None, device_expires_at=None)
        return await count_attempt(database, stranger, at=at)
    return Heard(subjects, wait)


async def forgive(database: Database, subjects: Subjects) -> None:
    """The attempt turned out well. Lost when the program dies first: then one failure too many is counted."""
    done = subjects.device or subjects.name_and_network
    await database.in_batches(_forgive, [(one, EVERY_FAILURE if one == done else 1) for one in subjects.every()])


async def take_back(database: Database, subjects: Subjects) -> None:
    """The attempt was not judged at all."""
    await database.in_batches(_forgive, [(one, 1) for one in subjects.every()])


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old_attempts(tx, at=at, untold_before=at - slowing.OF_CODE_AND_NETWORK.forgotten)


async def _count(connection: Connection, asked: Sequence[_Attempt]) -> list[int | None]:
    """Attempts that came together, judged one after the other; None: the device was put out."""
    async with connection.transaction():
        subjects = sorted({subject for one in asked for subject in one.subjects.every()})
        known, fresh = await store.lock_attempts(connection, subjects, at=asked[0].at)
        ledger = _Ledger(known)
        waits = [_judge(ledger, one) for one in asked]
        await store.save_attempts(connection, ledger.changed, dropped=fresh - ledger.changed.keys())
    return waits


def _judge(ledger: _Ledger, attempt: _Attempt) -> int | None:
    subjects, at = attempt.subjects, attempt.at
    if subjects.device is None or subjects.device_expires_at is None:
        return _judge_stranger(ledger, subjects, at=at)
    heard = slowing.hear_device(ledger.read(subjects.device), expires_at=subjects.device_expires_at, at=at)
    if heard is None:
        return None
    ledger.write(subjects.device, heard)
    return 0


def _judge_stranger(ledger: _Ledger, subjects: Subjects, *, at: datetime) -> int:
    counts, wait = slowing.hear_stranger(Counts(*map(ledger.read, subjects.every())), at=at)
    changed = (counts.of_all, counts.of_network, counts.of_code, counts.of_code_and_network)
    for subject, attempts in zip(subjects.every(), changed, strict=True):
        ledger.write(subject, attempts)
    return wait


async def _forgive(connection: Connection, asked: Sequence[Iterable[tuple[bytes, int]]]) -> list[None]:
    forgiven: Counter[bytes] = Counter()
    for one in asked:
        for subject, failures in one:
            forgiven[subject] += failures
    await store.forgive_attempts(connection, forgiven)
    return [None] * len(asked)
