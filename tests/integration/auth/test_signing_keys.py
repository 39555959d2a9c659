import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.errors import DatabaseUnavailable, OperatorFault
from libs.common.ids import new_id
from libs.common.relay import LOCK_KEY, TRY_LOCK
from services.auth.app import SERVICE
from services.auth.key_files import read_key
from services.auth.settings import AuthSettings
from services.auth.signing_key import commands, store
from services.auth.signing_key.commands import SigningKeys, forget_retired, publish_when_due
from services.auth.signing_key.rules import Schedule
from tests.integration.auth import parties
from tests.integration.auth.faults import fault
from tests.kit import Running

DAYS = Schedule(every=timedelta(days=90), notice=timedelta(days=1), kept=timedelta(days=1))
SECONDS = Schedule(every=timedelta(seconds=1.5), notice=timedelta(seconds=0.6), kept=timedelta(seconds=1))
CLAIMS = {"sub": "somebody"}


def replica(auth: Running, schedule: Schedule, *, cached_seconds: float = 0.2) -> SigningKeys:
    settings = auth.settings
    assert isinstance(settings, AuthSettings)
    return SigningKeys(auth.database, read_key(settings.sealing_key_file), schedule, cached_seconds)


async def kids(keys: SigningKeys) -> list[str]:
    return [key["kid"] for key in (await keys.jwks())["keys"]]


async def pass_time(auth: Running, keys: SigningKeys, at: datetime) -> bool:
    call = Call(actor="system", at=at, correlation_id=new_id())
    async with auth.database.transaction() as tx:
        return await publish_when_due(tx, call, keys.sealing_key, schedule=keys.schedule)


async def test_no_verification_fails_while_keys_come_and_go_under_two_replicas(auth: Running) -> None:
    replicas = [replica(auth, SECONDS), replica(auth, SECONDS)]
    tokens: list[tuple[datetime, str]] = []
    signed_by = set()
    ends = now() + timedelta(seconds=5)
    while now() < ends:
        tokens += [(now(), await one.sign(CLAIMS, typ="JWT")) for one in replicas]
        recent = [token for at, token in tokens if now() - at < SECONDS.kept - timedelta(seconds=0.3)]
        for other in replicas:
            verified = await asyncio.gather(*map(other.verify, recent[-6:] + recent[:2]))
            assert None not in verified
        signed_by |= {token.partition(".")[0] for _, token in tokens[-2:]}
        await asyncio.sleep(0.02)
    assert len(signed_by) >= 3


async def test_two_replicas_that_find_a_key_due_publish_one(auth: Running) -> None:
    later = now() + timedelta(days=89, hours=1)
    keys = replica(auth, DAYS)
    published = await asyncio.gather(*(pass_time(auth, keys, later) for _ in range(8)))
    assert published.count(True) == 1


async def test_a_published_key_waits_and_its_predecessor_ends_after_it_has_begun(auth: Running) -> None:
    keys = replica(auth, DAYS)
    [first] = await kids(keys)
    later = now() + timedelta(days=89, hours=1)
    assert await pass_time(auth, keys, later)
    rows = await auth.database.fetch("SELECT kid, signs_from, retired_at FROM signing_keys ORDER BY signs_from")
    old, new = rows
    assert (old["kid"], new["retired_at"]) == (first, None)
    assert new["signs_from"] >= later + timedelta(hours=22)
    assert old["retired_at"] == new["signs_from"] + DAYS.kept
    evidence = await auth.database.fetch(
        "SELECT content FROM evidence_records WHERE command = 'publish_signing_key'"
    )
    assert [row["content"]["ending"] for row in evidence] == [[], [first]]


async def test_keys_are_published_while_a_relay_leads(auth: Running) -> None:
    keys = replica(auth, DAYS)
    async with auth.database.connection() as leading:
        assert await leading.fetchval(TRY_LOCK, LOCK_KEY)
        try:
            async with asyncio.timeout(5):
                await pass_time(auth, keys, now() + timedelta(days=91))
        finally:
            await leading.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


