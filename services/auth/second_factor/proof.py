"""What is typed at the second step of a sign-in: a code of an application, of a mail, or for recovery."""

from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection
from services.auth.agent_account.commands import use_one_time_code
from services.auth.agent_account.rules import AgentAccount
from services.auth.parts import Parts
from services.auth.second_factor import commands, emailed, recovery
from services.auth.second_factor.rules import FactorKind, Owner


async def prove_by_code(  # noqa: PLR0913 - whose, where and what, each by name
    tx: Connection,
    call: Call,
    parts: Parts,
    owner: Owner,
    *,
    agent: AgentAccount | None,
    session_id: UUID,
    kind: FactorKind,
    typed: str,
) -> bool:
    """Whether it proves its owner now; whatever it is, it works once."""
    sealing_key = parts.sealing_key
    if kind is FactorKind.EMAIL:
        return await emailed.use_emailed_code(tx, call, session_id, typed=typed, passwords=parts.passwords)
    if kind is FactorKind.RECOVERY_CODE:
        return await recovery.use_recovery_code(tx, call, owner, typed=typed, passwords=parts.passwords)
    if agent is not None and await use_one_time_code(tx, call, agent, sealing_key=sealing_key, typed=typed):
        return True
    return await commands.use_totp(tx, call, owner, typed=typed, sealing_key=sealing_key)
