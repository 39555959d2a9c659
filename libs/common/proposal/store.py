from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.common.database import Connection, Database, update_one
from libs.common.proposal.rules import COLLECTED_WITHIN, Proposal, ProposalState, Subject

COLUMNS = """id, command, content, side, concerns, applicant_id, requested_by, proposed_by, proposed_at,
    expires_at, state, decided_by, decided_at, refusal_reason, sealed_for_proposer"""
SELECT_PROPOSAL = f"SELECT {COLUMNS} FROM proposals WHERE id = $1"
SELECT_FOR_UPDATE = f"SELECT {COLUMNS} FROM proposals WHERE id = $1 FOR UPDATE"
SELECT_APPLICANT = "SELECT applicant_id FROM proposals WHERE id = $1"
SELECT_COMMAND = "SELECT command FROM proposals WHERE id = $1"
SELECT_OF_STATE = f"""
SELECT {COLUMNS} FROM proposals
WHERE state = $1 AND id > $2 AND command = ANY ($3::text[]) AND ($4::text IS NULL OR side = $4)
  AND (state <> 'proposed' OR expires_at > $5)
ORDER BY id LIMIT $6
"""
SELECT_LATE = f"""
SELECT {COLUMNS} FROM proposals WHERE state = 'proposed' AND expires_at <= $1 LIMIT 500 FOR UPDATE SKIP LOCKED
"""
INSERT_PROPOSAL = f"""
INSERT INTO proposals ({COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
UPDATE_DECIDED = """
UPDATE proposals SET state = $2, decided_by = $3, decided_at = $4, refusal_reason = $5, sealed_for_proposer = $6
WHERE id = $1 AND state = 'proposed'
"""
UPDATE_COLLECTED = """
UPDATE proposals SET sealed_for_proposer = NULL WHERE id = $1 AND sealed_for_proposer IS NOT NULL
"""
UPDATE_NEVER_COLLECTED = """
UPDATE proposals SET sealed_for_proposer = NULL WHERE sealed_for_proposer IS NOT NULL AND decided_at <= $1
"""


async def find(database: Database | Connection, proposal_id: UUID) -> Proposal | None:
    row = await database.fetchrow(SELECT_PROPOSAL, proposal_id)
    return None if row is None else _proposal(row)


async def find_for_update(tx: Connection, proposal_id: UUID) -> Proposal | None:
    row = await tx.fetchrow(SELECT_FOR_UPDATE, proposal_id)
    return None if row is None else _proposal(row)


async def find_applicant(database: Database, proposal_id: UUID) -> UUID | None:
    row = await database.fetchrow(SELECT_APPLICANT, proposal_id)
    return None if row is None else row["applicant_id"]


async def find_command(database: Database, proposal_id: UUID) -> str | None:
    row = await database.fetchrow(SELECT_COMMAND, proposal_id)
    return None if row is None else row["command"]


async def list_of_state(  # noqa: PLR0913 - what a page is chosen by, each by name
    database: Database,
    state: ProposalState,
    *,
    after: UUID,
    commands: Sequence[str],
    side: str | None,
    at: datetime,
    limit: int,
) -> list[Proposal]:
    """`side`: only proposals of this side. What waits beyond its time is not listed, whether swept or not."""
    rows = await database.fetch(SELECT_OF_STATE, state, after, list(commands), side, at, limit)
    return [_proposal(row) for row in rows]


async def list_late(tx: Connection, *, at: datetime) -> list[Proposal]:
    return [_proposal(row) for row in await tx.fetch(SELECT_LATE, at)]


async def add(tx: Connection, proposal: Proposal) -> None:
    await tx.execute(
        INSERT_PROPOSAL,
        proposal.id,
        proposal.command,
        proposal.content,
        proposal.subject.side,
        list(proposal.subject.concerns),
        proposal.subject.applicant_id,
        proposal.requested_by,
        proposal.proposed_by,
        proposal.proposed_at,
        proposal.expires_at,
        proposal.state,
        proposal.decided_by,
        proposal.decided_at,
        proposal.refusal_reason,
        proposal.sealed_for_proposer,
    )


async def save_decided(tx: Connection, proposal: Proposal) -> None:
    """Raises UnexpectedRowCount when it was decided meanwhile."""
    await update_one(
        tx,
        UPDATE_DECIDED,
        proposal.id,
        proposal.state,
        proposal.decided_by,
        proposal.decided_at,
        proposal.refusal_reason,
        proposal.sealed_for_proposer,
    )


async def save_collected(tx: Connection, proposal_id: UUID) -> None:
    await update_one(tx, UPDATE_COLLECTED, proposal_id)


async def forget_never_collected(tx: Connection, *, at: datetime) -> None:
    await tx.execute(UPDATE_NEVER_COLLECTED, at - COLLECTED_WITHIN)


def _proposal(row: asyncpg.Record) -> Proposal:
    return Proposal(
        id=row["id"],
        command=row["command"],
        content=row["content"],
        subject=Subject(row["side"], tuple(row["concerns"]), row["applicant_id"]),
        requested_by=row["requested_by"],
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        expires_at=row["expires_at"],
        state=ProposalState(row["state"]),
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        refusal_reason=row["refusal_reason"],
        sealed_for_proposer=row["sealed_for_proposer"],
    )