async def test_an_ended_key_is_forgotten_with_its_private_half(auth: Running) -> None:
    keys = replica(auth, DAYS)
    await pass_time(auth, keys, now() + timedelta(days=200))
    async with auth.database.transaction() as tx:
        await forget_retired(tx, at=now())
    assert len(await kids(keys)) == 2
    async with auth.database.transaction() as tx:
        await forget_retired(tx, at=now() + timedelta(days=203))
    [row] = await auth.database.fetch("SELECT kid FROM signing_keys")
    assert row["kid"] in await kids(replica(auth, DAYS))


async def test_an_operator_rotates_with_notice(auth: Running, capsys: pytest.CaptureFixture[str]) -> None:
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate"])
    old, new = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert datetime.fromisoformat(new["signs_from"]) > now() + timedelta(hours=23)
    assert datetime.fromisoformat(old["ends_at"]) > datetime.fromisoformat(new["signs_from"])
    assert new["ends_at"] is None
    token = await replica(auth, DAYS).sign(CLAIMS, typ="JWT")
    assert await replica(auth, DAYS).verify(token) == CLAIMS


async def test_rotating_at_once_refuses_what_the_old_key_signed(
    auth: Running, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = parties.client(auth, platform, ("registry", ""))
    asked = {"grant_type": "client_credentials", "resource": "urn:clicsequr:auth"}
    before = (await registry.token(**asked)).json()["access_token"]
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate", "--at-once"])
    [only] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = replica(auth, DAYS)
    assert await kids(keys) == [only["kid"]]
    assert await keys.verify(before) is None
    after = await keys.sign(CLAIMS, typ="JWT")
    assert await replace(keys).verify(after) == CLAIMS


async def test_a_token_that_was_verified_before_is_looked_at_again_once_its_key_has_ended(auth: Running) -> None:
    keys = replica(auth, DAYS, cached_seconds=0.5)
    token = await keys.sign(CLAIMS, typ="at+jwt")
    assert [await keys.verify(token), await keys.verify(token, typ="at+jwt")] == [CLAIMS, CLAIMS]
    assert await keys.verify(token, typ="JWT") is None
    (await keys.verify(token) or {})["sub"] = "somebody else"
    assert await keys.verify(token) == CLAIMS
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate", "--at-once"])
    await asyncio.sleep(0.6)
    assert await keys.verify(token) is None


async def test_while_the_database_does_not_answer_the_known_keys_serve_and_nobody_queues(
    auth: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = replica(auth, DAYS, cached_seconds=0.05)
    token = await keys.sign(CLAIMS, typ="JWT")
    tries = []

    async def hangs(*_: object, **__: object) -> list[object]:
        tries.append(1)
        await asyncio.sleep(0.3)
        raise DatabaseUnavailable

    monkeypatch.setattr(store, "list_published", hangs)
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        assert await asyncio.gather(*(keys.verify(token) for _ in range(20))) == [CLAIMS] * 20
        assert await keys.sign(CLAIMS, typ="JWT")
    assert len(tries) == 1
    monkeypatch.undo()
    monkeypatch.setattr(commands, "RETRY_SECONDS", 0)
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate", "--at-once"])
    assert await keys.verify(token) is None


async def test_keys_that_were_not_read_for_long_serve_no_longer(
    auth: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = replica(auth, DAYS, cached_seconds=0.05)
    token = await keys.sign(CLAIMS, typ="JWT")
    monkeypatch.setattr(commands, "KEPT_SECONDS", 0.05)
    await asyncio.sleep(0.1)
    async with fault(auth, "the keys cannot be read"):
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                await keys.verify(token)


@pytest.mark.parametrize("arguments", [[], ["burn"], ["rotate", "--soon"]])
async def test_another_word_is_answered_with_the_usage(auth: Running, arguments: list[str]) -> None:
    with pytest.raises(OperatorFault, match="usage"):
        await SERVICE.operations["signing-keys"](auth.resources, arguments)


async def test_who_has_the_present_key_set_is_not_sent_it_again(auth: Running) -> None:
    first = await auth.public.get("/oauth/jwks")
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "public, max-age=5"
    again = await auth.public.get("/oauth/jwks", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await auth.public.get("/oauth/jwks", headers={"if-none-match": '"another"'})
    assert other.json() == first.json()
    assert [key["kid"] for key in first.json()["keys"]]
