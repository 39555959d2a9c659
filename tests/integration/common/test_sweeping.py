import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from prometheus_client import REGISTRY

from deploy.local.environment import Platform
from libs.common.clock import now
from libs.common.database import Connection
from libs.common.idempotency import forget_old_keys
from libs.common.proof_store import forget_old_proofs
from libs.common.service import Resources, sweep_once
from libs.common.sweeping import BATCH, every_in_rounds, in_rounds
from tests.integration.common.probe import PUBLISHER
from tests.kit import Running, running

INSERT_PROOFS = """
INSERT INTO dpop_proofs (use_hash, expires_at)
SELECT sha256(number::text::bytea), $2 FROM generate_series(1, $1::integer) AS number
"""
INSERT_KEYS = """
INSERT INTO idempotency_keys (principal, route, key, request_hash, created_at)
SELECT 'somebody', 'POST /x', key, '\\x00', $1 FROM unnest(ARRAY['held', 'free']) AS key
"""
COUNT = "SELECT count(*) AS found FROM dpop_proofs"


@pytest.fixture
async def service(platform: Platform) -> AsyncIterator[Running]:
    async with running(PUBLISHER, platform) as service:
        yield service


async def count(service: Running) -> int:
    row = await service.database.fetchrow(COUNT)
    assert row is not None
    found: int = row["found"]
    return found


async def add_old(service: Running, number: int) -> None:
    await service.database.execute(INSERT_PROOFS, number, now() - timedelta(hours=1))


async def test_however_much_has_gathered_it_goes_in_batches(service: Running) -> None:
    await add_old(service, 2 * BATCH + 1)
    went = []

    async def batch(tx: Connection) -> int:
        went.append(await forget_old_proofs(tx, now=now()))
        return went[-1]

    await in_rounds(service.database, batch)
    assert went == [BATCH, BATCH, 1]
    assert await count(service) == 0


async def test_what_is_not_old_stays(service: Running) -> None:
    await service.database.execute(INSERT_PROOFS, 3, now() + timedelta(hours=1))
    await in_rounds(service.database, partial(forget_old_proofs, now=now()))
    assert await count(service) == 3


async def test_what_went_before_a_batch_failed_stays_gone(service: Running) -> None:
    await add_old(service, 2 * BATCH)
    went = []

    async def batch(tx: Connection) -> int:
        went.append(await forget_old_proofs(tx, now=now()))
        if len(went) == 2:
            raise RuntimeError
        return went[-1]

    with pytest.raises(RuntimeError):
        await in_rounds(service.database, batch)
    assert await count(service) == BATCH


async def test_workers_that_sweep_at_once_do_not_harm_each_other(service: Running) -> None:
    await add_old(service, 3 * BATCH)
    forget = partial(forget_old_proofs, now=now())
    await asyncio.gather(*(in_rounds(service.database, forget) for _ in range(3)))
    await in_rounds(service.database, forget)
    assert await count(service) == 0


async def test_what_somebody_is_changing_is_left_and_not_waited_for(service: Running) -> None:
    await service.database.execute(INSERT_KEYS, now() - timedelta(days=2))
    async with service.database.transaction() as tx:
        await tx.execute("UPDATE idempotency_keys SET status = 200 WHERE key = 'held'")
        async with asyncio.timeout(5):
            await in_rounds(service.database, partial(forget_old_keys, now=now()))
    left = await service.database.fetch("SELECT key FROM idempotency_keys")
    assert [row["key"] for row in left] == ["held"]
    await in_rounds(service.database, partial(forget_old_keys, now=now()))
    assert await service.database.fetch("SELECT key FROM idempotency_keys") == []


async def test_one_kind_that_cannot_go_holds_up_no_other(service: Running) -> None:
    await add_old(service, 1)

    async def failing(_: Connection) -> int:
        raise RuntimeError

    with pytest.raises(ExceptionGroup) as raised:
        await every_in_rounds(service.database, failing, partial(forget_old_proofs, now=now()))
    assert [type(fault) for fault in raised.value.exceptions] == [RuntimeError]
    assert await count(service) == 0


def failures(sweep: str) -> float | None:
    return REGISTRY.get_sample_value("clicsequr_sweep_failures_total", {"sweep": sweep})


async def test_a_sweep_that_fails_is_counted_and_holds_up_no_other(
    service: Running, caplog: pytest.LogCaptureFixture
) -> None:
    done = []

    async def failing(_: Resources) -> None:
        raise RuntimeError

    async def working(_: Resources) -> None:
        done.append("worked")

    await add_old(service, 1)
    await sweep_once(replace(PUBLISHER, sweeps=(failing, working)), service.resources)
    assert done == ["worked"]
    assert (failures("failing"), failures("working")) == (1, 0)
    assert await count(service) == 0
    assert "a sweep failed" in caplog.text
