from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database
from services.auth.agent_account.rules import AgentAccount

COLUMNS = """id, name, side, roles, password_hash, pepper_key_id, sealed_totp, sealing_key_id, last_totp_step"""
SELECT_BY_NAME = f"SELECT {COLUMNS} FROM agent_accounts WHERE name = $1"
SELECT_BY_ID = f"SELECT {COLUMNS} FROM agent_accounts WHERE id = $1"
UPSERT_AGENT = """
INSERT INTO agent_accounts (id, name, side, roles, password_hash, pepper_key_id, sealed_totp, sealing_key_id,
    installed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (name) DO UPDATE SET
    side = excluded.side, roles = excluded.roles, password_hash = excluded.password_hash,
    pepper_key_id = excluded.pepper_key_id, sealed_totp = excluded.sealed_totp,
    sealing_key_id = excluded.sealing_key_id, installed_at = excluded.installed_at
"""
UPDATE_STEP = "UPDATE agent_accounts SET last_totp_step = $2 WHERE id = $1 AND last_totp_step < $2"


async def find_by_name(database: Database | Connection, name: str) -> AgentAccount | None:
    row = await database.fetchrow(SELECT_BY_NAME, name)
    return None if row is None else _agent(row)


async def find(database: Database | Connection, agent_id: UUID) -> AgentAccount | None:
    row = await database.fetchrow(SELECT_BY_ID, agent_id)
    return None if row is None else _agent(row)


async def save(tx: Connection, agent: AgentAccount, *, at: datetime) -> None:
    await tx.execute(
        UPSERT_AGENT,
        agent.id,
        agent.name,
        agent.side,
        agent.roles,
        agent.password_hash,
        agent.pepper_key_id,
        agent.sealed_totp,
        agent.sealing_key_id,
        at,
    )


async def use_step(tx: Connection, agent_id: UUID, *, step: int) -> bool:
    """False when a code of this step, or a later one, was used before."""
    return await tx.execute(UPDATE_STEP, agent_id, step) == "UPDATE 1"


def _agent(row: asyncpg.Record) -> AgentAccount:
    return AgentAccount(**{**dict(row.items()), "roles": tuple(row["roles"])})
