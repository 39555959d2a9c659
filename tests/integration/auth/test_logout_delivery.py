import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from deploy.local import keys
from deploy.local.commands import INSTALLATION
from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.delegation import PersonInChargeSuspended
from libs.common.ids import new_id
from services.auth.app import SERVICE, sweep_expired, sweep_sessions
from services.auth.parts import Parts
from services.auth.session import logout_delivery_store as deliveries
from services.auth.session.commands import end_sessions_of_code
from services.auth.session.logout_delivery import EVENT, deliver_logouts, deliver_some
from services.auth.session.rules import LOGOUT_ATTEMPTS, LOGOUTS_AT_ONCE_TO_CLIENT
from tests.integration.auth import parties
from tests.integration.auth.parties import (
    CLIC_REVENU,
    PORTAL,
    Browser,
    Person,
    answer_of,
    claims_of,
    header_of,
    new_browser,
)
from tests.integration.auth.receiver import Receiver, receiving
from tests.kit import Running, running


@pytest.fixture
async def auth(platform: Platform) -> AsyncIterator[Running]:
    """Clients' addresses may be on loopback."""
    keys.create(platform.keys)
    async with running(
        SERVICE,
        platform,
        keys_dir=platform.keys,
        argon2_memory_kib=64,
        argon2_passes=1,
        outbound_allows_loopback=True,
        outbound_timeout_seconds=0.5,
    ) as service:
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        yield service


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def parts_of(service: Running) -> Parts:
    found: Parts = service.apps[0].state.parts
    return found


async def deliver_due(parts: Parts) -> int:
    """One round of each client."""
    due = await deliveries.list_clients_with_due(parts.database, at=now())
    return sum(await asyncio.gather(*(deliver_some(parts, client_id) for client_id in due)))


