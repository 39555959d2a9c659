from datetime import datetime

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from services.auth.session import store
from services.auth.session.commands import OWNER_OF_CONDITIONS
from services.auth.user_code.rules import Facts

NONE_POSTED = "none"


async def note_conditions(
    tx: Connection, *, owner: str, version: str, posted_at: datetime, addresses: dict[str, str]
) -> None:
    await store.save_conditions(
        tx, owner=owner, version=version, posted_at=posted_at, url_fr=addresses["fr"], url_en=addresses["en"]
    )


async def show_duties(database: Database, call: Call, facts: Facts, *, language: str) -> str | None:
    """Keeps that a person was shown the conditions and their duties (clauses 10, 18-21); answers the address."""
    async with database.transaction() as tx:
        posted = await store.find_conditions(tx, OWNER_OF_CONDITIONS, user_code_id=facts.code.id, at=call.at)
        version = posted.version if posted else NONE_POSTED
        is_new = await store.add_duties_shown(
            tx, facts.code.id, conditions=version, role=str(facts.role), language=language, at=call.at
        )
        if is_new:
            content = {"conditions": version, "role": str(facts.role), "language": language}
            await record_evidence(tx, call, "show_duties", applicant_id=facts.code.applicant_id, content=content)
    return posted.addresses[language] if posted else None
