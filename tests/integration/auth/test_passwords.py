import base64
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.errors import OperatorFault
from libs.common.service import Resources
from services.auth.app import SERVICE
from services.auth.key_files import read_key
from services.auth.parts import Parts
from services.auth.user_code import store
from services.auth.user_code.passwords import HashingBusy, Passwords
from tests.integration.auth import parties
from tests.integration.auth.parties import PASSWORD, Person, answer_of, new_browser, read_page, sessions_person
from tests.integration.auth.test_user_code_holds import new_user
from tests.kit import Running

NEW_PASSWORD = "another lake, further in the north"
ONCE_USED = "a third lake that has no name yet"


def parts_of(service: Running) -> Parts:
    parts: Parts = service.apps[0].state.parts
    return parts


async def set_password_at(service: Running, person: Person, *, days_ago: int) -> None:
    await service.database.execute(
        "UPDATE user_codes SET password_set_at = now() - $2::interval WHERE id = $1",
        person.user_code_id,
        timedelta(days=days_ago),
    )


async def hash_of(service: Running, person: Person) -> tuple[str, str]:
    row = await service.database.fetchrow(
        "SELECT password_hash, pepper_key_id FROM user_codes WHERE id = $1", person.user_code_id
    )
    assert row is not None
    return row["password_hash"], row["pepper_key_id"]


async def change_overdue(service: Running, platform: Platform, person: Person, *, to: str) -> Any:
    """Signs in with a password that has served its time, and chooses another."""
    await set_password_at(service, person, days_ago=366)
    browser = new_browser(service)
    shown = await parties.sign_in(browser, parties.client(service, platform), person)
    assert shown.url.path == "/change-password", shown.text
    answer = await browser.submit({"new_password": to, "repeated_password": to})
    if answer.is_redirect:
        person.password = to
    return answer


async def test_a_password_that_has_served_its_time_is_changed_at_the_next_sign_in(
    auth: Running, platform: Platform
) -> None:
    person = await sessions_person(auth, platform)
    await set_password_at(auth, person, days_ago=364)
    portal = parties.client(auth, platform)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))
    await set_password_at(auth, person, days_ago=366)
    browser = new_browser(auth)
    page = await parties.sign_in(browser, portal, person)
    assert page.url.path == "/change-password"
    assert "Passwords are changed periodically" in page.text
    assert "At least 15 characters" in page.text
    assert read_page(page).inputs["new_password"]["minlength"] == "15"
    assert answer_of(await browser.get(portal.authorize(prompt="none")))["error"] == "login_required"
    answer = await change_overdue(auth, platform, person, to=NEW_PASSWORD)
    assert "code" in answer_of(answer)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


async def test_neither_the_present_nor_the_one_time_nor_a_recent_password_is_chosen_again(
    auth: Running, platform: Platform
) -> None:
    person = await parties.new_person_in_charge(auth)
    one_time = person.password
    await parties.first_sign_in(new_browser(auth), parties.client(auth, platform), person)
    await change_overdue(auth, platform, person, to=NEW_PASSWORD)
    for used in (NEW_PASSWORD, PASSWORD, one_time, one_time.replace("-", "").lower()):
        answer = await change_overdue(auth, platform, person, to=used)
        assert answer.status_code == 400
        assert "must differ from the present one" in answer.text
        assert used not in answer.text
    answer = await change_overdue(auth, platform, person, to=ONCE_USED)
    assert "code" in answer_of(answer)


async def test_only_so_many_former_passwords_are_kept_as_is_set(auth: Running, platform: Platform) -> None:
    person = await sessions_person(auth, platform)
    async with auth.database.transaction() as tx:
        facts = await store.find_facts_for_update(tx, person.user_code_id)
        assert facts is not None
        for day in range(1, 15):
            await store.add_former_password(
                tx, facts.code, kept=10, at=facts.code.password_set_at + timedelta(days=day)
            )
    rows = await auth.database.fetch("SELECT replaced_at FROM former_passwords ORDER BY replaced_at")
    assert [row["replaced_at"] for row in rows] == [
        facts.code.password_set_at + timedelta(days=day) for day in range(5, 15)
    ]
    assert len(await store.list_former_passwords(auth.database, person.user_code_id, most=3)) == 3


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("too short", "at least 15 characters"),
        ("motdepasse123456", "known from a breach"),
        ("clicsequr-revenu-quebec", "can be guessed"),
        ("x y " * 40, "at most 128 characters"),
    ],
)
async def test_a_poor_password_is_refused_and_said_why_and_kept_nowhere(
    auth: Running, platform: Platform, caplog: pytest.LogCaptureFixture, password: str, said: str
) -> None:
    person = await sessions_person(auth, platform)
    before = await hash_of(auth, person)
    answer = await change_overdue(auth, platform, person, to=password)
    assert answer.status_code == 400
    assert said in answer.text
    assert password not in answer.text
    assert await hash_of(auth, person) == before
    assert password not in caplog.text
    for table in ("access_records", "evidence_records", "outbox"):
        rows = await auth.database.fetch(f"SELECT t::text AS whole FROM {table} t")
        assert not [row for row in rows if password in row["whole"]]


