"""One person proposes, another approves; who asked for it and whom it concerns are neither of the two."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.common.errors import Conflict, Forbidden, Invalid, UnknownOrForeign
from libs.common.principal import SIDE_OF_PROVIDER

COLLECTED_WITHIN = timedelta(hours=24)
SYSTEM = "system"


class ProposalState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Subject:
    """`side` is `provider` or a department's code: whose agents decide. `concerns` are actors (`agent:<id>`)."""

    side: str
    concerns: tuple[str, ...] = ()
    applicant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """`content` holds no secret. `sealed_for_proposer` waits, once approved, for the one who proposed it."""

    id: UUID
    command: str
    content: dict[str, Any]
    subject: Subject
    requested_by: str | None
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: ProposalState = ProposalState.PROPOSED
    decided_by: str | None = None
    decided_at: datetime | None = None
    refusal_reason: str | None = None
    sealed_for_proposer: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Proposer:
    """Whoever proposed it, as they are when it is decided. `has_role`: also where their roles are not known."""

    is_barred: bool
    has_role: bool


class CommandUnknown(Invalid):
    code = "proposal-command-unknown"
    en = "No command of this name is decided by two persons here. Known: {known}."
    fr = "Aucune commande de ce nom n'est décidée ici par deux personnes. Connues : {known}."


class ContentInvalid(Invalid):
    code = "proposal-content-invalid"
    en = "The content is not what this command takes: {faults}."
    fr = "Le contenu n'est pas celui de cette commande : {faults}."


class ApplicantNotNamed(Invalid):
    code = "proposal-names-another-applicant"
    en = "The proposal must name, as `applicant_id`, the applicant that its content is about, and no other."
    fr = "La proposition doit nommer, dans `applicant_id`, le demandeur que vise son contenu, et nul autre."


class RoleMayNotPropose(Forbidden):
    code = "role-may-not-propose"
    en = "Your role does not propose this command. It is proposed by: {roles}."
    fr = "Votre rôle ne propose pas cette commande. Elle est proposée par : {roles}."


class RoleMayNotDecide(Forbidden):
    code = "role-may-not-decide"
    en = "Your role does not decide on this command. It is decided by: {roles}."
    fr = "Votre rôle ne décide pas de cette commande. Elle est décidée par : {roles}."


class SecondPersonNeeded(Forbidden):
    code = "second-person-needed"
    en = "You proposed it; another person decides. You may withdraw it."
    fr = "Vous l'avez proposée; une autre personne en décide. Vous pouvez la retirer."


class ConcernsYou(Forbidden):
    code = "proposal-concerns-you"
    en = "It concerns yourself. Two other persons propose and decide it."
    fr = "Elle vous concerne vous-même. Deux autres personnes la proposent et en décident."


class RequestedByYou(Forbidden):
    code = "proposal-requested-by-you"
    en = "You asked for it. Two other persons propose and decide it."
    fr = "Vous l'avez demandée. Deux autres personnes la proposent et en décident."


class OnlyItsProposer(Forbidden):
    code = "only-its-proposer"
    en = "Only the person who proposed it may do this."
    fr = "Seule la personne qui l'a proposée peut le faire."


class ProposalDecided(Conflict):
    code = "proposal-decided"
    en = "The proposal is closed; nothing more is decided about it."
    fr = "La proposition est close; il n'y a plus rien à en décider."


class ProposalExpired(Conflict):
    code = "proposal-expired"
    en = "The proposal found no second person in time. Propose it again."
    fr = "La proposition n'a pas trouvé de seconde personne à temps. Proposez-la de nouveau."


class NotAsSeen(Conflict):
    code = "proposal-not-as-seen"
    en = "The proposal is not, or no longer, what you name by this hash. Read it again before you approve."
    fr = "La proposition n'est pas, ou plus, ce que désigne cette empreinte. Relisez-la avant d'approuver."


class ProposerBarred(Conflict):
    code = "proposer-barred"
    en = "The person who proposed it may no longer act. Refuse it; somebody else proposes it again."
    fr = "La personne qui l'a proposée ne peut plus agir. Refusez-la; quelqu'un d'autre la proposera de nouveau."


class ProposerLostRole(Conflict):
    code = "proposer-lost-role"
    en = "The person who proposed it no longer has a role that does. Refuse it; somebody else proposes it again."
    fr = (
        "La personne qui l'a proposée n'a plus de rôle qui permette de la proposer. Refusez-la; quelqu'un d'autre "
        "la proposera de nouveau."
    )


