"""What an auditor asks of the access records of one service: over a bounded time, for a purpose (clause 30)."""

from datetime import datetime, timedelta
from uuid import UUID

from fastapi import Request

from libs.common import access_records
from libs.common.access_records import AccessRecord
from libs.common.database import Database
from libs.common.errors import Invalid

LONGEST = timedelta(days=31)
# A record bears the instant at which its call began and is committed within this time, whatever that waited for:
# more than the deadlines of a connection, of a statement and of calls to others together.
LONGEST_CALL = timedelta(seconds=30)


class WindowTooLong(Invalid):
    code = "records-window-too-long"
    en = "Ask for at most 31 days at once, from the earlier instant to the later."
    fr = "Demandez au plus 31 jours à la fois, de l'instant le plus ancien au plus récent."


class OneSubjectOnly(Invalid):
    code = "records-of-one-subject"
    en = "Ask for one user code, one client or one agent at a time."
    fr = "Demandez un seul code d'utilisateur, un seul client ou un seul agent à la fois."


async def applicant_of_asked_code(request: Request) -> UUID | None:
    """So that opening a person's records stands among their applicant's."""
    try:
        user_code_id = UUID(request.query_params.get("user_code_id", ""))
    except ValueError:
        return None
    return await access_records.find_applicant_of_code(request.app.state.database, user_code_id)


def require_window(since: datetime, until: datetime) -> None:
    """Raises WindowTooLong."""
    if not timedelta(0) <= until - since <= LONGEST:
        raise WindowTooLong


def settled(until: datetime | None, *, at: datetime) -> datetime:
    """The end of what is complete: a page that went further would be passed by records committed later."""
    latest = at - LONGEST_CALL
    return latest if until is None else min(until, latest)


async def list_for_auditor(  # noqa: PLR0913 - one question, each part by name
    database: Database,
    *,
    user_code_id: UUID | None,
    client_id: str | None,
    agent_id: UUID | None,
    until: datetime,
    after: tuple[datetime, UUID],
    limit: int,
) -> list[AccessRecord]:
    """Of one subject or, without any, of everybody. Raises OneSubjectOnly."""
    if sum(asked is not None for asked in (user_code_id, client_id, agent_id)) > 1:
        raise OneSubjectOnly
    if user_code_id is not None:
        return await access_records.list_of_user_code(
            database, user_code_id, until=until, after=after, limit=limit
        )
    if client_id is not None:
        return await access_records.list_of_client(database, client_id, until=until, after=after, limit=limit)
    if agent_id is not None:
        return await access_records.list_of_agent(database, agent_id, until=until, after=after, limit=limit)
    return await access_records.list_of_window(database, until=until, after=after, limit=limit)
