from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from libs.common.errors import ServiceUnavailable
from services.registry.identity_proof.fixture import (
    FixtureFile,
    FixtureProof,
    NothingProved,
    ProofFileUnusable,
    read_fixture,
)
from services.registry.identity_proof.rules import (
    Claim,
    IdentificationNumberMissing,
    IdentityAlreadyMatched,
    IdentityProofExhausted,
    claim_of,
    outcome,
)
from services.registry.registration.file import Proof
from tests.unit.registry.test_registration_rules import APPLICANT, draft

FIXTURE = Path(__file__).parents[3] / "deploy" / "local" / "identity_proof.csv"
CLAIM = Claim("1000000004", "1160000004", "100000009", SecretStr("RQ-2025-000004"), SecretStr("15432.99"))


@pytest.fixture(scope="module")
def source() -> FixtureProof:
    return read_fixture(FIXTURE)


async def test_what_the_applicant_alone_knows_proves_its_identity(source: FixtureProof) -> None:
    assert await source.matches(CLAIM)


@pytest.mark.parametrize("amount", ["15432.99", "15 432,99", " 15432,99 $"])
async def test_an_amount_is_the_same_however_it_is_written(source: FixtureProof, amount: str) -> None:
    assert await source.matches(replace(CLAIM, amount=SecretStr(amount)))


@pytest.mark.parametrize(
    "change",
    [
        {"notice_number": SecretStr("RQ-2025-000003")},
        {"amount": SecretStr("15432.98")},
        {"amount": SecretStr("")},
        {"identification_number": "1999999999"},
        {"neq": "1160000001"},
        {"business_number": "123456782"},
    ],
)
async def test_one_wrong_value_proves_nothing(source: FixtureProof, change: dict[str, object]) -> None:
    assert not await source.matches(replace(CLAIM, **change))  # type: ignore[arg-type]


async def test_a_proof_is_of_the_numbers_that_the_file_claims_not_of_somebody_else_s_neq(
    source: FixtureProof,
) -> None:
    own = Claim("1000000002", None, None, SecretStr("RQ-2025-000002"), SecretStr("310.45"))
    assert await source.matches(own)
    assert not await source.matches(replace(own, neq="1160000001"))


async def test_nobody_is_proved_by_empty_values(source: FixtureProof) -> None:
    assert not await source.matches(Claim("", None, None, SecretStr(""), SecretStr("")))


async def test_applicants_that_are_added_to_the_fixture_are_known_at_the_next_question(tmp_path: Path) -> None:
    path = tmp_path / "proof.csv"
    path.write_text("identification_number,neq,business_number,notice_number,amount\n")
    source = FixtureFile(path)
    assert not await source.matches(CLAIM)
    path.write_text(path.read_text() + "1000000004,1160000004,100000009,RQ-2025-000004,15432.99\n")
    assert await source.matches(CLAIM)


async def test_a_fixture_that_went_missing_is_a_source_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable):
        await FixtureFile(tmp_path / "gone.csv").matches(CLAIM)


async def test_without_a_source_nothing_is_proved() -> None:
    assert not await NothingProved().matches(CLAIM)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n"])
def test_a_fixture_with_other_columns_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "proof.csv"
    path.write_text(content)
    with pytest.raises(ProofFileUnusable):
        read_fixture(path)


def test_a_fixture_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProofFileUnusable):
        read_fixture(tmp_path / "none.csv")


def test_the_third_failure_in_a_day_is_the_last() -> None:
    assert outcome(is_match=False, failures_before=0) is Proof.NONE
    assert outcome(is_match=False, failures_before=1) is Proof.NONE
    assert outcome(is_match=False, failures_before=2) is Proof.EXHAUSTED
    assert outcome(is_match=True, failures_before=2) is Proof.MATCHED


def test_a_proof_needs_the_number_it_is_about() -> None:
    secrets = {"notice_number": SecretStr("x"), "amount": SecretStr("1")}
    with pytest.raises(IdentificationNumberMissing):
        claim_of(replace(draft(Proof.NONE), applicant=None), **secrets)
    with pytest.raises(IdentificationNumberMissing):
        claim_of(replace(draft(Proof.NONE), applicant=replace(APPLICANT, identification_number=None)), **secrets)


@pytest.mark.parametrize(
    ("proof", "refusal"), [(Proof.MATCHED, IdentityAlreadyMatched), (Proof.EXHAUSTED, IdentityProofExhausted)]
)
def test_a_settled_proof_takes_no_further_try(proof: Proof, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        claim_of(draft(proof), notice_number=SecretStr("x"), amount=SecretStr("1"))
