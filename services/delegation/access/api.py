"""OpenID AuthZEN Authorization API 1.0, access evaluation: https://openid.net/specs/authorization-api-1_0.html."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from libs.common.admission import CurrentCall, CurrentDatabase, admits, body_field, require_principal
from libs.common.clock import civil_date
from libs.common.description import raises
from libs.common.errors import Invalid
from libs.common.http import new_router
from services.delegation.access import rules, store
from services.delegation.access.rules import GRANTED_BY_PERSON_IN_CHARGE, PERMISSIONS, Reason
from services.delegation.access.store import Question

router = new_router(tags=["access decision"])

REQUEST_ID = "x-request-id"
REQUEST_ID_LENGTH = 200
PERSON = "person"
ONLINE_SERVICE = "online_service"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Member(BaseModel):
    """AuthZEN lets a caller add members: they are passed over, what is read is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Subject(Member):
    type: Name
    id: Name
    properties: dict[str, Any] | None = None


class Action(Member):
    name: Name
    properties: dict[str, Any] | None = None


class ResourceProperties(Member):
    applicant: UUID


class Resource(Member):
    type: Name
    id: Name
    properties: ResourceProperties


class Evaluation(Member):
    subject: Subject
    action: Action
    resource: Resource
    context: dict[str, Any] | None = None


class Decision(BaseModel):
    decision: bool
    context: dict[str, Any]


class EvaluationNotUnderstood(Invalid):
    code = "evaluation-not-understood"
    en = "The evaluation request lacks a required member, or one has another type: {places}."
    fr = "La demande de décision n'a pas un élément requis, ou l'un est d'un autre type : {places}."


async def _evaluation(request: Request) -> Evaluation:
    """AuthZEN answers 400 to what it cannot read. Raises EvaluationNotUnderstood."""
    try:
        return Evaluation.model_validate_json(await request.body())
    except ValidationError as error:
        places = sorted({".".join(map(str, fault["loc"])) or "body" for fault in error.errors()})
        raise EvaluationNotUnderstood(places=", ".join(places)) from None


REQUEST_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post("/access/v1/evaluation", openapi_extra=REQUEST_BODY)
@admits("department", applicant_of=body_field("resource", "properties", "applicant"))
@raises(EvaluationNotUnderstood)
async def evaluate(
    asked: Annotated[Evaluation, Depends(_evaluation)],
    call: CurrentCall,
    database: CurrentDatabase,
    request: Request,
    response: Response,
) -> Decision:
    _echo_request_id(request, response)
    reason = Reason.NOT_KNOWN
    if asked.subject.type == PERSON and asked.resource.type == ONLINE_SERVICE:
        facts = await store.get_facts(database, _question(asked, require_principal(call).department or ""))
        reason = rules.decide(facts, on=civil_date(call.at))
    return Decision(decision=reason in PERMISSIONS, context=_context(reason, asked))


def _question(asked: Evaluation, department: str) -> Question:
    return Question(
        department=department,
        subject=asked.subject.id,
        online_service=asked.resource.id,
        task=asked.action.name,
        applicant_id=asked.resource.properties.applicant,
    )


def _context(reason: Reason, asked: Evaluation) -> dict[str, Any]:
    if reason not in GRANTED_BY_PERSON_IN_CHARGE:
        return {"reason": reason.value}
    missing = {"online_service": asked.resource.id, "task": asked.action.name}
    return {"reason": reason.value, "missing": missing, "granted_by": "person_in_charge"}


def _echo_request_id(request: Request, response: Response) -> None:
    given = request.headers.get(REQUEST_ID, "")
    if given and len(given) <= REQUEST_ID_LENGTH and given.isascii() and given.isprintable():
        response.headers[REQUEST_ID] = given
