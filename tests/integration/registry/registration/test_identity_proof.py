import asyncio
import logging

import pytest

from deploy.local.environment import Platform
from services.registry.app import SERVICE
from tests.integration.registry.registration.world import (
    BAKERY,
    BAKERY_PROOF,
    INDIVIDUAL,
    INDIVIDUAL_PROOF,
    PERSON,
    REPRESENTATIVE,
    VERSION,
    Auth,
    Session,
    expect,
    filled,
    install,
    open_session,
)
from tests.kit import Running, running

WRONG = {"notice_number": "RQ-2025-000001", "amount": "1.00"}


async def identified(service: Running) -> Session:
    session = await open_session(service)
    await expect(session.put("applicant", BAKERY), 200)
    return session


async def test_a_matched_proof_is_told_yes_and_a_failed_one_only_no(registry: Running) -> None:
    session = await identified(registry)
    assert (await expect(session.post("identity-proof", WRONG), 200)).json() == {"matched": False}
    assert (await expect(session.post("identity-proof", BAKERY_PROOF), 200)).json() == {"matched": True}


async def test_the_answer_is_the_same_for_a_wrong_value_and_an_applicant_that_does_not_exist(
    registry: Running,
) -> None:
    wrong_amount = await identified(registry)
    nobody = await open_session(registry)
    await expect(nobody.put("applicant", {**BAKERY, "identification_number": "1999999999"}), 200)
    answers = [await session.post("identity-proof", WRONG) for session in (wrong_amount, nobody)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"matched":false}')}


async def test_three_failures_send_the_file_to_validation_whatever_comes_after(registry: Running) -> None:
    session = await filled(registry, proof=None)
    for _ in range(3):
        await expect(session.post("identity-proof", WRONG), 200)
    refused = await expect(session.post("identity-proof", BAKERY_PROOF), 409)
    assert refused.json()["code"] == "identity-proof-exhausted"
    assert (await session.submit())["path"] == "validation"


async def test_tries_sent_at_once_are_counted_one_after_the_other(registry: Running) -> None:
    session = await identified(registry)
    answers = await asyncio.gather(*(session.post("identity-proof", WRONG) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 5


async def test_guesses_spread_over_many_files_prove_nothing_in_the_end(platform: Platform, auth: Auth) -> None:
    async with running(SERVICE, platform, peers={"auth": auth}, proof_failures_per_applicant=4) as service:
        for _ in range(2):
            session = await identified(service)
            for _ in range(2):
                await expect(session.post("identity-proof", WRONG), 200)
        late = await identified(service)
        assert (await expect(late.post("identity-proof", BAKERY_PROOF), 200)).json() == {"matched": False}


async def test_proofs_are_limited_per_network(platform: Platform, auth: Auth) -> None:
    async with running(SERVICE, platform, peers={"auth": auth}, proofs_per_network=2) as service:
        session = await identified(service)
        statuses = [(await session.post("identity-proof", WRONG)).status_code for _ in range(3)]
        assert statuses == [200, 200, 429]


async def test_a_proof_does_not_outlive_the_numbers_it_was_given_for(registry: Running) -> None:
    session = await identified(registry)
    await expect(session.post("identity-proof", BAKERY_PROOF), 200)
    await expect(session.put("applicant", {**BAKERY, "neq": "1160000004"}), 200)
    assert not (await session.view())["identity_matched"]


async def test_somebody_s_own_proof_does_not_win_another_s_neq(registry: Running) -> None:
    thief = {**BAKERY, "identification_number": INDIVIDUAL["identification_number"]}
    session = await filled(registry, applicant=thief, proof=INDIVIDUAL_PROOF)
    assert (await session.submit())["path"] == "validation"


async def test_a_proof_needs_the_identification_number(registry: Running) -> None:
    session = await open_session(registry)
    answer = await expect(session.post("identity-proof", BAKERY_PROOF), 409)
    assert answer.json()["code"] == "identification-number-missing"


@pytest.mark.parametrize("body", [{}, {**BAKERY_PROOF, "more": 1}, {**BAKERY_PROOF, "amount": 1250}])
async def test_a_malformed_proof_is_refused_without_telling_its_values(
    registry: Running, body: dict[str, object]
) -> None:
    session = await identified(registry)
    answer = await expect(session.post("identity-proof", body), 422)
    assert "RQ-2025" not in answer.text
    assert "1250" not in answer.text


async def test_the_values_of_a_proof_are_neither_stored_nor_logged(
    registry: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = await filled(registry)
    await session.submit()
    for value in BAKERY_PROOF.values():
        assert value not in caplog.text
    names = await registry.database.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND has_table_privilege(oid, 'SELECT')"
    )
    for row in names:
        rows = await registry.database.fetch(f'SELECT * FROM "{row["relname"]}"')
        text = str([dict(found) for found in rows])
        assert BAKERY_PROOF["notice_number"] not in text, row["relname"]
        assert BAKERY_PROOF["amount"] not in text, row["relname"]


async def test_without_a_source_off_loopback_every_file_goes_to_validation(platform: Platform, auth: Auth) -> None:
    async with running(
        SERVICE, platform, peers={"auth": auth}, issuer="https://auth.example.org", identity_proof_file=None
    ) as service:
        await install(service)
        session = await identified(service)
        assert (await expect(session.post("identity-proof", BAKERY_PROOF), 200)).json() == {"matched": False}
        await expect(session.put("representative", REPRESENTATIVE), 200)
        await expect(session.post("persons-in-charge", PERSON), 201)
        await expect(session.put("conditions-acceptance", {"version": VERSION, "language": "en"}), 200)
        assert (await session.submit())["path"] == "validation"
