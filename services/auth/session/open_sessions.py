"""Ends sessions from outside of them: one's own, a user's by a person in charge, anybody's by the provider."""

from uuid import UUID

from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.principal import Principal
from services.auth.session import commands, rules, store
from services.auth.session.rules import Session
from services.auth.user_code.commands import find_facts
from services.auth.user_code.rules import Facts


def holder_of(call: Call) -> UUID:
    """Raises UnknownOrForeign for who has no sessions here."""
    principal = require_principal(call)
    holder_id = principal.user_code_id or principal.agent_id
    if holder_id is None:
        raise UnknownOrForeign
    return holder_id


async def end_own_session(database: Database, call: Call, session_id: UUID) -> None:
    """Once more is no news. Raises UnknownOrForeign."""
    holder_id = holder_of(call)
    async with database.transaction() as tx:
        session = await store.find(tx, session_id)
        if session is None or holder_id not in {session.user_code_id, session.agent_id}:
            raise UnknownOrForeign
        await commands.end_session(tx, call, session, reason="signed-out")


async def end_own_other_sessions(database: Database, call: Call) -> None:
    """All but the one that the call is made in."""
    holder_id = holder_of(call)
    but = require_principal(call).session_id or commands.NOBODY
    async with database.transaction() as tx:
        for session in await store.list_open_of_holder(tx, holder_id, but=but):
            await commands.end_session(tx, call, session, reason="signed-out")


async def end_session_of_applicant(
    database: Database, call: Call, *, applicant_id: UUID, session_id: UUID
) -> None:
    """Once more is no news. Raises UnknownOrForeign, also for a peer's session."""
    async with database.transaction() as tx:
        session = await store.find(tx, session_id)
        facts = None if session is None else await _facts_of(tx, session)
        if session is None or facts is None:
            raise UnknownOrForeign
        _require_overseen(require_principal(call), facts, applicant_id=applicant_id)
        await commands.end_session(tx, call, session, reason="ended-by-other")


async def require_overseen_code(database: Database, call: Call, user_code_id: UUID, *, applicant_id: UUID) -> None:
    """Raises UnknownOrForeign for a code whose sessions the caller may not see."""
    facts = await find_facts(database, user_code_id)
    if facts is None:
        raise UnknownOrForeign
    _require_overseen(require_principal(call), facts, applicant_id=applicant_id)


async def _facts_of(tx: Connection, session: Session) -> Facts | None:
    return None if session.user_code_id is None else await find_facts(tx, session.user_code_id)


def _require_overseen(principal: Principal, facts: Facts, *, applicant_id: UUID) -> None:
    if not rules.is_overseen(facts, applicant_id=applicant_id, by_staff=principal.is_staff):
        raise UnknownOrForeign
