"""Any number of active people with one password, put straight into auth's tables."""

import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from libs.common.ids import new_id
from services.auth.user_code.passwords import HashedPassword
from services.auth.user_code.rules import ALPHABET, CODE_LENGTH

PASSWORD = "a crowd by the lake at noon"
CODES = (
    *("id", "applicant_id", "assigned_by", "code", "language", "state", "assigned_at", "activated_at"),
    *("password_hash", "pepper_key_id", "password_set_at", "password_is_one_time", "first_used_at"),
)
PERSONS = ("user_code_id", "applicant_id", "role", "named_at", "cleared_at")
SESSIONS = (
    *("id", "secret_hash", "stage", "user_code_id", "applicant_id", "is_recourse", "amr"),
    *("authenticated_at", "last_seen_at", "started_at"),
)
GRANTS = ("id", "client_id", "session_id", "scope", "resources", "code_hash", "given_at", "expires_at")
REFRESH_TOKENS = ("token_hash", "grant_id", "given_at", "expires_at")
REGISTRATIONS = ("applicant_id", "state", "activated_at", "changed_at")
DUTIES_SHOWN = ("user_code_id", "conditions", "role", "language", "shown_at")
SELECT_POSTED = "SELECT version FROM posted_conditions"
AGO = timedelta(days=1)


def code_of(number: int) -> str:
    """The user code of the person with this number."""
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(reversed(letters))


async def add_crowd(
    connection: asyncpg.Connection, password: HashedPassword, *, count: int, at: datetime, first: int = 0
) -> list[tuple[UUID, UUID]]:
    """Ids of codes and applicants, in the order of their numbers from `first` on; `password`: hash of PASSWORD."""
    people = [(new_id(), new_id()) for _ in range(count)]
    since = at - AGO
    await _copy(connection, "registrations", REGISTRATIONS, ((a, "active", since, since) for _, a in people))
    named = ((code, a, "person_in_charge", since, since) for code, a in people)
    await _copy(connection, "persons", PERSONS, named)
    hashed = (password.hash, password.pepper_key_id, since, False, since)
    codes = (
        (code, a, "registry", code_of(number), "fr", "active", since, since, *hashed)
        for number, (code, a) in enumerate(people, first)
    )
    await _copy(connection, "user_codes", CODES, codes)
    for posted in await connection.fetch(SELECT_POSTED):
        told = ((code, posted["version"], "person_in_charge", "fr", since) for code, _ in people)
        await _copy(connection, "duties_shown", DUTIES_SHOWN, told)
    return people


async def add_sessions(
    connection: asyncpg.Connection, people: list[tuple[UUID, UUID]], *, client_id: str, at: datetime
) -> None:
    """One living session of each, with a grant that may be refreshed; nobody knows their secrets."""
    ids = [(new_id(), new_id()) for _ in people]
    seen = (False, ["pwd"], at, at, at)
    opened = (
        (session, secrets.token_bytes(32), "complete", code, applicant, *seen)
        for (session, _), (code, applicant) in zip(ids, people, strict=True)
    )
    await _copy(connection, "sessions", SESSIONS, opened)
    scope, until = ["openid", "offline_access"], at + timedelta(hours=10)
    resources: list[str] = []
    given = (
        (grant, client_id, session, scope, resources, secrets.token_bytes(32), at, until) for session, grant in ids
    )
    await _copy(connection, "token_grants", GRANTS, given)
    tokens = ((secrets.token_bytes(32), grant, at, until) for _, grant in ids)
    await _copy(connection, "refresh_tokens", REFRESH_TOKENS, tokens)


async def _copy(
    connection: asyncpg.Connection, table: str, columns: tuple[str, ...], rows: Iterator[tuple[object, ...]]
) -> None:
    await connection.copy_records_to_table(table, columns=columns, records=rows, timeout=600)
