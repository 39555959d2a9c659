from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.errors import UnknownOrForeign
from libs.common.http import new_router
from services.auth.second_factor.commands import BOUND_KINDS, list_factors
from services.auth.second_factor.recovery import count_left
from services.auth.second_factor.rules import Owner
from services.auth.user_code.commands import find_facts

router = new_router(tags=["second factors"])


class OwnSecondFactor(BaseModel):
    id: UUID
    kind: Literal["totp", "passkey", "email"]
    name: str
    enrolled_at: datetime


class OwnSecondFactors(BaseModel):
    """They are changed on the pages at `/second-factors`, where their owner's presence is fresh.

    `has_password`: false for whoever signs in by passkey alone; changed on the page at `/password`.
    """

    second_factors: list[OwnSecondFactor]
    recovery_codes_left: int
    has_password: bool


@router.get("/v1/me/second-factors")
@admits("person_in_charge", "user")
async def list_own_second_factors(call: CurrentCall, database: CurrentDatabase) -> OwnSecondFactors:
    """For a portal that shows them or offers to add one."""
    principal = require_principal(call)
    if principal.user_code_id is None or principal.applicant_id is None:
        raise UnknownOrForeign
    owner = Owner(principal.user_code_id, principal.applicant_id)
    found = [
        OwnSecondFactor(id=one.id, kind=BOUND_KINDS[one.kind], name=one.name, enrolled_at=one.enrolled_at)
        for one in await list_factors(database, owner)
    ]
    facts = await find_facts(database, principal.user_code_id)
    return OwnSecondFactors(
        second_factors=found,
        recovery_codes_left=await count_left(database, owner),
        has_password=facts is not None and facts.code.password_hash is not None,
    )
