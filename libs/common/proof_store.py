"""Each proof serves once: replicas agree by the database that they share (RFC 9449 §11.1)."""

from datetime import datetime

from libs.common.database import Connection, Database
from libs.common.dpop import Proof
from libs.common.sweeping import delete_some, deleting_some

INSERT_PROOF = """
INSERT INTO dpop_proofs (use_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING use_hash
"""
DELETE_OLD_PROOFS = deleting_some("dpop_proofs", "expires_at < $1", is_ever_updated=False)


async def use_proof(database: Database, proof: Proof) -> bool:
    """False when it was used before."""
    return await database.fetchrow(INSERT_PROOF, proof.use_hash, proof.kept_until) is not None


async def forget_old_proofs(tx: Connection, *, now: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_PROOFS, now)
