"""A person in charge extends access to users; each gets a code of their own (clauses 11, 12, 14, 15)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.errors import Conflict


@dataclass(frozen=True, slots=True)
class User:
    """Names, language and e-mail are kept by this service alone."""

    id: UUID
    applicant_id: UUID
    user_code_id: UUID
    given_name: str
    family_name: str
    language: str
    email: str
    added_at: datetime
    codes_pending: bool


class TooManyUsers(Conflict):
    code = "too-many-users"
    en = "There are already {limit} users, the most that you may have."
    fr = "Il y a déjà {limit} utilisateurs, le nombre maximal."


def require_room(present: int, *, limit: int) -> None:
    """Raises TooManyUsers."""
    if present >= limit:
        raise TooManyUsers(limit=limit)
