"""RSA keys beside the EC ones: made when somebody needs them, each family on a course of its own."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from deploy.local.environment import Platform
from libs.common.clock import now
from services.auth.app import SERVICE
from services.auth.client.keys import Alg
from services.auth.signing_key import commands
from services.auth.signing_key.commands import SigningKeys
from tests.integration.auth.parties import first_sign_in, header_of, new_browser, new_person_in_charge
from tests.integration.auth.registered import BOOKS, Books, Signer, install
from tests.integration.auth.test_signing_keys import CLAIMS, DAYS, SECONDS, kids, pass_time, replica
from tests.kit import Running


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found fast, on a machine that tests share."""
    monkeypatch.setattr(commands, "RSA_BITS", 2048)


async def published(keys: SigningKeys) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await keys.jwks())["keys"]
    return found


async def test_no_rsa_key_is_made_while_nobody_needs_one(auth: Running) -> None:
    assert [key["kty"] for key in await published(replica(auth, DAYS))] == ["EC"]
    with pytest.raises(LookupError):
        await replica(auth, DAYS).sign(CLAIMS, typ="JWT", alg=Alg.RS256)


async def test_the_first_client_that_needs_it_brings_one_key_for_both_algorithms(auth: Running) -> None:
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.RS256))
    keys = replica(auth, DAYS)
    for alg in Alg:
        token = await keys.sign(CLAIMS, typ="JWT", alg=alg)
        assert header_of(token)["alg"] == alg
        assert await keys.verify(token) == CLAIMS
        public = KeySet.import_key_set(await keys.jwks())  # type: ignore[arg-type]
        assert jwt.decode(token, public, algorithms=[alg.value]).claims == CLAIMS
    assert sorted(key["kty"] for key in await published(keys)) == ["EC", "RSA"]
    [rsa] = [key for key in await published(keys) if key["kty"] == "RSA"]
    assert rsa.keys() == {"kty", "n", "e", "kid", "use"}


async def test_a_client_registered_an_instant_ago_gets_its_tokens(auth: Running) -> None:
    keys = replica(auth, DAYS, cached_seconds=3600)
    await keys.jwks()
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.PS256))
    assert await keys.verify(await keys.sign(CLAIMS, typ="JWT", alg=Alg.PS256)) == CLAIMS


async def test_replicas_that_need_the_first_rsa_key_at_once_make_one(auth: Running) -> None:
    await install(auth, replace(BOOKS, access_token_signed_response_alg=Alg.PS256))
    replicas = [replica(auth, DAYS) for _ in range(4)]
    await asyncio.gather(*(one.sign(CLAIMS, typ="JWT", alg=Alg.PS256) for one in replicas))
    assert len(await kids(replicas[0])) == 2


async def test_the_event_loop_goes_on_while_an_rsa_key_is_made(auth: Running) -> None:
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.RS256))
    threads: list[bool] = []
    loop = asyncio.get_running_loop()
    real = RSAKey.generate_key

    def generate(bits: int) -> RSAKey:
        try:
            threads.append(asyncio.get_running_loop() is loop)
        except RuntimeError:
            threads.append(False)
        return real(bits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RSAKey, "generate_key", generate)
        await replica(auth, DAYS).jwks()
    assert threads == [False]


async def test_no_verification_fails_while_both_families_come_and_go(auth: Running) -> None:
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.RS256))
    replicas = [replica(auth, SECONDS), replica(auth, SECONDS)]
    tokens: list[tuple[datetime, str]] = []
    names: dict[Alg, set[str]] = {alg: set() for alg in Alg}
    ends = now() + timedelta(seconds=5)
    while now() < ends:
        for one in replicas:
            for alg in Alg:
                token = await one.sign(CLAIMS, typ="JWT", alg=alg)
                tokens.append((now(), token))
                names[alg].add(header_of(token)["kid"])
        recent = [token for at, token in tokens if now() - at < SECONDS.kept - timedelta(seconds=0.4)]
        for other in replicas:
            assert None not in await asyncio.gather(*map(other.verify, recent[-9:] + recent[:3]))
        await asyncio.sleep(0.05)
    assert all(len(found) >= 3 for found in names.values())
    assert names[Alg.RS256] & names[Alg.PS256]
    assert not names[Alg.RS256] & names[Alg.ES256]


