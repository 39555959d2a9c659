from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.http import Line, RequestModel
from libs.common.idempotency import ShownOnce, claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.proposal import rules, store
from libs.common.proposal.command import Command, Secrets, TwoPersons
from libs.common.proposal.rules import Proposal, ProposalState, Proposer
from libs.common.standing import is_barred

Parts = TypeVar("Parts")
AGENT: Final = "agent"
# Actors as they stand in evidence; folded, so that one has a single spelling.
Requester = Annotated[
    str,
    StringConstraints(
        to_lower=True, pattern=r"^(?i:agent|user_code|representative|person|department):[A-Za-z0-9-]{1,64}$"
    ),
]


class Propose(RequestModel):
    """`requested_by`: who asked for it, if anybody did. `applicant_id`: whom it is about, if an applicant."""

    command: Line
    content: dict[str, Any]
    applicant_id: UUID | None = None
    requested_by: Requester | None = None


class ShownProposal(BaseModel):
    """`content_hash` is named by whoever approves. `collect_until`: something waits for the proposer till then."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    command: str
    content: dict[str, Any]
    content_hash: str
    side: str
    applicant_id: UUID | None
    requested_by: str | None
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: ProposalState
    decided_by: str | None
    decided_at: datetime | None
    refusal_reason: str | None
    collect_until: datetime | None


class ApprovedProposal(BaseModel):
    """The second person's answer; what is shown once is null when the call is repeated."""

    model_config = ConfigDict(frozen=True)

    proposal: ShownProposal
    shown_once: dict[str, ShownOnce]


class Collected(BaseModel):
    """What the first person is shown once."""

    model_config = ConfigDict(frozen=True)

    shown_once: dict[str, ShownOnce]


def shown(proposal: Proposal, *, at: datetime) -> ShownProposal:
    return ShownProposal(
        id=proposal.id,
        command=proposal.command,
        content=proposal.content,
        content_hash=rules.content_hash(proposal),
        side=proposal.subject.side,
        applicant_id=proposal.subject.applicant_id,
        requested_by=proposal.requested_by,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        expires_at=proposal.expires_at,
        state=rules.state_at(proposal, at=at),
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        refusal_reason=proposal.refusal_reason,
        collect_until=rules.collectable_until(proposal),
    )


async def propose(
    database: Database, call: Call, two_persons: TwoPersons[Any], *, asked: Propose, days: int
) -> ShownProposal:
    """Raises what the command's rules say against it already now."""
    principal = require_principal(call)
    command = two_persons.find(asked.command)
    if not principal.admitted_as & command.proposers:
        raise rules.RoleMayNotPropose(roles=", ".join(sorted(command.proposers)))
    content = command.read(asked.content)
    async with database.transaction() as tx:
        await claim(tx, call)
        subject = await command.subject(tx, content)
        rules.require_own_side(subject, side=principal.agent_side)
        if subject.applicant_id != asked.applicant_id:
            raise rules.ApplicantNotNamed
        proposal = rules.propose(
            Proposal(
                id=new_id(),
                command=command.name,
                content=content.model_dump(mode="json"),
                subject=subject,
                requested_by=asked.requested_by,
                proposed_by=call.actor,
                proposed_at=call.at,
                expires_at=call.at + timedelta(days=days),
            )
        )
        await command.check(tx, call, content)
        await store.add(tx, proposal)
        await _record(tx, call, "propose", proposal, content=proposal.content)
        answer = shown(proposal, at=call.at)
        await keep(tx, call, status=201, body=answer)
    return answer


async def approve(  # noqa: PLR0913 - what is decided and on what, each by name
    database: Database,
    call: Call,
    two_persons: TwoPersons[Parts],
    *,
    parts: Parts,
    proposal_id: UUID,
    seen_hash: str,
) -> ApprovedProposal:
    """Decides and executes in one transaction: what refuses or fails leaves the proposal as it was."""
    async with database.transaction() as tx:
        await claim(tx, call)
        proposal, command = await _load_to_decide(tx, call, two_persons, proposal_id)
        approved = rules.approve(
            proposal,
            by=call.actor,
            seen_hash=seen_hash,
            proposer=await _find_proposer(tx, two_persons, command, proposal.proposed_by),
            at=call.at,
        )
        content = command.read(proposal.content)
        rules.require_same_subject(proposal, await command.subject(tx, content))
        await command.check(tx, call, content)
        executed = await command.execute(parts, tx, call, content)
        approved = replace(approved, sealed_for_proposer=executed.sealed_for_proposer)
        await store.save_decided(tx, approved)
        await _tell(tx, call, two_persons, approved)
        await _record(tx, call, "approve_proposal", approved)
        answer = ApprovedProposal(proposal=shown(approved, at=call.at), shown_once=dict(executed.to_approver))
        await keep(tx, call, status=200, body=answer)
    return answer


async def refuse(
    database: Database, call: Call, two_persons: TwoPersons[Any], *, proposal_id: UUID, reason: str
) -> ShownProposal:
    async with database.transaction() as tx:
        proposal, _ = await _load_to_decide(tx, call, two_persons, proposal_id)
        refused = rules.refuse(proposal, by=call.actor, reason=reason, at=call.at)
        await store.save_decided(tx, refused)
        await _record(tx, call, "refuse_proposal", refused)
    return shown(refused, at=call.at)


