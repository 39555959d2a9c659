from datetime import datetime
from uuid import UUID

from libs.common.database import Connection

AT_ONCE = 50
# What is still to be heard of an applicant may be the very event that names or reawakens the code.
NOTHING_PARKED = """NOT EXISTS (
    SELECT 1 FROM parked_events e WHERE e.partitionkey = 'applicant:' || {applicant_id} OFFSET 0)"""
LOCK_DORMANT = f"""
SELECT r.applicant_id FROM registrations r
WHERE r.state = 'cancelled' AND r.changed_at < $1 AND {NOTHING_PARKED.format(applicant_id="r.applicant_id")}
  AND EXISTS (SELECT 1 FROM user_codes c WHERE c.applicant_id = r.applicant_id AND c.state <> 'revoked')
ORDER BY r.changed_at LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED
"""
# A code that somebody reported or held is kept: what was said about it is evidence.
DELETE_UNNAMED = f"""
DELETE FROM user_codes WHERE id = ANY (ARRAY(
    SELECT c.id FROM user_codes c
    WHERE c.state = 'pending' AND c.assigned_at < $1 AND {NOTHING_PARKED.format(applicant_id="c.applicant_id")}
      AND NOT EXISTS (SELECT 1 FROM persons p WHERE p.user_code_id = c.id AND p.named_at IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.user_code_id = c.id)
      AND NOT EXISTS (SELECT 1 FROM user_code_holds h WHERE h.user_code_id = c.id)
    ORDER BY c.assigned_at LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))
RETURNING id, applicant_id
"""


async def lock_dormant(tx: Connection, *, cancelled_before: datetime) -> list[UUID]:
    return [row["applicant_id"] for row in await tx.fetch(LOCK_DORMANT, cancelled_before)]


async def delete_unnamed(tx: Connection, *, assigned_before: datetime) -> list[tuple[UUID, UUID]]:
    """Codes and their applicants."""
    return [(row["id"], row["applicant_id"]) for row in await tx.fetch(DELETE_UNNAMED, assigned_before)]
