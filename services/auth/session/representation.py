"""For whom a person acts, by powers of attorney: asked of delegation each time, and no copy is kept."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from http import HTTPStatus
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from libs.common.access_records import Circumstances
from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import ServiceUnavailable
from services.auth.parts import Parts
from services.auth.session import rules, store
from services.auth.session.holder import Holder, Represented
from services.auth.session.rules import Session

DELEGATION = "delegation"
MOST = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """`is_known`: whether delegation answered. One's own applicant can always be chosen."""

    represented: tuple[Represented, ...]
    is_known: bool


class _Represented(BaseModel):
    applicant_id: UUID
    power_of_attorney_id: UUID
    name: str = Field(repr=False)
    number: str | None = Field(repr=False)
    ends_on: date | None


class _Answer(BaseModel):
    represented_applicants: list[_Represented] = Field(max_length=MOST)


async def find_choices(parts: Parts, user_code_id: UUID, circumstances: Circumstances) -> Choices:
    try:
        return Choices(await _ask(parts, user_code_id, circumstances), is_known=True)
    except ServiceUnavailable:
        return Choices((), is_known=False)


async def with_choices(parts: Parts, holder: Holder, circumstances: Circumstances) -> Holder:
    """While delegation is away a person acts for their own applicant."""
    if holder.facts is None:
        return holder
    choices = await find_choices(parts, holder.facts.code.id, circumstances)
    return replace(holder, represented=choices.represented)


async def is_power_in_force(parts: Parts, session: Session, circumstances: Circumstances) -> bool:
    """Whether the power of attorney of a session, if it has one, still is what it was chosen by.

    Raises ServiceUnavailable.
    """
    if session.power_of_attorney_id is None:
        return True
    if session.user_code_id is None:
        return False
    chosen = (session.represented_applicant_id, session.power_of_attorney_id)
    found = await _ask(parts, session.user_code_id, circumstances)
    return chosen in {(one.applicant_id, one.power_of_attorney_id) for one in found}


async def may_go_on_acting(parts: Parts, session: Session, circumstances: Circumstances) -> bool:
    """Under a power only while delegation confirms it."""
    try:
        return await is_power_in_force(parts, session, circumstances)
    except ServiceUnavailable:
        return False


async def offer_choice(database: Database, request_secret: str, *, session_id: UUID, expires_at: datetime) -> None:
    await store.add_choice(
        database, rules.hash_secret(request_secret), session_id=session_id, expires_at=expires_at
    )


async def is_choice_offered(database: Database | Connection, request_secret: str, *, session_id: UUID) -> bool:
    return await store.find_choice(database, rules.hash_secret(request_secret)) == session_id


async def take_choice(tx: Connection, request_secret: str) -> None:
    """It is made: nothing waits for it any more."""
    await store.remove_choice(tx, rules.hash_secret(request_secret))


async def forget_old_choices(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old_choices(tx, before=at)


async def _ask(parts: Parts, user_code_id: UUID, circumstances: Circumstances) -> tuple[Represented, ...]:
    call = Call(f"user_code:{user_code_id}", circumstances.at, circumstances.correlation_id)
    path = f"/internal/v1/user-codes/{user_code_id}/represented-applicants"
    answer = await parts.service_calls.request("GET", DELEGATION, path, call=call)
    try:
        if answer.status == HTTPStatus.OK:
            found = _Answer.model_validate_json(answer.body).represented_applicants
            return tuple(Represented(**dict(one)) for one in found)
    except ValidationError as error:
        raise ServiceUnavailable(service=DELEGATION) from error
    raise ServiceUnavailable(service=DELEGATION)
