"""No sequence of acts lets one person do alone what takes two, nor anybody what concerns or was asked by them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import booleans, integers, sampled_from

from libs.common.errors import DomainError, UnknownOrForeign
from libs.common.proposal import rules
from libs.common.proposal.rules import Proposal, ProposalState, Proposer, Subject

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
WEEK = timedelta(days=7)
FIRST, SECOND, CONCERNED, REQUESTER = "agent:first", "agent:second", "agent:concerned", "agent:requester"
PERSONS = (FIRST, SECOND, CONCERNED, REQUESTER)
STEP = timedelta(days=2)


def proposal(**changes: object) -> Proposal:
    made = Proposal(
        id=UUID(int=7),
        command="write_note",
        content={"text": "hello"},
        subject=Subject("provider", (CONCERNED,)),
        requested_by=REQUESTER,
        proposed_by=FIRST,
        proposed_at=NOW,
        expires_at=NOW + WEEK,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def approve(
    made: Proposal, *, by: str = SECOND, at: datetime = NOW, barred: bool = False, has_role: bool = True
) -> Proposal:
    seen = rules.content_hash(made)
    return rules.approve(
        made, by=by, seen_hash=seen, proposer=Proposer(is_barred=barred, has_role=has_role), at=at
    )


def test_a_second_person_approves_what_they_saw() -> None:
    approved = approve(proposal())
    assert (approved.state, approved.decided_by, approved.decided_at) == (ProposalState.APPROVED, SECOND, NOW)


@pytest.mark.parametrize(
    ("by", "refusal"),
    [
        (FIRST, rules.SecondPersonNeeded),
        (CONCERNED, rules.ConcernsYou),
        (REQUESTER, rules.RequestedByYou),
    ],
)
def test_neither_the_first_person_nor_the_requester_nor_the_one_concerned_decides(
    by: str, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        approve(proposal(), by=by)
    with pytest.raises(refusal):
        rules.refuse(proposal(), by=by, reason="no", at=NOW)


@pytest.mark.parametrize(("by", "refusal"), [(CONCERNED, rules.ConcernsYou), (REQUESTER, rules.RequestedByYou)])
def test_neither_the_requester_nor_the_one_concerned_proposes(by: str, refusal: type[DomainError]) -> None:
    with pytest.raises(refusal):
        rules.propose(proposal(proposed_by=by))


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {"text": "hallo"}},
        {"command": "erase_note"},
        {"requested_by": None},
        {"proposed_by": "agent:other"},
        {"id": UUID(int=8)},
        {"subject": Subject("cnesst", (CONCERNED,))},
        {"subject": Subject("provider", ())},
        {"subject": Subject("provider", (CONCERNED,), UUID(int=1))},
    ],
    ids=str,
)
def test_an_approval_of_something_else_than_what_was_seen_is_refused(changes: dict[str, object]) -> None:
    seen = rules.content_hash(proposal())
    with pytest.raises(rules.NotAsSeen):
        rules.approve(
            proposal(**changes),
            by=SECOND,
            seen_hash=seen,
            proposer=Proposer(is_barred=False, has_role=True),
            at=NOW,
        )


def test_what_it_is_about_must_still_be_the_same() -> None:
    rules.require_same_subject(proposal(), Subject("provider", (CONCERNED,)))
    with pytest.raises(rules.NotAsSeen):
        rules.require_same_subject(proposal(), Subject("provider", ("agent:namesake",)))


def test_the_word_of_somebody_who_may_no_longer_act_is_not_approved_but_may_be_refused() -> None:
    with pytest.raises(rules.ProposerBarred):
        approve(proposal(), barred=True)
    with pytest.raises(rules.ProposerLostRole):
        approve(proposal(), has_role=False)
    assert rules.refuse(proposal(), by=SECOND, reason="no", at=NOW).refusal_reason == "no"


def test_a_proposal_waits_until_its_time_and_not_a_moment_longer() -> None:
    approve(proposal(), at=NOW + WEEK - timedelta(microseconds=1))
    late = NOW + WEEK
    assert rules.state_at(proposal(), at=late) is ProposalState.EXPIRED
    with pytest.raises(rules.ProposalExpired):
        approve(proposal(), at=late)
    with pytest.raises(rules.ProposalExpired):
        rules.refuse(proposal(), by=SECOND, reason="no", at=late)
    with pytest.raises(rules.ProposalExpired):
        rules.withdraw(proposal(), by=FIRST, at=late)


def test_only_its_proposer_withdraws() -> None:
    assert rules.withdraw(proposal(), by=FIRST, at=NOW).state is ProposalState.WITHDRAWN
    with pytest.raises(rules.OnlyItsProposer):
        rules.withdraw(proposal(), by=SECOND, at=NOW)


def test_what_waits_for_the_proposer_is_theirs_alone_and_for_a_day() -> None:
    kept = replace(approve(proposal()), sealed_for_proposer=b"sealed")
    day = NOW + rules.COLLECTED_WITHIN
    assert rules.require_collectable(kept, by=FIRST, at=day - timedelta(seconds=1)) == b"sealed"
    with pytest.raises(rules.OnlyItsProposer):
        rules.require_collectable(kept, by=SECOND, at=NOW)
    with pytest.raises(rules.NothingToCollect):
        rules.require_collectable(kept, by=FIRST, at=day)
    with pytest.raises(rules.NothingToCollect):
        rules.require_collectable(replace(kept, sealed_for_proposer=None), by=FIRST, at=NOW)
    assert "sealed" not in repr(kept)


@pytest.mark.parametrize(
    ("side", "is_own"), [("provider", True), ("cnesst", True), ("revenu-quebec", False), (None, False)]
)
def test_a_departments_agents_see_their_own_side_and_the_providers_see_all(
    side: str | None, *, is_own: bool
) -> None:
    subject = Subject("cnesst")
    assert rules.is_own_side(subject, side=side) is is_own
    if not is_own:
        with pytest.raises(UnknownOrForeign):
            rules.require_own_side(subject, side=side)


class ProposalLife(RuleBasedStateMachine):
    @initialize(requester=sampled_from((None, *PERSONS)), concerned=sampled_from((None, *PERSONS)))
    def open(self, requester: str | None, concerned: str | None) -> None:
        self.now = NOW
        self.executions = 0
        self.proposal: Proposal | None = None
        self.requester, self.concerned = requester, concerned

    def _try(self, change: Callable[[], Proposal]) -> None:
        before = self.proposal
        try:
            changed = change()
        except DomainError:
            return
        assert before is None or before.state is ProposalState.PROPOSED, "what is closed stays as it is"
        if before is not None:
            assert rules.content_hash(changed) == rules.content_hash(before)
        self.executions += changed.state is ProposalState.APPROVED
        self.proposal = changed

    @rule(by=sampled_from(PERSONS))
    def propose(self, by: str) -> None:
        if self.proposal is None:
            concerns = () if self.concerned is None else (self.concerned,)
            wanted = proposal(proposed_by=by, requested_by=self.requester, subject=Subject("provider", concerns))
            self._try(lambda: rules.propose(wanted))

    @rule(by=sampled_from(PERSONS), has_read=booleans(), barred=booleans(), has_role=booleans())
    def approve(self, by: str, *, has_read: bool, barred: bool, has_role: bool) -> None:
        if (made := self.proposal) is not None:
            seen = rules.content_hash(made) if has_read else "0" * 64
            proposer = Proposer(is_barred=barred, has_role=has_role)
            self._try(lambda: rules.approve(made, by=by, seen_hash=seen, proposer=proposer, at=self.now))

    @rule(by=sampled_from(PERSONS))
    def refuse(self, by: str) -> None:
        if (made := self.proposal) is not None:
            self._try(lambda: rules.refuse(made, by=by, reason="no", at=self.now))

    @rule(by=sampled_from(PERSONS))
    def withdraw(self, by: str) -> None:
        if (made := self.proposal) is not None:
            self._try(lambda: rules.withdraw(made, by=by, at=self.now))

    @rule()
    def sweep(self) -> None:
        made = self.proposal
        if made is not None and rules.state_at(made, at=self.now) is ProposalState.EXPIRED:
            self._try(lambda: rules.expire(made, at=self.now))

    @rule(steps=integers(1, 3))
    def wait(self, steps: int) -> None:
        self.now += STEP * steps

    @invariant()
    def two_persons_did_it_once(self) -> None:
        made = getattr(self, "proposal", None)
        if made is None:
            return
        assert self.executions == (made.state is ProposalState.APPROVED)
        assert made.proposed_by not in {self.requester, self.concerned}
        if made.state in {ProposalState.APPROVED, ProposalState.REFUSED}:
            assert made.decided_by not in {None, made.proposed_by, self.requester, self.concerned}
            assert made.decided_at is not None
            assert made.decided_at < made.expires_at
        if made.state is ProposalState.WITHDRAWN:
            assert made.decided_by == made.proposed_by


ProposalLife.TestCase.settings = settings(max_examples=150, stateful_step_count=12, deadline=None)
TestProposalLife = ProposalLife.TestCase
