"""Recovery codes: each stands in once for a second factor that is not at hand."""

from libs.common.call import Call
from libs.common.contracts.auth import RecoveryCodeUsed
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.outbox import publish
from services.auth.second_factor import commands, rules, store
from services.auth.second_factor.rules import Owner
from services.auth.user_code.passwords import Passwords


async def make_recovery_codes(tx: Connection, call: Call, owner: Owner, *, passwords: Passwords) -> list[str]:
    """New codes, to be shown once; those made before are dead."""
    made = [rules.new_recovery_code() for _ in range(rules.RECOVERY_CODES)]
    hashes = [_hash(passwords, owner, typed=code) for code in made]
    await store.replace_recovery_codes(tx, owner.id, hashes, at=call.at)
    content = {"count": len(made)}
    await record_evidence(tx, call, "make_recovery_codes", applicant_id=owner.applicant_id, content=content)
    return made


async def use_recovery_code(tx: Connection, call: Call, owner: Owner, *, typed: str, passwords: Passwords) -> bool:
    """Whether it is one of the owner's codes; each works once."""
    if not await store.use_recovery_code(tx, owner.id, _hash(passwords, owner, typed=typed), at=call.at):
        return False
    remaining = await store.count_recovery_codes(tx, owner.id)
    used = RecoveryCodeUsed(remaining=remaining, **commands.named(owner))
    await publish(tx, call, used, service=commands.SERVICE, partitionkey=commands.key_of(owner))
    content = {"remaining": remaining}
    await record_evidence(tx, call, "use_recovery_code", applicant_id=owner.applicant_id, content=content)
    return True


async def count_left(database: Database | Connection, owner: Owner) -> int:
    return await store.count_recovery_codes(database, owner.id)


def _hash(passwords: Passwords, owner: Owner, *, typed: str) -> bytes:
    return passwords.digest(f"recovery code {owner.id} {rules.normalise_recovery_code(typed)}")
