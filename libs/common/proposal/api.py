"""Proposals, the same in every service that has commands for two persons."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, StringConstraints

from libs.common.admission import (
    CurrentCall,
    CurrentDatabase,
    NeedsFactsOf,
    admits,
    body_field,
    require_principal,
)
from libs.common.description import raises
from libs.common.http import Line, RequestModel, new_router
from libs.common.principal import SIDE_OF_PROVIDER
from libs.common.proposal import commands, store
from libs.common.proposal.command import TwoPersons
from libs.common.proposal.commands import ApprovedProposal, Collected, Propose, ShownProposal
from libs.common.proposal.rules import (
    ApplicantNotNamed,
    CommandUnknown,
    ConcernsYou,
    ContentInvalid,
    NotAsSeen,
    NothingToCollect,
    OnlyItsProposer,
    ProposalDecided,
    ProposalExpired,
    ProposalState,
    ProposerBarred,
    ProposerLostRole,
    RequestedByYou,
    RoleMayNotDecide,
    RoleMayNotPropose,
    SecondPersonNeeded,
)
from libs.common.settings import ServiceSettings

PAGE = 50
NIL = UUID(int=0)


class Approve(RequestModel):
    """`content_hash`: of the proposal as the approver read it."""

    content_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Refuse(RequestModel):
    reason: Line


class ListedProposal(BaseModel):
    """Without its content, which is read by opening it."""

    id: UUID
    command: str
    side: str
    state: ProposalState
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime


class ProposalPage(BaseModel):
    proposals: list[ListedProposal]
    next: UUID | None


async def applicant_of_proposal(request: Request) -> UUID | None:
    """Whom the proposal named in the path is about, so that opening it needs a purpose and is on record."""
    proposal_id = _named_proposal(request)
    return None if proposal_id is None else await store.find_applicant(request.app.state.database, proposal_id)


def _named_proposal(request: Request) -> UUID | None:
    try:
        return UUID(str(request.path_params["proposal_id"]))
    except ValueError:
        return None


async def _command_of_body(request: Request) -> object:
    try:
        return (await request.json())["command"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


async def _command_of_proposal(request: Request) -> object:
    proposal_id = _named_proposal(request)
    return None if proposal_id is None else await store.find_command(request.app.state.database, proposal_id)


def _needs_facts_of(
    two_persons: TwoPersons[Any], named: Callable[[Request], Awaitable[object]]
) -> NeedsFactsOf | None:
    """None where every command needs them."""
    if all(command.needs_facts for command in two_persons.commands):
        return None

    async def needs(request: Request) -> bool:
        return two_persons.needs_facts(await named(request))

    return needs


def proposal_routes(two_persons: TwoPersons[Any]) -> APIRouter:
    router = new_router(tags=["proposals"])
    _add_beginning(router, two_persons)
    _add_deciding(router, two_persons)
    return router


def _add_beginning(router: APIRouter, two_persons: TwoPersons[Any]) -> None:
    who = sorted(two_persons.who)
    of_body = _needs_facts_of(two_persons, _command_of_body)
    of_proposal = _needs_facts_of(two_persons, _command_of_proposal)

    @router.post("/v1/proposals", status_code=201)
    @admits(*who, creates=True, applicant_of=body_field("applicant_id"), needs_facts_of=of_body)
    @raises(
        ApplicantNotNamed,
        CommandUnknown,
        ConcernsYou,
        ContentInvalid,
        RequestedByYou,
        RoleMayNotPropose,
        *two_persons.raised,
    )
    async def post_proposal(
        body: Propose, call: CurrentCall, database: CurrentDatabase, request: Request
    ) -> ShownProposal:
        settings: ServiceSettings = request.app.state.resources.settings
        return await commands.propose(database, call, two_persons, asked=body, days=settings.proposal_days)

    @router.get("/v1/proposals")
    @admits(*who, needs_facts=of_proposal is None)
    async def list_proposals(
        call: CurrentCall,
        database: CurrentDatabase,
        state: ProposalState = ProposalState.PROPOSED,
        after: UUID = NIL,
        limit: Annotated[int, Query(ge=1, le=200)] = PAGE,
    ) -> ProposalPage:
        principal = require_principal(call)
        side = None if principal.agent_side == SIDE_OF_PROVIDER else principal.agent_side or ""
        found = await store.list_of_state(
            database,
            state,
            after=after,
            commands=two_persons.visible_to(principal.admitted_as),
            side=side,
            at=call.at,
            limit=limit,
        )
        listed = [
            ListedProposal(
                id=one.id,
                command=one.command,
                side=one.subject.side,
                state=one.state,
                proposed_by=one.proposed_by,
                proposed_at=one.proposed_at,
                expires_at=one.expires_at,
            )
            for one in found
        ]
        return ProposalPage(proposals=listed, next=found[-1].id if len(found) == limit else None)

    @router.get("/v1/proposals/{proposal_id}")
    @admits(*who, applicant_of=applicant_of_proposal, needs_facts_of=of_proposal)
    async def get_proposal(proposal_id: UUID, call: CurrentCall, database: CurrentDatabase) -> ShownProposal:
        return await commands.read(database, call, two_persons, proposal_id)


def _add_deciding(router: APIRouter, two_persons: TwoPersons[Any]) -> None:
    who = sorted(two_persons.who)
    of_proposal = _needs_facts_of(two_persons, _command_of_proposal)

    @router.post("/v1/proposals/{proposal_id}/approvals")
    @admits(*who, creates=True, applicant_of=applicant_of_proposal, needs_facts_of=of_proposal)
    @raises(
        ConcernsYou,
        NotAsSeen,
        ProposalDecided,
        ProposalExpired,
        ProposerBarred,
        ProposerLostRole,
        RequestedByYou,
        RoleMayNotDecide,
        SecondPersonNeeded,
        *two_persons.raised,
    )
    async def post_approval(
        proposal_id: UUID, body: Approve, call: CurrentCall, database: CurrentDatabase, request: Request
    ) -> ApprovedProposal:
        return await commands.approve(
            database,
            call,
            two_persons,
            parts=two_persons.parts_of(request),
            proposal_id=proposal_id,
            seen_hash=body.content_hash,
        )

    @router.post("/v1/proposals/{proposal_id}/refusals")
    @admits(*who, applicant_of=applicant_of_proposal, needs_facts_of=of_proposal)
    @raises(ConcernsYou, ProposalDecided, ProposalExpired, RequestedByYou, RoleMayNotDecide, SecondPersonNeeded)
    async def post_refusal(
        proposal_id: UUID, body: Refuse, call: CurrentCall, database: CurrentDatabase
    ) -> ShownProposal:
        return await commands.refuse(database, call, two_persons, proposal_id=proposal_id, reason=body.reason)

    @router.post("/v1/proposals/{proposal_id}/withdrawals")
    @admits(*who, applicant_of=applicant_of_proposal, needs_facts_of=of_proposal)
    @raises(OnlyItsProposer, ProposalDecided, ProposalExpired)
    async def post_withdrawal(proposal_id: UUID, call: CurrentCall, database: CurrentDatabase) -> ShownProposal:
        return await commands.withdraw(database, call, two_persons, proposal_id=proposal_id)

    @router.post("/v1/proposals/{proposal_id}/shown-once")
    @admits(*who, applicant_of=applicant_of_proposal, needs_facts_of=of_proposal)
    @raises(NothingToCollect, OnlyItsProposer)
    async def post_shown_once(
        proposal_id: UUID, call: CurrentCall, database: CurrentDatabase, request: Request
    ) -> Collected:
        parts = two_persons.parts_of(request)
        return await commands.collect(database, call, two_persons, parts=parts, proposal_id=proposal_id)
