"""Whatever bars a sign-in, its one answer takes one time: the same work is done, and a clock agrees."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from statistics import mean

import asyncpg
import pytest
from argon2 import PasswordHasher

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common import database
from libs.common.ids import new_id
from services.auth.app import SERVICE
from services.auth.cookies import DEVICES
from tests.integration.auth import parties
from tests.integration.auth.parties import CLIC_REVENU, PORTAL, Browser, Person, new_browser
from tests.integration.auth.test_sign_in import suspended
from tests.kit import Running, running

WAYS = ("unknown", "wrong password", "pending", "held", "revoked")
ROUNDS = 16
TRIMMED = 4
# What the driver asks about types, once for each connection.
OF_DRIVER = ("typeinfo_tree", "current_setting('jit')")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of the service's connections, in order, but for the relay's bell, which nobody waits for."""
    seen: list[str] = []
    prepare = database.prepare_connection

    def note(query: asyncpg.connection.LoggedQuery) -> None:
        if query.query != database.RING and not any(text in query.query for text in OF_DRIVER):
            seen.append(query.query)

    async def prepare_and_listen(connection: database.Connection) -> None:
        await prepare(connection)
        connection.add_query_logger(note)

    monkeypatch.setattr(database, "prepare_connection", prepare_and_listen)
    return seen


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    verify = PasswordHasher.verify

    def count(hasher: PasswordHasher, known: str, password: bytes) -> bool:
        seen.append(known)
        return verify(hasher, known, password)

    monkeypatch.setattr(PasswordHasher, "verify", count)
    return seen


@pytest.fixture
async def measured(statements: list[str], verifications: list[str], platform: Platform) -> AsyncIterator[Running]:
    """Auth with password hashes that take several milliseconds."""
    assert not statements
    assert not verifications
    keys.create(platform.keys)
    settings = {"argon2_memory_kib": 8_192, "argon2_passes": 2}
    async with running(
        SERVICE, platform, peers=None, database=None, keys_dir=platform.keys, **settings
    ) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service


async def barred(service: Running, way: str) -> Person:
    """Somebody whose password is right, but for one way, and who is not let in."""
    if way == "pending":
        return await parties.assign(service, applicant_id=new_id())
    person = await parties.new_person_in_charge(service)
    if way == "held":
        await parties.tell(service, suspended(person), publisher="delegation")
    if way == "revoked":
        await service.database.execute(
            "UPDATE user_codes SET state = 'revoked' WHERE id = $1", person.user_code_id
        )
    if way == "unknown":
        return replace(person, user_code="22222-22222")
    return replace(person, password="not the one") if way == "wrong password" else person


async def open_pages(
    service: Running, platform: Platform, named: tuple[str, str]
) -> dict[str, tuple[Browser, Person]]:
    """A browser for each way, before the form; no two share a network, so that none waits."""
    found = {}
    for number, way in enumerate(WAYS):
        browser = new_browser(service, address=f"192.0.2.{number}")
        await browser.get(parties.client(service, platform, named).authorize())
        found[way] = (browser, await barred(service, way))
    return found


async def refused(browser: Browser, person: Person) -> None:
    answer = await browser.submit({"user_code": person.user_code, "password": person.password})
    assert answer.status_code == 401
    assert DEVICES not in browser.http.cookies


@pytest.mark.parametrize("named", [PORTAL, CLIC_REVENU], ids=["portal", "department"])
async def test_every_refusal_with_the_same_answer_does_the_same_work(
    measured: Running,
    platform: Platform,
    statements: list[str],
    verifications: list[str],
    named: tuple[str, str],
) -> None:
    work = {}
    for way, (browser, person) in (await open_pages(measured, platform, named)).items():
        statements.clear()
        verifications.clear()
        await refused(browser, person)
        published = [one.startswith(("\nINSERT INTO outbox", "SELECT 1 FROM outbox")) for one in statements]
        assert published.count(True) == 1
        texts = ["an event" if is_event else text for text, is_event in zip(statements, published, strict=True)]
        work[way] = (len(verifications), texts)
    assert work["unknown"][0] == 1
    assert all(done == work["unknown"] for done in work.values()), work


async def test_a_clock_cannot_tell_why_a_sign_in_is_refused(measured: Running, platform: Platform) -> None:
    """Rounds in turn, so that a slow moment of the machine falls on all; the slowest of each are left out."""
    pages = await open_pages(measured, platform, PORTAL)
    times = defaultdict(list)
    for _ in range(ROUNDS):
        for way, (browser, person) in pages.items():
            await measured.database.execute("DELETE FROM sign_in_attempts")
            began = time.perf_counter()
            await refused(browser, person)
            times[way].append(time.perf_counter() - began)
    means = {way: mean(sorted(taken)[:-TRIMMED]) for way, taken in times.items()}
    assert max(means.values()) < 1.35 * min(means.values()), means
