from datetime import timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from libs.common.call import Call
from libs.common.database import Database
from libs.common.evidence import record_evidence
from services.registry.identity_proof import rules, store
from services.registry.identity_proof.rules import IdentityProof
from services.registry.registration.commands import load_draft, note_proof

DAY = timedelta(days=1)


class Proved(BaseModel):
    model_config = ConfigDict(frozen=True)

    matched: bool


async def prove_identity(  # noqa: PLR0913 - two secrets and what judges them, each by name
    database: Database,
    call: Call,
    registration_id: UUID,
    *,
    notice_number: SecretStr,
    amount: SecretStr,
    source: IdentityProof,
    failures_per_applicant: int,
) -> Proved:
    """The file is locked meanwhile, so its tries are counted one after the other, however many come at once."""
    async with database.transaction() as tx:
        file = await load_draft(tx, call, registration_id)
        claim = rules.claim_of(file, notice_number=notice_number, amount=amount)
        number = claim.identification_number
        failures = await store.count_failures(tx, file.id, identification_number=number, since=call.at - DAY)
        # Guesses spread over many files end here too, without a word that would tell of it.
        is_match = await source.matches(claim) and failures.of_applicant < failures_per_applicant
        await store.add_attempt(tx, file.id, identification_number=number, at=call.at, is_match=is_match)
        proof = rules.outcome(is_match=is_match, failures_before=failures.of_file)
        await note_proof(tx, file, proof)
        content = {"registration_id": str(file.id), "matched": is_match}
        await record_evidence(tx, call, "prove_identity", applicant_id=file.applicant_id, content=content)
    return Proved(matched=is_match)
