"""Slows guessing, the same for codes that exist and codes that do not."""

from dataclasses import dataclass
from datetime import datetime

from libs.common.database import Connection, Database
from services.auth.session import rules, store
from services.auth.user_code.passwords import Passwords


@dataclass(frozen=True, slots=True)
class Subjects:
    """What an attempt is counted by; what was typed may be a secret and is kept as a keyed digest."""

    network: bytes
    name_and_network: bytes


def subjects_of(passwords: Passwords, *, name: str, address: str) -> Subjects:
    network = rules.network_of(address)
    return Subjects(passwords.digest(f"network {network}"), passwords.digest(f"name {name} network {network}"))


async def count_attempt(database: Database, subjects: Subjects, *, at: datetime) -> int:
    """Counts one attempt as failed; answers 0, or the seconds to wait when it is not to be heard now."""
    async with database.transaction() as tx:
        of_network = await store.lock_attempts(tx, subjects.network, at=at)
        wait = rules.wait_seconds(of_network, at=at)
        if wait:
            return wait
        of_name = await store.lock_attempts(tx, subjects.name_and_network, at=at)
        wait = rules.wait_seconds(of_name, at=at)
        if wait:
            return wait
        await store.save_attempts(tx, subjects.network, rules.count(of_network, rules.OF_NETWORK, at=at))
        counted = rules.count(of_name, rules.OF_CODE_AND_NETWORK, at=at)
        await store.save_attempts(tx, subjects.name_and_network, counted)
    return 0


async def forgive(tx: Connection, subjects: Subjects) -> None:
    """The attempt turned out well."""
    await store.forgive_attempt(tx, subjects.network)
    await store.delete_attempts(tx, subjects.name_and_network)


async def forget_old(tx: Connection, *, at: datetime) -> None:
    await store.forget_old_attempts(tx, before=at - rules.FORGOTTEN)
