"""What a process remembers of a client never decides anything that the registry has changed since."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from libs.common.clock import now
from libs.common.compact_jws import CompactJws
from libs.common.public_keys import PublicKey
from services.auth.client import remembered, store
from services.auth.client.remembered import RememberedClients
from services.auth.client.rules import Client, Method
from services.auth.client.secrets import hash_secret
from services.auth.parts import Parts
from tests.integration.auth.registered import (
    EC,
    OTHER_EC,
    REFUSED,
    SYSTEM,
    Signer,
    basic,
    fault_of,
    install,
    public,
)
from tests.kit import Running

KNOWN = replace(SYSTEM, jwks=public(EC))
SET_STATE = "UPDATE clients SET state = $1, is_installed = false WHERE client_id = 'pay'"


@pytest.fixture
async def signer(auth: Running) -> Signer:
    """Speaks for a client that this process has just met."""
    await install(auth, KNOWN)
    signer = Signer(auth)
    assert (await signer.token()).status_code == 200
    return signer


def parts_of(service: Running) -> Parts:
    parts: Parts = service.apps[0].state.parts
    return parts


async def test_a_client_that_is_remembered_is_not_read_again(signer: Signer) -> None:
    clients = parts_of(signer.service).remembered_clients
    before = clients.find("pay")
    assert before is not None
    assert (await signer.token()).status_code == 200
    assert clients.find("pay") is before


async def test_a_stranger_costs_as_many_verifications_with_a_remembered_client_as_with_none(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, verified = CompactJws.is_signed_by, []

    def counted(shown: CompactJws, key: PublicKey, *, alg: str) -> bool:
        verified.append(shown.claims["sub"])
        return verify(shown, key, alg=alg)

    monkeypatch.setattr(CompactJws, "is_signed_by", counted)
    for named in ("pay", "nobody-here"):
        stranger = replace(signer, client_id=named)
        forged = stranger.assertion(signed={"key": OTHER_EC, "kid": None})
        assert fault_of(await stranger.token(forged)) == REFUSED
    assert verified == ["pay", "nobody-here"]


async def test_a_key_that_was_taken_back_shows_nothing_from_then_on(signer: Signer) -> None:
    await install(signer.service, replace(KNOWN, jwks=public(OTHER_EC)))
    assert fault_of(await signer.token()) == REFUSED
    theirs = signer.assertion(signed={"key": OTHER_EC})
    assert (await signer.token(theirs)).status_code == 200


async def test_a_disabled_client_is_refused_at_once_and_an_enabled_one_served(signer: Signer) -> None:
    database = signer.service.database
    await database.execute(SET_STATE, "disabled")
    assert fault_of(await signer.token()) == REFUSED
    assert parts_of(signer.service).remembered_clients.find("pay") is None
    await database.execute(SET_STATE, "active")
    assert (await signer.token()).status_code == 200


async def test_what_is_asked_of_a_client_is_asked_as_soon_as_it_is_registered(signer: Signer) -> None:
    await install(signer.service, replace(KNOWN, dpop_bound_access_tokens=True))
    assert fault_of(await signer.token()) == (400, "invalid_dpop_proof")


async def test_a_client_that_goes_over_to_a_secret_is_known_by_it_alone(signer: Signer) -> None:
    secret = "a-secret-of-the-client-system"
    method = Method.CLIENT_SECRET_BASIC
    await install(
        signer.service,
        replace(KNOWN, jwks=(), token_endpoint_auth_method=method, secret_hashes=(hash_secret(secret),)),
    )
    assert fault_of(await signer.token()) == REFUSED
    asked = {"grant_type": "client_credentials"}
    by_secret = await signer.service.public.post("/oauth/token", data=asked, headers=basic("pay", secret))
    assert by_secret.status_code == 200


async def test_an_assertion_serves_once_also_when_its_client_was_changed_meanwhile(signer: Signer) -> None:
    shown = signer.assertion()
    assert (await signer.token(shown)).status_code == 200
    await install(signer.service, replace(KNOWN, name_en="Another name"))
    assert fault_of(await signer.token(shown)) == REFUSED
    assert (await signer.token()).status_code == 200


async def test_of_two_uses_in_one_statement_the_one_of_the_client_as_it_is_counts(signer: Signer) -> None:
    database = signer.service.database
    before = await store.find_versioned(database, "pay")
    await install(signer.service, replace(KNOWN, jwks=public(OTHER_EC)))
    after = await store.find_versioned(database, "pay")
    assert before is not None
    assert after is not None
    use = partial(store.use_assertion, database, jti_hash=b"the same", expires_at=now() + timedelta(minutes=1))
    assert await asyncio.gather(*map(use, (before, after, before))) == [False, True, False]


async def test_clients_beyond_the_most_are_forgotten_the_oldest_first(
    auth: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    clients: list[Client] = [replace(KNOWN, client_id=f"pay-{number}") for number in range(3)]
    known = RememberedClients()
    for client in clients:
        await install(auth, client)
        await known.read(auth.database, client.client_id)
    assert [known.find(client.client_id) is None for client in clients] == [True, False, False]
    assert await known.read(auth.database, "nobody-here") is None
    assert known.find("nobody-here") is None
