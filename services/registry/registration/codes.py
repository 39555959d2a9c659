"""auth assigns the user codes; what it answers is shown and never stored."""

import logging
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from libs.common.call import Call
from libs.common.errors import ServiceUnavailable
from libs.common.service_calls import ServiceCalls
from services.registry.registration.file import Person, RegistrationFile

log = logging.getLogger(__name__)

ASSIGNED = frozenset({200, 201})
USED = 409


class AssignedCode(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    user_code: SecretStr
    one_time_password: SecretStr
    expires_in_days: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """What became of the code of one person; neither: auth is away, or gave no usable answer."""

    assigned: AssignedCode | None = None
    is_used: bool = False


async def assign_codes(calls: ServiceCalls, call: Call, file: RegistrationFile) -> dict[UUID, Assignment]:
    """One call per person, until auth turns out to be away; by person."""
    assignments: dict[UUID, Assignment] = {}
    for person in file.persons:
        try:
            assignments[person.id] = await _assign(calls, call, person, applicant_id=file.applicant_id)
        except ServiceUnavailable:
            log.warning("auth is away; codes stay pending", extra={"registration_id": str(file.id)})
            break
    return assignments


async def _assign(calls: ServiceCalls, call: Call, person: Person, *, applicant_id: UUID) -> Assignment:
    answer = await calls.request(
        "PUT",
        "auth",
        f"/internal/v1/user-codes/{person.user_code_id}",
        call=call,
        body={"applicant_id": str(applicant_id), "language": person.language},
    )
    if answer.status == USED:
        return Assignment(is_used=True)
    if answer.status not in ASSIGNED:
        log.error("auth refused to assign a code", extra={"status": answer.status})
        return Assignment()
    try:
        return Assignment(AssignedCode.model_validate_json(answer.body))
    except ValidationError:
        log.exception("auth answered something else than a code")
        return Assignment()
