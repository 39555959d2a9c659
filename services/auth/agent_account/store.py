from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from services.auth.agent_account.rules import AgentAccount, AgentState

# Whoever changes accounts holds it: who remains is counted on what is committed.
LOCK_ACCOUNTS = "SELECT pg_advisory_xact_lock(hashtextextended('agent accounts', 0))"
COLUMNS = """id, name, side, roles, password_hash, pepper_key_id, sealed_totp, sealing_key_id, last_totp_step,
    password_set_at, password_is_one_time, password_expires_at, state, is_installed"""
SELECT_BY_NAME = f"SELECT {COLUMNS} FROM agent_accounts WHERE name = $1"
SELECT_BY_ID = f"SELECT {COLUMNS} FROM agent_accounts WHERE id = $1"
SELECT_PAGE = f"""
SELECT {COLUMNS} FROM agent_accounts
WHERE name > $1 AND ($2::text IS NULL OR side = $2) ORDER BY name LIMIT $3
"""
SELECT_OTHER_SECURITY_AGENTS = """
SELECT count(*) FROM agent_accounts
WHERE id <> $1 AND side = 'provider' AND state = 'active' AND 'security' = ANY (roles)
  AND (password_expires_at IS NULL OR password_expires_at > $2)
"""
SELECT_OPEN_SESSIONS = "SELECT id FROM sessions WHERE agent_id = $1 AND ended_at IS NULL FOR UPDATE"
UPSERT_AGENT = f"""
INSERT INTO agent_accounts ({COLUMNS}, installed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (name) DO UPDATE SET
    side = excluded.side, roles = excluded.roles, password_hash = excluded.password_hash,
    pepper_key_id = excluded.pepper_key_id, sealed_totp = excluded.sealed_totp,
    sealing_key_id = excluded.sealing_key_id, password_set_at = excluded.password_set_at,
    installed_at = excluded.installed_at
WHERE agent_accounts.is_installed
"""
INSERT_AGENT = f"""
INSERT INTO agent_accounts ({COLUMNS}, installed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $10)
"""
UPDATE_AGENT = """
UPDATE agent_accounts SET
    roles = $4, password_hash = $5, pepper_key_id = $6, sealed_totp = $7, sealing_key_id = $8,
    password_set_at = $9, password_is_one_time = $10, password_expires_at = $11, state = $12, is_installed = $13
WHERE id = $1 AND state = $2 AND password_hash = $3
"""
SELECT_UNCHANGED = """
SELECT 1 AS found FROM agent_accounts WHERE id = $1 AND password_hash = $2 AND state = 'active' FOR SHARE
"""
UPDATE_STEP = "UPDATE agent_accounts SET last_totp_step = $2 WHERE id = $1 AND last_totp_step < $2"


async def lock(tx: Connection) -> None:
    await tx.execute(LOCK_ACCOUNTS)


async def find_by_name(database: Database | Connection, name: str) -> AgentAccount | None:
    row = await database.fetchrow(SELECT_BY_NAME, name)
    return None if row is None else _agent(row)


async def find(database: Database | Connection, agent_id: UUID) -> AgentAccount | None:
    row = await database.fetchrow(SELECT_BY_ID, agent_id)
    return None if row is None else _agent(row)


async def list_page(database: Database, *, after: str, side: str | None, limit: int) -> list[AgentAccount]:
    """`side`: only agents of this one."""
    return [_agent(row) for row in await database.fetch(SELECT_PAGE, after, side, limit)]


async def count_other_security_agents(tx: Connection, agent_id: UUID, *, at: datetime) -> int:
    """Those of the provider who may sign in, beside this one."""
    return int(await tx.fetchval(SELECT_OTHER_SECURITY_AGENTS, agent_id, at))


async def list_open_sessions(tx: Connection, agent_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SELECT_OPEN_SESSIONS, agent_id)]


async def install(tx: Connection, agent: AgentAccount, *, at: datetime) -> None:
    await tx.execute(UPSERT_AGENT, *_values(agent), at)


async def add(tx: Connection, agent: AgentAccount) -> None:
    await tx.execute(INSERT_AGENT, *_values(agent))


async def save(tx: Connection, agent: AgentAccount, *, was: AgentAccount) -> None:
    """Raises UnexpectedRowCount when it was changed meanwhile."""
    await update_one(
        tx,
        UPDATE_AGENT,
        was.id,
        was.state,
        was.password_hash,
        agent.roles,
        agent.password_hash,
        agent.pepper_key_id,
        agent.sealed_totp,
        agent.sealing_key_id,
        agent.password_set_at,
        agent.password_is_one_time,
        agent.password_expires_at,
        agent.state,
        agent.is_installed,
    )


async def is_unchanged(tx: Connection, agent: AgentAccount) -> bool:
    return await tx.fetchval(SELECT_UNCHANGED, agent.id, agent.password_hash) is not None


async def use_step(tx: Connection, agent_id: UUID, *, step: int) -> bool:
    """False when a code of this step, or a later one, was used before."""
    return await tx.execute(UPDATE_STEP, agent_id, step) == "UPDATE 1"


def _values(agent: AgentAccount) -> tuple[object, ...]:
    return (
        agent.id,
        agent.name,
        agent.side,
        agent.roles,
        agent.password_hash,
        agent.pepper_key_id,
        agent.sealed_totp,
        agent.sealing_key_id,
        agent.last_totp_step,
        agent.password_set_at,
        agent.password_is_one_time,
        agent.password_expires_at,
        agent.state,
        agent.is_installed,
    )


def _agent(row: asyncpg.Record) -> AgentAccount:
    return AgentAccount(**{**dict(row.items()), "roles": tuple(row["roles"]), "state": AgentState(row["state"])})