class NothingToCollect(Conflict):
    code = "nothing-to-collect"
    en = "Nothing is kept here for you: nothing was, it was collected, or more than 24 hours have passed."
    fr = "Rien n'est gardé ici pour vous : rien ne l'était, cela a été pris, ou plus de 24 heures ont passé."


def content_hash(proposal: Proposal) -> str:
    """What a second person approves, in one word: SHA-256 over all that is fixed when it is proposed."""
    fixed = [
        str(proposal.id),
        proposal.command,
        proposal.content,
        proposal.subject.side,
        list(proposal.subject.concerns),
        str(proposal.subject.applicant_id),
        proposal.requested_by,
        proposal.proposed_by,
    ]
    return hashlib.sha256(json.dumps(fixed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_own_side(subject: Subject, *, side: str | None) -> bool:
    """The provider's agents see every side, a department's their own alone."""
    return side in {SIDE_OF_PROVIDER, subject.side}


def require_own_side(subject: Subject, *, side: str | None) -> None:
    if not is_own_side(subject, side=side):
        raise UnknownOrForeign


def state_at(proposal: Proposal, *, at: datetime) -> ProposalState:
    is_late = proposal.state is ProposalState.PROPOSED and at >= proposal.expires_at
    return ProposalState.EXPIRED if is_late else proposal.state


def propose(proposal: Proposal) -> Proposal:
    _require_outsider(proposal, proposal.proposed_by)
    return proposal


def approve(proposal: Proposal, *, by: str, seen_hash: str, proposer: Proposer, at: datetime) -> Proposal:
    _require_second_person(proposal, by=by, at=at)
    if proposer.is_barred:
        raise ProposerBarred
    if not proposer.has_role:
        raise ProposerLostRole
    if seen_hash != content_hash(proposal):
        raise NotAsSeen
    return _decide(proposal, ProposalState.APPROVED, by=by, at=at)


def refuse(proposal: Proposal, *, by: str, reason: str, at: datetime) -> Proposal:
    _require_second_person(proposal, by=by, at=at)
    return replace(_decide(proposal, ProposalState.REFUSED, by=by, at=at), refusal_reason=reason)


def withdraw(proposal: Proposal, *, by: str, at: datetime) -> Proposal:
    if by != proposal.proposed_by:
        raise OnlyItsProposer
    _require_open(proposal, at=at)
    return _decide(proposal, ProposalState.WITHDRAWN, by=by, at=at)


def expire(proposal: Proposal, *, at: datetime) -> Proposal:
    if proposal.state is not ProposalState.PROPOSED:
        raise ProposalDecided(state=proposal.state)
    return _decide(proposal, ProposalState.EXPIRED, by=SYSTEM, at=at)


def require_same_subject(proposal: Proposal, subject: Subject) -> None:
    """What it is about may have changed since: another side, another account under the same name."""
    if subject != proposal.subject:
        raise NotAsSeen


def require_collectable(proposal: Proposal, *, by: str, at: datetime) -> bytes:
    """What waits for the proposer, still sealed."""
    if by != proposal.proposed_by:
        raise OnlyItsProposer
    until = collectable_until(proposal)
    if proposal.sealed_for_proposer is None or until is None or at >= until:
        raise NothingToCollect
    return proposal.sealed_for_proposer


def collectable_until(proposal: Proposal) -> datetime | None:
    if proposal.sealed_for_proposer is None or proposal.decided_at is None:
        return None
    return proposal.decided_at + COLLECTED_WITHIN


def _decide(proposal: Proposal, state: ProposalState, *, by: str, at: datetime) -> Proposal:
    return replace(proposal, state=state, decided_by=by, decided_at=at)


def _require_open(proposal: Proposal, *, at: datetime) -> None:
    if proposal.state is not ProposalState.PROPOSED:
        raise ProposalDecided(state=proposal.state)
    if at >= proposal.expires_at:
        raise ProposalExpired


def _require_second_person(proposal: Proposal, *, by: str, at: datetime) -> None:
    if by == proposal.proposed_by:
        raise SecondPersonNeeded
    _require_outsider(proposal, by)
    _require_open(proposal, at=at)


def _require_outsider(proposal: Proposal, actor: str) -> None:
    if actor in proposal.subject.concerns:
        raise ConcernsYou
    if actor == proposal.requested_by:
        raise RequestedByYou