async def withdraw(
    database: Database, call: Call, two_persons: TwoPersons[Any], *, proposal_id: UUID
) -> ShownProposal:
    async with database.transaction() as tx:
        proposal = await _load_visible(tx, call, two_persons, proposal_id)
        withdrawn = rules.withdraw(proposal, by=call.actor, at=call.at)
        await store.save_decided(tx, withdrawn)
        await _record(tx, call, "withdraw_proposal", withdrawn)
    return shown(withdrawn, at=call.at)


async def collect(
    database: Database, call: Call, two_persons: TwoPersons[Parts], *, parts: Parts, proposal_id: UUID
) -> Collected:
    """What the approval left for the proposer: once, then it exists nowhere any more."""
    async with database.transaction() as tx:
        proposal = await _load_visible(tx, call, two_persons, proposal_id)
        sealed = rules.require_collectable(proposal, by=call.actor, at=call.at)
        secrets = _unseal(two_persons.find(proposal.command), parts, proposal, sealed=sealed)
        await store.save_collected(tx, proposal.id)
        await _record(tx, call, "collect_shown_once", proposal)
    return Collected(shown_once=dict(secrets))


async def read(database: Database, call: Call, two_persons: TwoPersons[Any], proposal_id: UUID) -> ShownProposal:
    found = _require_visible(await store.find(database, proposal_id), call, two_persons)
    return shown(found, at=call.at)


async def sweep_proposals(tx: Connection, *, at: datetime) -> None:
    """Marks what waited too long, and destroys what nobody collected."""
    call = Call(actor=rules.SYSTEM, at=at, correlation_id=new_id())
    for late in await store.list_late(tx, at=at):
        expired = rules.expire(late, at=at)
        await store.save_decided(tx, expired)
        await _record(tx, call, "expire_proposal", expired)
    await store.forget_never_collected(tx, at=at)


async def _load_visible(tx: Connection, call: Call, two_persons: TwoPersons[Any], proposal_id: UUID) -> Proposal:
    return _require_visible(await store.find_for_update(tx, proposal_id), call, two_persons)


async def _load_to_decide(
    tx: Connection, call: Call, two_persons: TwoPersons[Parts], proposal_id: UUID
) -> tuple[Proposal, Command[Parts, Any]]:
    proposal = await _load_visible(tx, call, two_persons, proposal_id)
    command = two_persons.find(proposal.command)
    if not require_principal(call).admitted_as & command.approvers:
        raise rules.RoleMayNotDecide(roles=", ".join(sorted(command.approvers)))
    return proposal, command


def _require_visible(found: Proposal | None, call: Call, two_persons: TwoPersons[Any]) -> Proposal:
    principal = require_principal(call)
    if found is None or found.command not in two_persons.visible_to(principal.admitted_as):
        raise UnknownOrForeign
    rules.require_own_side(found.subject, side=principal.agent_side)
    return found


def _unseal(command: Command[Parts, Any], parts: Parts, proposal: Proposal, *, sealed: bytes) -> Secrets:
    if command.unseal is None:
        raise rules.NothingToCollect
    return command.unseal(parts, command.read(proposal.content), sealed)


async def _find_proposer(
    tx: Connection, two_persons: TwoPersons[Any], command: Command[Any, Any], actor: str
) -> Proposer:
    kind, _, subject_id = actor.partition(":")
    admitted_as = await two_persons.admitted_as(tx, actor)
    return Proposer(
        is_barred=kind == AGENT and await is_barred(tx, AGENT, subject_id),
        has_role=admitted_as is None or bool(admitted_as & command.proposers),
    )


async def _tell(tx: Connection, call: Call, two_persons: TwoPersons[Any], approved: Proposal) -> None:
    """Every person in charge of the applicant is to be told, by whoever consumes this."""
    applicant_id = approved.subject.applicant_id
    if applicant_id is None:
        return
    if two_persons.executed is None:
        raise TypeError(f"{two_persons.service} has no event to tell of {approved.command}")
    event = two_persons.executed(
        applicant_id=applicant_id, proposal_id=approved.id, command=approved.command, executed_at=call.at
    )
    await publish(tx, call, event, service=two_persons.service, partitionkey=applicant_key(applicant_id))


async def _record(
    tx: Connection, call: Call, command: str, proposal: Proposal, *, content: dict[str, Any] | None = None
) -> None:
    """A reason for refusing stays with the proposal: the applicant reads evidence."""
    told = {
        "proposal_id": str(proposal.id),
        "command": proposal.command,
        "content_hash": rules.content_hash(proposal),
        "side": proposal.subject.side,
        "requested_by": proposal.requested_by,
        "proposed_by": proposal.proposed_by,
        "decided_by": proposal.decided_by,
        **({"content": content} if content is not None else {}),
    }
    await record_evidence(tx, call, command, applicant_id=proposal.subject.applicant_id, content=told)
