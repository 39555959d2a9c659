from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from pydantic import Field, SecretStr

from libs.common.admission import CurrentCall, CurrentDatabase, admits
from libs.common.description import raises
from libs.common.http import RequestModel, new_router
from services.registry.identity_proof.commands import Proved, prove_identity
from services.registry.identity_proof.rules import (
    IdentificationNumberMissing,
    IdentityAlreadyMatched,
    IdentityProof,
    IdentityProofExhausted,
)
from services.registry.registration import limits
from services.registry.registration.commands import require_own
from services.registry.registration.limits import Limit, TooManyTries
from services.registry.registration.rules import RegistrationAlreadySubmitted, RegistrationExpired
from services.registry.settings import CurrentSettings

router = new_router(tags=["identity proof"])
Value = Annotated[SecretStr, Field(min_length=1, max_length=40)]


async def _proof_source(request: Request) -> IdentityProof:
    source: IdentityProof = request.app.state.identity_proof
    return source


class ProofBody(RequestModel):
    notice_number: Value
    amount: Value


@router.post("/v1/registrations/{registration_id}/identity-proof")
@admits("registration_session")
@raises(
    IdentificationNumberMissing,
    IdentityAlreadyMatched,
    IdentityProofExhausted,
    RegistrationAlreadySubmitted,
    RegistrationExpired,
    TooManyTries,
)
async def post_identity_proof(  # noqa: PLR0913, PLR0917 - what FastAPI hands in, each by name
    registration_id: UUID,
    body: ProofBody,
    request: Request,
    call: CurrentCall,
    database: CurrentDatabase,
    settings: CurrentSettings,
    source: Annotated[IdentityProof, Depends(_proof_source)],
) -> Proved:
    require_own(call, registration_id)
    limit = Limit("identity-proof", settings.proofs_per_network, settings.proofs_in_all)
    await limits.count(database, limit, address=request.client.host if request.client else None, now=call.at)
    return await prove_identity(
        database,
        call,
        registration_id,
        notice_number=body.notice_number,
        amount=body.amount,
        source=source,
        failures_per_applicant=settings.proof_failures_per_applicant,
    )
