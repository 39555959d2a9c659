from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import StringConstraints

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.call import Call
from libs.common.description import raises
from libs.common.holds import HoldAlreadyReleased, HoldOfAnotherSide, UnknownHold
from libs.common.http import RequestModel, new_router
from services.auth.incident import commands, store
from services.auth.incident.answers import IncidentAnswer, IncidentPage, WholeIncident
from services.auth.incident.rules import (
    AlreadyPassedOn,
    ConcernedCodeMissing,
    ConfirmedNotPassedOn,
    CredentialsNotReset,
    Incident,
    IncidentResolved,
    Kind,
    NotOnesOwnIncident,
    OnlyOwnCode,
    Outcome,
    ProviderResolves,
    Reporter,
    UnknownIncident,
)
from services.auth.parts import parts_of
from services.auth.user_code.hold_rules import LastActivePersonInCharge, OwnHold, UserCodeNotActive

PAGE = 50
LARGEST_PAGE = 200
AGENTS = ("agent:decider", "agent:support", "agent:auditor", "agent:security")

router = new_router(tags=["incidents"])

Text = Annotated[str, StringConstraints(min_length=3, max_length=4000)]


class ReportIncident(RequestModel):
    """`user_code_id`: the code concerned; left out, it is the reporter's own."""

    kind: Kind
    description: Text
    user_code_id: UUID | None = None


class ResolveIncident(RequestModel):
    outcome: Outcome
    note: Text | None = None


@router.post("/v1/applicants/{applicant_id}/incidents", status_code=201)
@admits(
    "person_in_charge",
    "user",
    "agent:support",
    "agent:security",
    recourse=True,
    needs_facts=False,
    creates=True,
)
@raises(ConcernedCodeMissing, LastActivePersonInCharge, OnlyOwnCode, UserCodeNotActive)
async def post_incident(
    applicant_id: UUID, body: ReportIncident, call: CurrentCall, database: CurrentDatabase, request: Request
) -> IncidentAnswer:
    """An agent enters what somebody who cannot sign in reports by telephone."""
    return await commands.report_incident(
        database,
        call,
        parts_of(request).settings,
        applicant_id=applicant_id,
        reporter=_reporter(call),
        concerned=body.user_code_id,
        kind=body.kind,
        description=body.description,
    )


@router.get("/v1/applicants/{applicant_id}/incidents")
@admits("person_in_charge", "user", *AGENTS, recourse=True)
async def list_incidents(
    applicant_id: UUID,
    call: CurrentCall,
    database: CurrentDatabase,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
) -> IncidentPage:
    found = await store.list_of_applicant(
        database, applicant_id, user_code_id=_only_code(call), before=before, limit=limit
    )
    last = found[-1].id if len(found) == limit else None
    return IncidentPage(incidents=[IncidentAnswer.of(one) for one in found], next=last)


@router.get("/v1/applicants/{applicant_id}/incidents/{incident_id}")
@admits("person_in_charge", "user", *AGENTS, recourse=True)
@raises(UnknownIncident)
async def get_incident(
    applicant_id: UUID, incident_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> WholeIncident:
    incident = await store.find(database, incident_id, applicant_id=applicant_id)
    if incident is None or not _may_see(incident, call):
        raise UnknownIncident
    return WholeIncident.with_steps(incident, await store.list_steps(database, incident_id))


@router.post("/v1/applicants/{applicant_id}/incidents/{incident_id}/passing-on")
@admits("person_in_charge", recourse=True, needs_facts=False)
@raises(AlreadyPassedOn, IncidentResolved, LastActivePersonInCharge, UnknownIncident, UserCodeNotActive)
async def post_passing_on(
    applicant_id: UUID, incident_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> IncidentAnswer:
    return await commands.pass_on_incident(database, call, applicant_id=applicant_id, incident_id=incident_id)


@router.post("/v1/applicants/{applicant_id}/incidents/{incident_id}/resolution")
@admits("person_in_charge", "agent:decider", "agent:security")
@raises(
    AlreadyPassedOn,
    ConfirmedNotPassedOn,
    CredentialsNotReset,
    HoldAlreadyReleased,
    HoldOfAnotherSide,
    IncidentResolved,
    LastActivePersonInCharge,
    NotOnesOwnIncident,
    OwnHold,
    ProviderResolves,
    UnknownHold,
    UnknownIncident,
    UserCodeNotActive,
)
async def post_resolution(
    applicant_id: UUID, incident_id: UUID, body: ResolveIncident, call: CurrentCall, database: CurrentDatabase
) -> IncidentAnswer:
    return await commands.resolve_incident(
        database,
        call,
        applicant_id=applicant_id,
        incident_id=incident_id,
        outcome=body.outcome,
        note=body.note,
        is_provider=require_principal(call).is_staff,
    )


def _reporter(call: Call) -> Reporter:
    principal = require_principal(call)
    return Reporter.CALLER if principal.is_staff else Reporter(principal.role or "")


def _only_code(call: Call) -> UUID | None:
    """A user sees what concerns their own code."""
    principal = require_principal(call)
    return principal.user_code_id if principal.role == Reporter.USER else None


def _may_see(incident: Incident, call: Call) -> bool:
    return _only_code(call) in {None, incident.user_code_id}
