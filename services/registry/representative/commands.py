from dataclasses import asdict
from uuid import UUID

from libs.common.call import Call
from libs.common.database import Connection, Database
from services.registry.registration.commands import load_draft, note_change
from services.registry.representative import store
from services.registry.representative.rules import Representative


async def find_representative(connection: Connection, registration_id: UUID) -> Representative | None:
    return await store.find(connection, registration_id)


async def report_representative(
    database: Database, call: Call, registration_id: UUID, *, representative: Representative
) -> None:
    """Who acts for the applicant, with both values when another one did before (clause 5)."""
    async with database.transaction() as tx:
        file = await load_draft(tx, call, registration_id)
        known = await store.find(tx, file.id)
        await store.save(tx, file.id, representative)
        before = asdict(known) if known else None
        await note_change(tx, call, file, subject="representative", before=before, after=asdict(representative))
