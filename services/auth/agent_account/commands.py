from dataclasses import dataclass, field
from uuid import UUID

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.standing import set_standing
from services.auth.agent_account import rules, store
from services.auth.agent_account.rules import AgentAccount
from services.auth.key_files import SymmetricKey, seal, unseal
from services.auth.user_code.passwords import HashedPassword, Passwords

NAME_LENGTH = 64


@dataclass(frozen=True)
class AgentAsInstalled:
    """An agent as the installation file names it."""

    name: str
    side: str
    roles: tuple[str, ...]
    password: SecretStr = field(repr=False)
    totp: SecretStr = field(repr=False)


async def find_agent(database: Database | Connection, agent_id: UUID) -> AgentAccount | None:
    return await store.find(database, agent_id)


async def find_agent_by_name(database: Database, typed: str) -> AgentAccount | None:
    """Who may sign in under this name: an account that is disabled, or whose one-time password is too old, is as
    unknown as any other.
    """
    found = await store.find_by_name(database, typed.strip().casefold()[:NAME_LENGTH])
    return found if found is not None and rules.may_sign_in(found, at=now()) else None


def password_of(agent: AgentAccount) -> HashedPassword:
    return HashedPassword(agent.password_hash, agent.pepper_key_id, agent.password_is_one_time)


async def install_agent(
    tx: Connection, call: Call, passwords: Passwords, sealing_key: SymmetricKey, *, wanted: AgentAsInstalled
) -> bool:
    """Creates or changes an account as the installation file says; answers whether anything changed.

    What two persons changed since, the file changes no more.
    """
    await store.lock(tx)
    known = await store.find_by_name(tx, wanted.name)
    if known is not None and not known.is_installed:
        return False
    if known is not None and await _is_the_same(known, wanted, passwords=passwords, sealing_key=sealing_key):
        return False
    agent_id = known.id if known else new_id()
    hashed = await passwords.hash(wanted.password)
    sealed = seal(sealing_key, wanted.totp.get_secret_value().encode(), about=f"totp {agent_id}")
    agent = AgentAccount(
        agent_id,
        wanted.name,
        wanted.side,
        wanted.roles,
        hashed.hash,
        hashed.pepper_key_id,
        sealed,
        sealing_key.id,
        known.last_totp_step if known else 0,
        password_set_at=call.at,
        is_installed=True,
    )
    await store.install(tx, agent, at=call.at)
    if known is not None:
        await set_standing(tx, "agent", agent_id, source="auth", state="active", changed_at=call.at)
    content = {"agent_id": str(agent_id), "name": agent.name, "side": agent.side, "roles": list(agent.roles)}
    await record_evidence(tx, call, "install_agent", applicant_id=None, content=content)
    return True


async def _is_the_same(
    known: AgentAccount, wanted: AgentAsInstalled, *, passwords: Passwords, sealing_key: SymmetricKey
) -> bool:
    if (known.side, known.roles, known.sealing_key_id) != (wanted.side, wanted.roles, sealing_key.id):
        return False
    has_secret = _totp_of(known, sealing_key) == wanted.totp.get_secret_value()
    hashed = password_of(known)
    return has_secret and await passwords.verify(wanted.password, hashed) and not passwords.needs_renewal(hashed)


def _totp_of(agent: AgentAccount, sealing_key: SymmetricKey) -> str:
    return unseal(sealing_key, agent.sealed_totp, about=f"totp {agent.id}").decode()


async def use_one_time_code(
    tx: Connection, call: Call, agent: AgentAccount, *, sealing_key: SymmetricKey, typed: str
) -> bool:
    """Whether the typed code is right now and was not used before; it works once."""
    secret = _totp_of(agent, sealing_key)
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