@pytest.mark.parametrize("password", ["ada@example.org 2026", "Tremblay Ada Tremblay", "www.example.org/2026"])
async def test_ones_own_name_and_address_are_no_password(auth: Running, platform: Platform, password: str) -> None:
    person = await sessions_person(auth, platform)
    answer = await change_overdue(auth, platform, person, to=password)
    assert answer.status_code == 400
    assert "can be guessed" in answer.text


async def test_a_users_name_and_address_are_no_password_either(auth: Running, platform: Platform) -> None:
    user = await new_user(auth, await sessions_person(auth, platform))
    browser = new_browser(auth)
    await parties.sign_in(browser, parties.client(auth, platform), user)
    answer = await browser.submit(
        {"new_password": "Guy.Roy@example.org", "repeated_password": "Guy.Roy@example.org"}
    )
    assert answer.status_code == 400
    assert "can be guessed" in answer.text


async def test_a_renewal_never_brings_a_replaced_password_back(auth: Running, platform: Platform) -> None:
    person = await sessions_person(auth, platform)
    facts = await store.find_facts(auth.database, person.user_code_id)
    assert facts is not None
    hashed = await parts_of(auth).passwords.hash(SecretStr(NEW_PASSWORD))
    async with auth.database.transaction() as tx:
        await store.save_password(tx, facts.code, password=hashed, at=facts.code.password_set_at)
    before = await hash_of(auth, person)
    renewed = await parts_of(auth).passwords.hash(SecretStr(PASSWORD))
    async with auth.database.transaction() as tx:
        await store.save_renewed(tx, facts.code, password=renewed)
    assert await hash_of(auth, person) == before


def with_pepper(service: Running, folder: Path, *, byte: int, knows_old: bool, **settings: Any) -> None:
    """What a replica has that was started with another pepper key."""
    path = folder / f"pepper-{byte}.key"
    path.write_text(base64.b64encode(bytes([byte]) * 32).decode())
    parts = parts_of(service)
    previous = [read_key(parts.settings.pepper_key_file)] if knows_old else []
    changed = parts.settings.model_copy(update=settings)
    object.__setattr__(parts, "passwords", Passwords(changed, read_key(path), previous=previous))


async def test_a_sign_in_renews_a_hash_of_an_earlier_pepper_and_leaves_the_passwords_age(
    auth: Running, platform: Platform, tmp_path: Path
) -> None:
    person = await sessions_person(auth, platform)
    before = await auth.database.fetchrow("SELECT * FROM user_codes")
    with_pepper(auth, tmp_path, byte=7, knows_old=True)
    portal = parties.client(auth, platform)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))
    after = await auth.database.fetchrow("SELECT * FROM user_codes")
    assert before is not None
    assert after is not None
    changed = {name for name in before.keys() if before[name] != after[name]}  # noqa: SIM118 - a record, no mapping
    assert changed == {"password_hash", "pepper_key_id"}
    with_pepper(auth, tmp_path, byte=7, knows_old=False)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))


async def test_a_sign_in_renews_a_hash_of_weaker_parameters_and_only_that(
    auth: Running, platform: Platform, tmp_path: Path
) -> None:
    person = await sessions_person(auth, platform)
    portal = parties.client(auth, platform)
    before = await hash_of(auth, person)
    await parties.sign_in(new_browser(auth), portal, person)
    assert await hash_of(auth, person) == before
    with_pepper(auth, tmp_path, byte=7, knows_old=True, argon2_passes=2)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), portal, person))
    assert (await hash_of(auth, person))[0].startswith("$argon2id$v=19$m=64,t=2,")


