"""Slows guessing, the same for codes that exist and codes that do not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.common.access_records import Circumstances
from libs.common.database import Connection, Database
from services.auth.session import rules, slowing, store
from services.auth.session.devices import Binding, Device
from services.auth.session.slowing import Attempts, Counts
from services.auth.user_code.passwords import Passwords

EVERY_FAILURE = 1_000_000


@dataclass(frozen=True, slots=True)
class Subjects:
    """What an attempt is counted by; what was typed may be a secret and is kept as a keyed digest.

    With a device, by the device alone. `owner`: whose second factor it is, where what is typed can be guessed.
    """

    everybody: bytes
    network: bytes
    name: bytes
    name_and_network: bytes
    device: bytes | None = None
    device_expires_at: datetime | None = None
    owner: bytes | None = None

    def every(self) -> tuple[bytes, ...]:
        by = self.of_stranger() if self.device is None else (self.device,)
        return by if self.owner is None else (*by, self.owner)

    def of_stranger(self) -> tuple[bytes, ...]:
        return (self.everybody, self.network, self.name, self.name_and_network)

    def given_back(self) -> frozenset[bytes | None]:
        """What an attempt that turns out well frees of every failure."""
        return frozenset({self.device or self.name_and_network, self.owner})


@dataclass(frozen=True, slots=True)
class Heard:
    """`by`: what the attempt was counted by; `wait`: 0, or the seconds to wait when it is not to be heard now.

    `of_owner`: the owner's count after it, where there is one.
    """

    by: Subjects
    wait: int
    of_owner: Attempts | None = None


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


def with_owner(passwords: Passwords, subjects: Subjects, binding: Binding) -> Subjects:
    """Counted by the owner too, on whatever network, for as long as the password stays the same."""
    return replace(subjects, owner=passwords.digest(f"codes of {binding.actor} {binding.password}"))


async def count_attempt(database: Database, subjects: Subjects, *, at: datetime) -> Heard:
    """Counts one attempt as failed, by its device or, without one that is still trusted, as a stranger's."""
    heard: Heard | None = await database.in_batches(_count, _Attempt(subjects, at))
    if heard is None:
        stranger = replace(subjects, device=None, device_expires_at=None)
        return await count_attempt(database, stranger, at=at)
    return heard


async def forgive(database: Database, subjects: Subjects) -> None:
    """The attempt turned out well. Lost when the program dies first: then one failure too many is counted."""
    done = subjects.given_back()
    await database.in_batches(_forgive, [(one, EVERY_FAILURE if one in done else 1) for one in subjects.every()])


async def take_back(database: Database, subjects: Subjects) -> None:
    """The attempt was not judged at all."""
    await database.in_batches(_forgive, [(one, 1) for one in subjects.every()])


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old_attempts(tx, at=at, untold_before=at - slowing.OF_CODE_AND_NETWORK.forgotten)


async def _count(connection: Connection, asked: Sequence[_Attempt]) -> list[Heard | None]:
    """Attempts that came together, judged one after the other; None: the device was put out."""
    async with connection.transaction():
        subjects = sorted({subject for one in asked for subject in one.subjects.every()})
        known, fresh = await store.lock_attempts(connection, subjects, at=asked[0].at)
        ledger = _Ledger(known)
        heard = [_judge(ledger, one) for one in asked]
        await store.save_attempts(connection, ledger.changed, dropped=fresh - ledger.changed.keys())
    return heard


def _judge(ledger: _Ledger, attempt: _Attempt) -> Heard | None:
    """An owner who must wait costs nobody else anything, and who is not heard for another reason not the owner."""
    subjects, at = attempt.subjects, attempt.at
    if subjects.owner is None:
        return _judge_browser(ledger, subjects, at=at)
    of_owner, wait = slowing.hear_owner(ledger.read(subjects.owner), at=at)
    if wait:
        return Heard(subjects, wait, of_owner)
    heard = _judge_browser(ledger, subjects, at=at)
    if heard is None or heard.wait:
        return heard
    ledger.write(subjects.owner, of_owner)
    return replace(heard, of_owner=of_owner)


def _judge_browser(ledger: _Ledger, subjects: Subjects, *, at: datetime) -> Heard | None:
    if subjects.device is None or subjects.device_expires_at is None:
        return Heard(subjects, _judge_stranger(ledger, subjects, at=at))
    heard = slowing.hear_device(ledger.read(subjects.device), expires_at=subjects.device_expires_at, at=at)
    if heard is None:
        return None
    ledger.write(subjects.device, heard)
    return Heard(subjects, 0)


def _judge_stranger(ledger: _Ledger, subjects: Subjects, *, at: datetime) -> int:
    counts, wait = slowing.hear_stranger(Counts(*map(ledger.read, subjects.of_stranger())), at=at)
    changed = (counts.of_all, counts.of_network, counts.of_code, counts.of_code_and_network)
    for subject, attempts in zip(subjects.of_stranger(), changed, strict=True):
        ledger.write(subject, attempts)
    return wait


async def _forgive(connection: Connection, asked: Sequence[Iterable[tuple[bytes, int]]]) -> list[None]:
    forgiven: Counter[bytes] = Counter()
    for one in asked:
        for subject, failures in one:
            forgiven[subject] += failures
    await store.forgive_attempts(connection, forgiven)
    return [None] * len(asked)
