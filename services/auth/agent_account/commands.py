from uuid import UUID

from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from services.auth.agent_account import rules, store
from services.auth.agent_account.rules import AgentAccount
from services.auth.key_files import SymmetricKey, unseal
from services.auth.user_code.passwords import HashedPassword

NAME_LENGTH = 64


async def find_agent(database: Database | Connection, agent_id: UUID) -> AgentAccount | None:
    return await store.find(database, agent_id)


async def find_admitted_as(tx: Connection, actor: str) -> frozenset[str] | None:
    """None for who has no account; an account is never deleted."""
    kind, _, agent_id = actor.partition(":")
    agent = await store.find(tx, UUID(agent_id)) if kind == "agent" else None
    return None if agent is None else rules.admitted_as(agent)


async def find_agent_by_name(database: Database, typed: str) -> AgentAccount | None:
    """Who may sign in under this name: an account that is disabled, or whose one-time password is too old, is as
    unknown as any other.
    """
    found = await store.find_by_name(database, typed.strip().casefold()[:NAME_LENGTH])
    return found if found is not None and rules.may_sign_in(found, at=now()) else None


async def has_credentials(tx: Connection, agent: AgentAccount) -> bool:
    """Whether the account is active with the credentials that were read, and stays so to the end."""
    return await store.is_unchanged(tx, agent)


def password_of(agent: AgentAccount) -> HashedPassword:
    return HashedPassword(agent.password_hash, agent.pepper_key_id, agent.password_is_one_time)


def totp_of(agent: AgentAccount, sealing_key: SymmetricKey) -> str:
    return unseal(sealing_key, agent.sealed_totp, about=f"totp {agent.id}").decode()


async def use_one_time_code(
    tx: Connection, call: Call, agent: AgentAccount, *, sealing_key: SymmetricKey, typed: str
) -> bool:
    """Whether the typed code is right now and was not used before; it works once."""
    secret = totp_of(agent, sealing_key)
    step = rules.find_step(secret, typed, last_step=agent.last_totp_step, at=call.at)
    return step is not None and await store.use_step(tx, agent.id, step=step)


async def choose_password(tx: Connection, call: Call, agent: AgentAccount, *, password: HashedPassword) -> None:
    """Stores the password that an agent chose, if the one it replaces is still the present one."""
    chosen = rules.choose_password(
        agent, password_hash=password.hash, pepper_key_id=password.pepper_key_id, at=call.at
    )
    await store.save(tx, chosen, was=agent)
    await record_evidence(
        tx, call, "choose_agent_password", applicant_id=None, content={"agent_id": str(agent.id)}
    )
