"""What two of the provider's agents decide about user codes; every person in charge is told (clause 13)."""

from uuid import UUID

from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.database import Connection
from libs.common.errors import UnknownOrForeign
from libs.common.holds import Side
from libs.common.http import RequestModel
from libs.common.principal import SIDE_OF_PROVIDER
from libs.common.proposal.command import Command, Executed
from libs.common.proposal.rules import Subject
from services.auth.parts import Parts
from services.auth.user_code import hold_rules, recovery_rules, store, suspension
from services.auth.user_code.hold_rules import HeldCode
from services.auth.user_code.passwords import HashingBusy
from services.auth.user_code.recovery import ResetByProvider, reset_by_provider
from services.auth.user_code.recovery_rules import IdentityCheck
from services.auth.user_code.rules import Facts
from services.auth.user_code.suspension_api import ReasonCode

# Support knows the person at the counter or on the telephone; what gives access is approved by security.
RESET_PROPOSERS = frozenset({"agent:support", "agent:security"})
RESET_APPROVERS = frozenset({"agent:security"})
# Revoking belongs to deciders, whoever brings it forward.
REVOCATION_PROPOSERS = frozenset({"agent:decider", "agent:security"})
REVOCATION_APPROVERS = frozenset({"agent:decider"})


class RevokedPersonInCharge(RequestModel):
    user_code_id: UUID
    reason_code: ReasonCode


class RevokedApplicant(RequestModel):
    applicant_id: UUID
    reason_code: ReasonCode


async def _of_code(tx: Connection, content: ResetByProvider | RevokedPersonInCharge) -> Subject:
    facts = await _facts(tx, content.user_code_id)
    concerned = f"user_code:{content.user_code_id}"
    return Subject(SIDE_OF_PROVIDER, concerns=(concerned,), applicant_id=facts.code.applicant_id)


async def _facts(tx: Connection, user_code_id: UUID) -> Facts:
    """Raises UnknownOrForeign."""
    facts = await store.find_facts(tx, user_code_id)
    if facts is None:
        raise UnknownOrForeign
    return facts


async def _check_reset(tx: Connection, call: Call, content: ResetByProvider) -> None:
    """Asked of each of the two: so both checked who the person is."""
    check = IdentityCheck(tuple(content.checked_by), content.documents)
    recovery_rules.require_identity_checked(check, approver=require_principal(call).agent_id)
    recovery_rules.require_resettable(await _facts(tx, content.user_code_id), by_provider=True)


async def _reset(parts: Parts, tx: Connection, call: Call, content: ResetByProvider) -> Executed:
    """The password is shown without its code: neither of the two could sign in by what they know."""
    reset = await reset_by_provider(tx, call, content, passwords=parts.passwords, settings=parts.settings)
    return Executed(to_approver={"one_time_password": reset.answer.one_time_password})


async def _check_revocation(tx: Connection, _call: Call, content: RevokedPersonInCharge) -> None:
    hold_rules.require_revocable_by_two(HeldCode(await _facts(tx, content.user_code_id)))


async def _revoke(_parts: Parts, tx: Connection, call: Call, content: RevokedPersonInCharge) -> Executed:
    await suspension.revoke_code(
        tx, call, content.user_code_id, side=Side.PROVIDER, reason_code=content.reason_code, by_two=True
    )
    return Executed()


async def _of_applicant(tx: Connection, content: RevokedApplicant) -> Subject:
    if not await store.list_facts(tx, content.applicant_id):
        raise UnknownOrForeign
    return Subject(SIDE_OF_PROVIDER, applicant_id=content.applicant_id)


async def _check_all(tx: Connection, _call: Call, content: RevokedApplicant) -> None:
    hold_rules.require_revocable_at_once(len(await store.list_unrevoked(tx, content.applicant_id)))


async def _revoke_all(_parts: Parts, tx: Connection, call: Call, content: RevokedApplicant) -> Executed:
    await suspension.revoke_codes_of(
        tx, call, content.applicant_id, side=Side.PROVIDER, reason_code=content.reason_code
    )
    return Executed()


RESET: Command[Parts, ResetByProvider] = Command(
    "reset_person_in_charge",
    ResetByProvider,
    proposers=RESET_PROPOSERS,
    approvers=RESET_APPROVERS,
    subject=_of_code,
    check=_check_reset,
    execute=_reset,
    raises=(
        HashingBusy,
        recovery_rules.IdentityNotCheckedByTwo,
        recovery_rules.IdentityNotShown,
        recovery_rules.ResetBelongsToPersonInCharge,
        recovery_rules.ResetBelongsToProvider,
        hold_rules.UserCodeNotActive,
    ),
)
REVOKE: Command[Parts, RevokedPersonInCharge] = Command(
    "revoke_person_in_charge",
    RevokedPersonInCharge,
    proposers=REVOCATION_PROPOSERS,
    approvers=REVOCATION_APPROVERS,
    subject=_of_code,
    check=_check_revocation,
    execute=_revoke,
    raises=(
        hold_rules.LastPersonInChargeNeedsTwo,
        hold_rules.NotPersonInCharge,
        hold_rules.RevocationBelongsToProvider,
        hold_rules.UserCodeRevokedAlready,
    ),
)
REVOKE_ALL: Command[Parts, RevokedApplicant] = Command(
    "revoke_all_user_codes",
    RevokedApplicant,
    proposers=REVOCATION_PROPOSERS,
    approvers=REVOCATION_APPROVERS,
    subject=_of_applicant,
    check=_check_all,
    execute=_revoke_all,
    raises=(hold_rules.NoCodesToRevoke, hold_rules.TooManyCodes),
)
COMMANDS = (RESET, REVOKE, REVOKE_ALL)
