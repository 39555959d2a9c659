"""The local platform's stand-in for the provider's own records: a CSV file of invented applicants."""

import csv
import hmac
import re
from dataclasses import dataclass
from pathlib import Path

from libs.common.errors import ServiceUnavailable
from services.registry.identity_proof.rules import Claim

COLUMNS = ("identification_number", "neq", "business_number", "notice_number", "amount")
AMOUNT = re.compile(r"^-?[0-9]{1,12}(\.[0-9]{2})?$")
NOBODY = dict.fromkeys(COLUMNS, "")


class ProofFileUnusable(Exception):
    """The fixture is missing or has other columns."""


@dataclass(frozen=True)
class FixtureProof:
    """Records by identification number; an empty NEQ or business number: the applicant has none."""

    records: dict[str, dict[str, str]]

    async def matches(self, claim: Claim) -> bool:
        known = self.records.get(claim.identification_number)
        record = known or NOBODY
        pairs = (
            (claim.notice_number.get_secret_value(), record["notice_number"]),
            (_cents(claim.amount.get_secret_value()), _cents(record["amount"])),
            (claim.neq or record["neq"], record["neq"]),
            (claim.business_number or record["business_number"], record["business_number"]),
        )
        # Each pair is compared, whatever the others gave: the time says nothing.
        equal = [hmac.compare_digest(stated.encode(), kept.encode()) for stated, kept in pairs]
        return all(equal) and known is not None


@dataclass(frozen=True)
class FixtureFile:
    """The fixture as it stands at each question: the local platform adds invented applicants while it runs."""

    path: Path

    async def matches(self, claim: Claim) -> bool:
        try:
            known = read_fixture(self.path)
        except ProofFileUnusable as fault:
            raise ServiceUnavailable(service="identity-proof") from fault
        return await known.matches(claim)


class NothingProved:
    """Where there is no source, nothing is proved online and every file goes to an agent."""

    async def matches(self, claim: Claim) -> bool:  # noqa: ARG002 - the protocol's argument
        return False


def read_fixture(path: Path) -> FixtureProof:
    """Raises ProofFileUnusable."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = (line for line in stream if not line.startswith("#"))
            reader = csv.DictReader(lines)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ProofFileUnusable(f"{path.name} must have the columns {', '.join(COLUMNS)}")
            return FixtureProof({row["identification_number"]: row for row in reader})
    except OSError as error:
        raise ProofFileUnusable(f"the identity proof file {path.name} cannot be read") from error


def _cents(amount: str) -> str:
    """The amount with two decimals, however it was written."""
    plain = amount.replace(" ", "").replace(",", ".").removesuffix("$")
    if AMOUNT.fullmatch(plain) is None:
        return amount
    whole, _, cents = plain.partition(".")
    return f"{int(whole)}.{cents or '00'}"