async def test_a_family_retires_its_own_keys_alone(auth: Running, capsys: pytest.CaptureFixture[str]) -> None:
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.RS256))
    await replica(auth, DAYS).jwks()
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate", "RSA", "--at-once"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["family"] for line in lines) == ["EC", "RSA"]
    assert [line["ends_at"] for line in lines] == [None, None]
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted((line["family"], line["ends_at"] is None) for line in lines) == [
        ("EC", False),
        ("EC", True),
        ("RSA", True),
    ]


async def test_an_operator_makes_the_first_rsa_key_and_it_signs_at_once(
    auth: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    await SERVICE.operations["signing-keys"](auth.resources, ["rotate", "RSA"])
    assert "RSA" in capsys.readouterr().out
    keys = replica(auth, DAYS)
    assert await keys.verify(await keys.sign(CLAIMS, typ="JWT", alg=Alg.RS256)) == CLAIMS
    later = now() + timedelta(days=89, hours=1)
    assert await pass_time(auth, keys, later)
    assert sorted(key["kty"] for key in await published(replica(auth, DAYS))) == ["EC", "EC", "RSA", "RSA"]


async def test_a_key_of_one_type_does_not_verify_as_the_other(auth: Running) -> None:
    await install(auth, replace(BOOKS, id_token_signed_response_alg=Alg.RS256))
    keys = replica(auth, DAYS)
    names = {key["kty"]: key["kid"] for key in await published(keys)}
    stranger_ec, stranger_rsa = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    for kid in names.values():
        for alg, key in ((Alg.ES256, stranger_ec), (Alg.RS256, stranger_rsa), (Alg.PS256, stranger_rsa)):
            forged = jwt.encode({"alg": alg, "kid": kid}, CLAIMS, key, algorithms=[alg.value])
            assert await keys.verify(forged) is None


async def test_each_client_gets_its_algorithms_and_our_own_services_get_es256(
    auth: Running, platform: Platform
) -> None:
    books = replace(BOOKS, id_token_signed_response_alg=Alg.RS256, access_token_signed_response_alg=Alg.PS256)
    await install(auth, books)
    relying = Books(auth, platform)
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    given = relying.code(await relying.consented(browser, await first_sign_in(browser, relying, person)))
    granted = (await relying.redeem_code(given)).json()
    assert header_of(granted["id_token"])["alg"] == "RS256"
    assert header_of(granted["access_token"])["alg"] == "PS256"
    given = relying.code(await browser.get(relying.authorize()))
    granted = (await relying.redeem_code(given, resource="urn:clicsequr:auth")).json()
    assert header_of(granted["access_token"])["alg"] == "ES256"


async def test_a_vendors_software_has_its_own_name_of_a_person_and_is_not_told_the_user_codes(
    auth: Running, platform: Platform
) -> None:
    await install(auth, BOOKS)
    await install(auth, replace(BOOKS, client_id="payroll", software="clic-payroll"))
    person, browser = await new_person_in_charge(auth), new_browser(auth)
    books, payroll = Books(auth, platform), Books(auth, platform, client_id="payroll")
    subjects = []
    for relying, answer in (
        (books, await books.consented(browser, await first_sign_in(browser, books, person))),
        (payroll, await payroll.consented(browser, await browser.get(payroll.authorize()))),
    ):
        granted = (await relying.redeem_code(relying.code(answer))).json()
        claims = await replica(auth, DAYS).verify(granted["access_token"])
        assert claims is not None
        assert str(person.user_code_id) not in json.dumps(claims)
        subjects.append(claims["sub"])
    assert len(set(subjects)) == 2
    system = await Signer(auth, "books").token()
    assert system.json()["error"] == "unauthorized_client"