async def as_owner(service: Running, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(service.owner_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def register(service: Running, address: str, *, client_id: str = "clic-revenu") -> None:
    statement = "UPDATE clients SET backchannel_logout_uri = $1 WHERE client_id = $2"
    await as_owner(service, statement, address, client_id)


async def visited(
    service: Running, platform: Platform, *clients: tuple[str, str]
) -> tuple[Person, Browser, list[dict[str, Any]]]:
    """A session in which each of these clients was granted tokens; the claims of their id tokens."""
    person = await parties.sessions_person(service, platform)
    browser = new_browser(service)
    told = []
    await parties.sign_in(browser, parties.client(service, platform), person)
    for named in clients:
        relying = parties.client(service, platform, named)
        granted = await relying.redeem(answer_of(await browser.get(relying.authorize()))["code"])
        told.append(await claims_of(service, granted.json()["id_token"]))
    return person, browser, told


async def end_all(service: Running, person: Person) -> None:
    headers = service.tokens.person_in_charge(
        person.applicant_id, person.user_code_id, iat=int(now().timestamp()) + 2
    )
    assert (await service.public.delete("/v1/me/sessions", headers=headers)).status_code == 204


async def rows(service: Running) -> list[dict[str, Any]]:
    found = await service.database.fetch("SELECT * FROM logout_deliveries ORDER BY client_id, session_id")
    return [dict(row) for row in found]


async def make_due(service: Running) -> None:
    await service.database.execute("UPDATE logout_deliveries SET next_attempt_at = now() - interval '1 s'")


async def test_a_client_is_told_by_the_names_that_it_knows_and_once(
    auth: Running, platform: Platform, receiver: Receiver
) -> None:
    await register(auth, receiver.address)
    person, _, (told,) = await visited(auth, platform, CLIC_REVENU)
    await end_all(auth, person)
    assert await deliver_due(parts_of(auth)) == 1
    (token,) = receiver.tokens
    assert receiver.paths == ["POST /backchannel-logout HTTP/1.1"]
    assert receiver.types == ["application/x-www-form-urlencoded"]
    assert header_of(token)["typ"] == "logout+jwt"
    claims = await claims_of(auth, token)
    assert claims["iss"] == auth.settings.issuer
    assert claims["aud"] == "clic-revenu"
    assert (claims["sub"], claims["sid"]) == (told["sub"], told["sid"])
    assert claims["events"] == {EVENT: {}}
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert claims["jti"]
    assert "nonce" not in claims
    assert str(person.user_code_id) not in str(claims)
    assert await deliver_due(parts_of(auth)) == 0
    (row,) = await rows(auth)
    assert row["delivered_at"] is not None


async def test_only_clients_that_were_granted_something_in_the_session_are_told(
    auth: Running, platform: Platform, receiver: Receiver
) -> None:
    await register(auth, receiver.address)
    await register(auth, receiver.address, client_id="portal")
    person, _, _ = await visited(auth, platform, PORTAL)
    await end_all(auth, person)
    assert {row["client_id"] for row in await rows(auth)} == {"portal"}
    await deliver_due(parts_of(auth))
    assert {(await claims_of(auth, token))["aud"] for token in receiver.tokens} == {"portal"}


async def test_a_session_that_a_worker_ends_is_told_too(
    auth: Running, platform: Platform, receiver: Receiver
) -> None:
    await register(auth, receiver.address)
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    held = PersonInChargeSuspended(
        applicant_id=person.applicant_id, person_id=new_id(), user_code_id=person.user_code_id
    )
    await parties.tell(auth, held, publisher="delegation")
    await deliver_due(parts_of(auth))
    assert len(receiver.tokens) == 1
    await visited(auth, platform, CLIC_REVENU)
    await auth.database.execute("UPDATE sessions SET last_seen_at = now() - interval '31 min'")
    await sweep_sessions(auth.resources)
    await deliver_due(parts_of(auth))
    assert len(receiver.tokens) == 2


@pytest.mark.parametrize("status", [0, 302, 400, 503])
async def test_who_does_not_accept_is_told_again_after_a_wait_with_a_fresh_token(
    auth: Running, platform: Platform, receiver: Receiver, status: int
) -> None:
    await register(auth, receiver.address)
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    await end_all(auth, person)
    receiver.status, receiver.redirect_to = status, receiver.address + "-elsewhere"
    await deliver_due(parts_of(auth))
    (row,) = await rows(auth)
    assert (row["attempts"], row["delivered_at"], row["given_up_at"]) == (1, None, None)
    assert 5 < (row["next_attempt_at"] - now()).total_seconds() <= 10
    assert await deliver_due(parts_of(auth)) == 0
    receiver.status = 204
    await make_due(auth)
    await deliver_due(parts_of(auth))
    assert len({(await claims_of(auth, token))["jti"] for token in receiver.tokens}) == 2
    assert {path.split()[1] for path in receiver.paths} == {"/backchannel-logout"}
    (row,) = await rows(auth)
    assert row["delivered_at"] is not None


async def test_it_is_given_up_and_logged_after_the_last_attempt(
    auth: Running, platform: Platform, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    await register(auth, receiver.address)
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    await end_all(auth, person)
    receiver.status = 500
    await auth.database.execute("UPDATE logout_deliveries SET attempts = $1", LOGOUT_ATTEMPTS - 1)
    with caplog.at_level(logging.ERROR):
        await deliver_due(parts_of(auth))
    assert [record.message for record in caplog.records] == ["a client was not told that a session ended"]
    await make_due(auth)
    assert await deliver_due(parts_of(auth)) == 0
    await as_owner(auth, "UPDATE logout_deliveries SET ended_at = now() - interval '8 days'")
    await sweep_expired(auth.resources)
    assert await rows(auth) == []


async def test_an_address_inside_is_not_called(platform: Platform, receiver: Receiver) -> None:
    keys.create(platform.keys)
    async with running(SERVICE, platform, keys_dir=platform.keys, argon2_memory_kib=64, argon2_passes=1) as strict:
        await SERVICE.operations["install"](strict.resources, [str(INSTALLATION)])
        await register(strict, receiver.address)
        person, _, _ = await visited(strict, platform, CLIC_REVENU)
        await end_all(strict, person)
        await deliver_due(parts_of(strict))
        assert receiver.paths == []
        assert [row["delivered_at"] for row in await rows(strict)] == [None]


async def test_replicas_share_the_work_and_a_silent_client_keeps_no_other_waiting(
    auth: Running, platform: Platform, receiver: Receiver
) -> None:
    async with receiving() as silent:
        silent.status = 0
        await register(auth, receiver.address)
        await register(auth, silent.address, client_id="portal")
        person, _, _ = await visited(auth, platform, CLIC_REVENU, PORTAL)
        await end_all(auth, person)
        (session_id,) = {row["session_id"] for row in await rows(auth)}
        await auth.database.execute(
            "INSERT INTO logout_deliveries (session_id, client_id, ended_at, next_attempt_at)"
            " SELECT gen_random_uuid(), 'portal', now() - interval '1 h', now() - interval '1 h'"
            " FROM generate_series(1, 60)"
        )
        tried = await asyncio.gather(*(deliver_due(parts_of(auth)) for _ in range(3)))
        assert sum(tried) == 1 + 3 * LOGOUTS_AT_ONCE_TO_CLIENT
        assert len(receiver.tokens) == 1
        done = await auth.database.fetchrow(
            "SELECT delivered_at FROM logout_deliveries WHERE session_id = $1 AND client_id = 'clic-revenu'",
            session_id,
        )
        assert done is not None
        assert done["delivered_at"] is not None


async def test_clients_that_swallow_calls_hold_up_neither_other_clients_nor_the_reading_of_keys(
    platform: Platform, receiver: Receiver
) -> None:
    keys.create(platform.keys)
    patient: dict[str, Any] = {"outbound_allows_loopback": True, "outbound_timeout_seconds": 60}
    cheap: dict[str, Any] = {"argon2_memory_kib": 64, "argon2_passes": 1}
    async with (
        receiving() as dead,
        receiving() as dead_too,
        running(SERVICE, platform, keys_dir=platform.keys, **patient, **cheap) as service,
    ):
        await SERVICE.operations["install"](service.resources, [str(INSTALLATION)])
        await register(service, receiver.address)
        for swallowing, client_id in ((dead, "portal"), (dead_too, "cnesst")):
            swallowing.status = 0
            await register(service, swallowing.address, client_id=client_id)
        person, _, _ = await visited(service, platform, CLIC_REVENU)
        await end_thirty_sessions(service, "portal", "cnesst")
        delivering = asyncio.create_task(deliver_logouts(service.apps[0]))
        async with asyncio.timeout(10):
            await asyncio.gather(dead.came.wait(), dead_too.came.wait())
        await end_all(service, person)
        async with asyncio.timeout(10):
            await receiver.came.wait()
        assert (await parts_of(service).client_keys.outbound.get(receiver.address, accept="*/*")).status == 200
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        tried = [row["client_id"] for row in await rows(service) if row["attempts"]]
        assert sorted(tried) == ["clic-revenu", *["cnesst"] * 4, *["portal"] * 4], (
            "what was not sent counts nothing"
        )


async def end_thirty_sessions(service: Running, *client_ids: str) -> None:
    """Of which each of these clients is to be told."""
    await service.database.execute(
        "INSERT INTO sessions (id, secret_hash, stage, user_code_id, applicant_id, is_recourse, amr,"
        " authenticated_at, last_seen_at, ended_at, end_reason)"
        " SELECT gen_random_uuid(), gen_random_uuid()::text::bytea, stage, user_code_id, applicant_id,"
        " is_recourse, amr, authenticated_at, last_seen_at, now(), 'expired'"
        " FROM (SELECT * FROM sessions LIMIT 1) AS one CROSS JOIN generate_series(1, 30)"
    )
    await service.database.execute(
        "INSERT INTO logout_deliveries (session_id, client_id, ended_at, next_attempt_at)"
        " SELECT id, client_id, ended_at, ended_at FROM sessions CROSS JOIN unnest($1::text[]) AS told (client_id)"
        " WHERE end_reason = 'expired'",
        list(client_ids),
    )


async def test_who_died_after_claiming_is_followed_by_another(
    auth: Running, platform: Platform, receiver: Receiver
) -> None:
    await register(auth, receiver.address)
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    await end_all(auth, person)
    receiver.status = 0
    dying = asyncio.create_task(deliver_due(parts_of(auth)))
    await receiver.came.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await deliver_due(parts_of(auth)) == 0
    receiver.status = 200
    await make_due(auth)
    await deliver_due(parts_of(auth))
    assert [row["delivered_at"] is not None for row in await rows(auth)] == [True]


async def test_an_api_delivers_as_long_as_it_runs(auth: Running, platform: Platform, receiver: Receiver) -> None:
    assert deliver_logouts in SERVICE.alongside
    await register(auth, receiver.address)
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    await end_all(auth, person)
    running_task = asyncio.create_task(deliver_logouts(auth.apps[0]))
    await receiver.came.wait()
    running_task.cancel()
    await asyncio.gather(running_task, return_exceptions=True)


async def test_a_session_whose_ending_is_undone_tells_nobody(auth: Running, platform: Platform) -> None:
    await register(auth, "https://client.example/logout")
    person, _, _ = await visited(auth, platform, CLIC_REVENU)
    call = Call(actor="system", at=now(), correlation_id=new_id())

    async def end_in_vain() -> None:
        async with auth.database.transaction() as tx:
            await end_sessions_of_code(tx, call, person.user_code_id, reason="suspended")
            assert await tx.fetchval("SELECT count(*) FROM logout_deliveries") == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await end_in_vain()
    assert await rows(auth) == []


async def test_discovery_says_that_clients_are_told(auth: Running) -> None:
    found = (await auth.public.get("/.well-known/openid-configuration")).json()
    assert found["backchannel_logout_supported"] is True
    assert found["backchannel_logout_session_supported"] is True
