"""What mailbox asks of delegation: who receives, and whether a disclosure still stands. It keeps no copy."""

from http import HTTPStatus
from typing import Literal, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ValidationError

from libs.common.call import Call
from libs.common.errors import ServiceUnavailable
from libs.common.service_calls import ServiceCalls

DELEGATION = "delegation"
Answer = TypeVar("Answer", bound=BaseModel)


class Addressee(BaseModel):
    user_code_id: UUID
    language: Literal["fr", "en"]


class _Addressees(BaseModel):
    addressees: list[Addressee]


class _Disclosure(BaseModel):
    disclosed: bool


async def find_addressees(  # noqa: PLR0913 - the question's members, each by name
    calls: ServiceCalls,
    call: Call,
    *,
    applicant_id: UUID,
    department: str,
    online_service: str,
    confidential: bool,
) -> list[Addressee] | None:
    """Ordered by user code, so that two deliveries lock boxes in one order; None when delegation answers 404.

    Raises ServiceUnavailable.
    """
    query = urlencode(
        {
            "department": department,
            "online_service": online_service,
            "confidential": "true" if confidential else "false",
        }
    )
    answer = await _ask(calls, call, f"/internal/v1/applicants/{applicant_id}/addressees?{query}", _Addressees)
    if answer is None:
        return None
    distinct = {addressee.user_code_id: addressee for addressee in answer.addressees}
    return [distinct[user_code_id] for user_code_id in sorted(distinct)]


async def is_disclosed(
    calls: ServiceCalls, call: Call, *, applicant_id: UUID, department: str, user_code_id: UUID
) -> bool:
    """Whether this department may disclose confidential information to this person now (clause 14).

    Raises ServiceUnavailable.
    """
    query = urlencode({"department": department, "user_code_id": user_code_id})
    answer = await _ask(calls, call, f"/internal/v1/applicants/{applicant_id}/disclosure?{query}", _Disclosure)
    return answer is not None and answer.disclosed


async def _ask(calls: ServiceCalls, call: Call, path: str, answer_type: type[Answer]) -> Answer | None:
    answer = await calls.request("GET", DELEGATION, path, call=call)
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    try:
        if answer.status == HTTPStatus.OK:
            return answer_type.model_validate_json(answer.body)
    except ValidationError as error:
        raise ServiceUnavailable(service=DELEGATION) from error
    raise ServiceUnavailable(service=DELEGATION)
