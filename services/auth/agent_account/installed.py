"""Agents as the installation file names them, until two persons change them."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from libs.common.call import Call
from libs.common.database import Connection
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.standing import set_standing
from services.auth.agent_account import store
from services.auth.agent_account.changes import content_of, end_sessions, shut_out
from services.auth.agent_account.commands import password_of, totp_of
from services.auth.agent_account.rules import AgentAccount
from services.auth.key_files import SymmetricKey, seal
from services.auth.session.commands import SERVICE
from services.auth.user_code.passwords import Passwords


@dataclass(frozen=True)
class AgentAsInstalled:
    """An agent as the installation file names it."""

    name: str
    side: str
    roles: tuple[str, ...]
    password: SecretStr = field(repr=False)
    totp: SecretStr = field(repr=False)


@dataclass(frozen=True)
class _Difference:
    """`is_stored_anew`: nothing that anybody knows changed, but how it is hashed or sealed."""

    in_rights: bool
    in_credentials: bool
    is_stored_anew: bool


async def install_agent(
    tx: Connection, call: Call, passwords: Passwords, sealing_key: SymmetricKey, *, wanted: AgentAsInstalled
) -> bool:
    """Creates or changes an account as the installation file says; answers whether anything changed.

    What two persons changed since, the file changes no more.
    """
    await store.lock(tx)
    known = await store.find_by_name(tx, wanted.name)
    if known is None:
        installed = await _save(tx, call, passwords, sealing_key, wanted=wanted, known=None)
        await record_evidence(tx, call, "install_agent", applicant_id=None, content=content_of(installed))
        return True
    if not known.is_installed:
        return False
    found = await _difference(known, wanted, passwords=passwords, sealing_key=sealing_key)
    if not (found.in_rights or found.in_credentials or found.is_stored_anew):
        return False
    installed = await _save(tx, call, passwords, sealing_key, wanted=wanted, known=known)
    content = {**content_of(installed), **_told(known, found)}
    await record_evidence(tx, call, "install_agent", applicant_id=None, content=content)
    if found.in_credentials:
        await shut_out(tx, call, known)
    elif found.in_rights:
        await end_sessions(tx, call, known, reason="ended-by-other")
    if found.in_credentials or found.in_rights:
        await set_standing(tx, "agent", known.id, source=SERVICE, state="active", changed_at=call.at)
    return True


async def _save(  # noqa: PLR0913 - what is stored and how, each by name
    tx: Connection,
    call: Call,
    passwords: Passwords,
    sealing_key: SymmetricKey,
    *,
    wanted: AgentAsInstalled,
    known: AgentAccount | None,
) -> AgentAccount:
    agent_id = known.id if known else new_id()
    hashed = await passwords.hash(wanted.password)
    agent = AgentAccount(
        agent_id,
        wanted.name,
        wanted.side,
        wanted.roles,
        hashed.hash,
        hashed.pepper_key_id,
        seal(sealing_key, wanted.totp.get_secret_value().encode(), about=f"totp {agent_id}"),
        sealing_key.id,
        known.last_totp_step if known else 0,
        password_set_at=call.at,
        is_installed=True,
    )
    await store.install(tx, agent, at=call.at)
    return agent


def _told(was: AgentAccount, found: _Difference) -> dict[str, Any]:
    return {
        "side_was": was.side,
        "roles_were": list(was.roles),
        "credentials_replaced": found.in_credentials,
    }


async def _difference(
    known: AgentAccount, wanted: AgentAsInstalled, *, passwords: Passwords, sealing_key: SymmetricKey
) -> _Difference:
    """What was sealed by a key that is not there any more is taken as changed: nobody can tell."""
    hashed = password_of(known)
    has_totp = known.sealing_key_id == sealing_key.id and (
        totp_of(known, sealing_key) == wanted.totp.get_secret_value()
    )
    has_password = await passwords.verify(wanted.password, hashed)
    return _Difference(
        in_rights=(known.side, known.roles) != (wanted.side, wanted.roles),
        in_credentials=not (has_totp and has_password),
        is_stored_anew=passwords.needs_renewal(hashed),
    )
