from dataclasses import replace
from uuid import UUID

import pytest

from libs.common.errors import DomainError
from libs.common.holds import Side
from services.auth.user_code import recovery_rules
from services.auth.user_code.hold_rules import UserCodeNotActive
from services.auth.user_code.recovery_rules import (
    DocumentKind,
    IdentityCheck,
    IdentityNotCheckedByTwo,
    IdentityNotShown,
    ResetBelongsToPersonInCharge,
    ResetBelongsToProvider,
)
from services.auth.user_code.rules import Bar, CodeState, Role
from tests.unit.auth.test_hold_rules import PEER, facts

FIRST, SECOND, THIRD = UUID(int=71), UUID(int=72), UUID(int=73)
SEEN = [DocumentKind.PASSPORT]


def test_a_person_in_charge_resets_users_and_the_provider_persons_in_charge() -> None:
    recovery_rules.require_resettable(facts(PEER, Role.USER), by_provider=False)
    recovery_rules.require_resettable(facts(PEER), by_provider=True)
    for role in (Role.PERSON_IN_CHARGE, None):
        with pytest.raises(ResetBelongsToProvider):
            recovery_rules.require_resettable(facts(PEER, role), by_provider=False)
    for role in (Role.USER, None):
        with pytest.raises(ResetBelongsToPersonInCharge):
            recovery_rules.require_resettable(facts(PEER, role), by_provider=True)


@pytest.mark.parametrize("state", [CodeState.PENDING, CodeState.REVOKED])
def test_only_a_code_that_works_is_reset(state: CodeState) -> None:
    code = facts(PEER, Role.USER)
    with pytest.raises(UserCodeNotActive):
        recovery_rules.require_resettable(replace(code, code=replace(code.code, state=state)), by_provider=False)


def test_a_held_code_may_be_reset_and_stays_held() -> None:
    held = facts(PEER, Role.USER, bars=(Bar(Side.PROVIDER, "x-y-z"),))
    recovery_rules.require_resettable(held, by_provider=False)
    assert held.is_held


@pytest.mark.parametrize(
    ("checked_by", "approver", "documents", "broken"),
    [
        ((FIRST, SECOND), SECOND, SEEN, None),
        ((FIRST, FIRST), FIRST, SEEN, IdentityNotCheckedByTwo),
        ((FIRST,), FIRST, SEEN, IdentityNotCheckedByTwo),
        ((FIRST, SECOND, THIRD), SECOND, SEEN, IdentityNotCheckedByTwo),
        ((FIRST, SECOND), THIRD, SEEN, IdentityNotCheckedByTwo),
        ((FIRST, SECOND), None, SEEN, IdentityNotCheckedByTwo),
        ((FIRST, SECOND), FIRST, [], IdentityNotShown),
    ],
)
def test_two_different_agents_checked_the_identity_by_named_documents_and_one_of_them_approves(
    checked_by: tuple[UUID, ...],
    approver: UUID | None,
    documents: list[DocumentKind],
    broken: type[DomainError] | None,
) -> None:
    check = IdentityCheck(checked_by, documents)
    if broken is None:
        recovery_rules.require_identity_checked(check, approver=approver)
    else:
        with pytest.raises(broken):
            recovery_rules.require_identity_checked(check, approver=approver)
