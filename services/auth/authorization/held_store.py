"""Sessions as tokens rest on them: read with whose they are and what `standing` refuses, in one statement."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from libs.common.database import Connection, Database
from services.auth.agent_account.commands import find_agent
from services.auth.session.holder import Holder
from services.auth.session.rules import Session
from services.auth.session.store import COLUMNS as SESSION_COLUMNS
from services.auth.session.store import session_of
from services.auth.user_code.store import FACTS, facts_of

READ_AS = {name.strip(): f"session_{name.strip()}" for name in SESSION_COLUMNS.split(",")}
SESSION_AND_BOUND = f"""
    {", ".join(f"s.{name} AS {read_as}" for name, read_as in READ_AS.items())},
    (SELECT max(found.refuse_issued_before)
     FROM (VALUES ('applicant', s.applicant_id::text), ('applicant', s.represented_applicant_id::text),
                  ('user_code', s.user_code_id::text),
                  ('session', s.id::text), ('agent', s.agent_id::text)) AS subject (kind, id)
     CROSS JOIN LATERAL (
        SELECT refuse_issued_before FROM standing
        WHERE subject_kind = subject.kind AND subject_id = subject.id OFFSET 0) AS found) AS bound"""
# Only the facts' columns keep their names.
HELD_COLUMNS = f"{SESSION_AND_BOUND}, f.*"
WITH_FACTS = f"LEFT JOIN ({FACTS}) f ON f.id = s.user_code_id"


@dataclass(frozen=True, slots=True)
class HeldSession:
    """`bound`: what `standing` refuses tokens of it up to."""

    session: Session
    holder: Holder
    bound: datetime | None


async def held_session_of(database: Database | Connection, row: asyncpg.Record) -> HeldSession:
    """From HELD_COLUMNS."""
    session = session_in(row)
    if row["id"] is not None:
        return HeldSession(session, Holder.of(facts_of(row)), row["bound"])
    agent = None if session.agent_id is None else await find_agent(database, session.agent_id)
    return HeldSession(session, Holder(agent=agent), row["bound"])


def session_in(row: asyncpg.Record) -> Session:
    """From SESSION_AND_BOUND."""
    return session_of({name: row[read_as] for name, read_as in READ_AS.items()})