async def test_an_installation_renews_agents_hashes_of_an_earlier_pepper(auth: Running, tmp_path: Path) -> None:
    query = "SELECT DISTINCT pepper_key_id FROM agent_accounts"
    before = await auth.database.fetchrow(query)
    settings = auth.settings
    path = tmp_path / "pepper.key"
    path.write_text(base64.b64encode(bytes(32)).decode())
    changed = settings.model_copy(
        update={"pepper_key_file": path, "previous_pepper_key_files": f"{settings.pepper_key_file},"}  # type: ignore[attr-defined]
    )
    given = auth.resources
    resources = Resources(changed, given.database, given.freshness, given.service_calls)
    await SERVICE.operations["install"](resources, [str(INSTALLATION)])
    after = await auth.database.fetch(query)
    assert before is not None
    assert [row["pepper_key_id"] for row in after] == [read_key(path).id] != [before["pepper_key_id"]]


async def test_a_wrong_password_and_one_that_is_not_admitted_renew_nothing(
    auth: Running, platform: Platform, tmp_path: Path
) -> None:
    person = await sessions_person(auth, platform)
    pending = await parties.assign(auth, applicant_id=person.applicant_id)
    with_pepper(auth, tmp_path, byte=7, knows_old=True)
    before = await hash_of(auth, person), await hash_of(auth, pending)
    portal = parties.client(auth, platform)
    person.password = "quite another password"
    for typed in (person, pending):
        answer = await parties.sign_in(new_browser(auth), portal, typed)
        assert answer.status_code == 401
    assert (await hash_of(auth, person), await hash_of(auth, pending)) == before


def _busy(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hash_(*_: Any, **__: Any) -> None:
        raise HashingBusy(retry_after=2)

    monkeypatch.setattr(Passwords, "hash", hash_)


def _away(monkeypatch: pytest.MonkeyPatch) -> None:
    async def save(*_: Any, **__: Any) -> None:
        raise asyncpg.ConnectionDoesNotExistError

    monkeypatch.setattr(store, "save_renewed", save)


@pytest.mark.parametrize("failing", [_busy, _away])
async def test_a_sign_in_does_not_fail_for_a_renewal_that_does(
    auth: Running,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: Callable[[pytest.MonkeyPatch], None],
) -> None:
    person = await sessions_person(auth, platform)
    before = await hash_of(auth, person)
    with_pepper(auth, tmp_path, byte=7, knows_old=True)
    failing(monkeypatch)
    assert "code" in answer_of(await parties.sign_in(new_browser(auth), parties.client(auth, platform), person))
    assert await hash_of(auth, person) == before


async def test_a_full_queue_answers_503_with_a_time_and_hashes_nothing(auth: Running, platform: Platform) -> None:
    person = await sessions_person(auth, platform)
    parts = parts_of(auth)
    narrow = parts.settings.model_copy(update={"hashing_threads": 1, "hashing_queue": 0})
    full = Passwords(narrow, read_key(narrow.pepper_key_file))
    full._threads.places = 0  # noqa: SLF001 - one hash that never ends
    object.__setattr__(parts, "passwords", full)
    answer = await parties.sign_in(new_browser(auth), parties.client(auth, platform), person)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def breached_passwords(service: Running, target: Path | None, *arguments: str) -> None:
    settings = service.settings.model_copy(update={"breached_passwords_file": target})
    given = service.resources
    changed = Resources(settings, given.database, given.freshness, given.service_calls)
    await SERVICE.operations["breached-passwords"](changed, list(arguments))


async def test_an_operator_imports_a_set_of_breached_passwords_and_is_told_what_it_holds(
    auth: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "hashes.txt", tmp_path / "set"
    source.write_text(f"{'0' * 39}1:9\n{'0' * 39}2:1\n{'F' * 40}:2\n")
    await breached_passwords(auth, target, "import", str(source), "--least-count", "2")
    await breached_passwords(auth, target, "check")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == lines[1]
    assert (lines[0]["entries"], lines[0]["least_count"]) == (2, 2)
    assert lines[0]["false_positive_rate"] == 2 / 2**40
    assert target.stat().st_size == lines[0]["bytes"]
    assert target.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "arguments",
    [[], ["import"], ["import", "nothing-there"], ["check"], ["drop"], ["import", "x", "--least-count", "many"]],
)
async def test_an_operators_mistake_is_one_sentence(auth: Running, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(OperatorFault):
        await breached_passwords(auth, tmp_path / "set", *arguments)
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing is left


async def test_an_operator_who_has_not_set_the_file_is_told_to(auth: Running) -> None:
    with pytest.raises(OperatorFault, match="CLICSEQUR_BREACHED_PASSWORDS_FILE"):
        await breached_passwords(auth, None, "check")
