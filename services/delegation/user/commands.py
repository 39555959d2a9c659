from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from libs.common.call import Call
from libs.common.contracts.delegation import UserAdded
from libs.common.contracts.envelope import applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import (
    ApplicantNotActive,
    DomainError,
    ServiceUnavailable,
    UnknownOrForeign,
    UserCodeAlreadyUsed,
)
from libs.common.evidence import record_evidence
from libs.common.idempotency import ShownOnce, claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.service_calls import ServiceCalls
from services.delegation.access_right.commands import described, set_rights
from services.delegation.access_right.rules import Holder, Right
from services.delegation.applicant import commands as applicants
from services.delegation.disclosure.commands import set_disclosure
from services.delegation.person_in_charge.commands import SERVICE, require_acting_person_in_charge
from services.delegation.user import rules, store
from services.delegation.user.rules import User

CREATED = 201
REFUSALS: dict[str, type[DomainError]] = {error.code: error for error in (ApplicantNotActive, UserCodeAlreadyUsed)}


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a person in charge says of the user they add."""

    given_name: str
    family_name: str
    email: str
    language: Literal["fr", "en"]
    rights: Sequence[Right]
    disclosure_to: Sequence[str]


class CodeOfUser(BaseModel):
    """The code and one-time password are shown once, to the person in charge (clause 18)."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    user_code_id: UUID
    user_code: ShownOnce | None
    one_time_password: ShownOnce | None
    codes_pending: bool


class _Assigned(BaseModel):
    user_code: SecretStr
    one_time_password: SecretStr


async def add_user(  # noqa: PLR0913 - what a command with an outer call needs, each by name
    database: Database,
    calls: ServiceCalls,
    call: Call,
    *,
    applicant_id: UUID,
    new: NewUser,
    limit: int,
    pairwise_key: bytes,
) -> CodeOfUser:
    """Clauses 11, 12, 14. Commits first; when auth is away the user stands with `codes_pending`.

    Raises ApplicantNotActive, TooManyUsers, and what checking rights and recipients raises.
    """
    user = _user(call, applicant_id, new)
    async with database.transaction() as tx:
        await claim(tx, call)
        await applicants.lock_active(tx, applicant_id)
        await require_acting_person_in_charge(tx, call, applicant_id)
        rules.require_room(await store.count(tx, applicant_id), limit=limit)
        await _store(tx, call, user, new=new, pairwise_key=pairwise_key)
        await keep(tx, call, status=CREATED, body=_without_secrets(user))
    try:
        assigned = await _assign(calls, call, user)
    except DomainError:
        return _without_secrets(user)
    async with database.transaction() as tx:
        await store.save_assigned(tx, user.id)
        result = _with_secrets(user, assigned)
        await keep(tx, call, status=CREATED, body=result)
    return result


async def repeat_one_time_password(
    database: Database, calls: ServiceCalls, call: Call, *, applicant_id: UUID, user_id: UUID
) -> CodeOfUser:
    """A fresh one-time password for a code never used; the old one is dead.

    Raises UnknownOrForeign, UserCodeAlreadyUsed, ApplicantNotActive, ServiceUnavailable.
    """
    async with database.transaction() as tx:
        await applicants.lock_active(tx, applicant_id)
        await require_acting_person_in_charge(tx, call, applicant_id)
        user = await store.find(tx, applicant_id, user_id)
        if user is None:
            raise UnknownOrForeign
        await _record(tx, call, "repeat_one_time_password", user=user, more={})
    assigned = await _assign(calls, call, user)
    async with database.transaction() as tx:
        await store.save_assigned(tx, user.id)
    return _with_secrets(user, assigned)


def _user(call: Call, applicant_id: UUID, new: NewUser) -> User:
    return User(
        id=new_id(),
        applicant_id=applicant_id,
        user_code_id=new_id(),
        given_name=new.given_name,
        family_name=new.family_name,
        language=new.language,
        email=new.email,
        added_at=call.at,
        codes_pending=True,
    )


async def _store(tx: Connection, call: Call, user: User, *, new: NewUser, pairwise_key: bytes) -> None:
    await store.add(tx, user)
    await applicants.name_user_code(tx, user.applicant_id, user.user_code_id, pairwise_key=pairwise_key)
    added = UserAdded(
        applicant_id=user.applicant_id,
        user_id=user.id,
        user_code_id=user.user_code_id,
        given_name=user.given_name,
        family_name=user.family_name,
        language=new.language,
        email=user.email,
    )
    await publish(tx, call, added, service=SERVICE, partitionkey=applicant_key(user.applicant_id))
    holder = Holder(user.id, user.applicant_id, user.user_code_id)
    await set_rights(tx, call, holder, rights=new.rights)
    for recipient in new.disclosure_to:
        await set_disclosure(tx, call, holder, recipient=recipient)
    granted = {"rights": described(new.rights), "disclosure_to": sorted(set(new.disclosure_to))}
    await _record(tx, call, "add_user", user=user, more=granted)


async def _record(tx: Connection, call: Call, command: str, *, user: User, more: dict[str, object]) -> None:
    """Ids only: names stay in `users`."""
    content = {"user_id": str(user.id), "user_code_id": str(user.user_code_id), **more}
    await record_evidence(tx, call, command, applicant_id=user.applicant_id, content=content)


async def _assign(calls: ServiceCalls, call: Call, user: User) -> _Assigned:
    """Raises ServiceUnavailable, or the refusal that auth gave."""
    answer = await calls.request(
        "PUT",
        "auth",
        f"/internal/v1/user-codes/{user.user_code_id}",
        call=call,
        body={"applicant_id": str(user.applicant_id), "language": user.language},
    )
    try:
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return _Assigned.model_validate_json(answer.body)
        refusal = REFUSALS[answer.json()["code"]]
    except (ValidationError, ValueError, KeyError, TypeError):
        raise ServiceUnavailable(service="auth") from None
    raise refusal


def _without_secrets(user: User) -> CodeOfUser:
    return CodeOfUser(
        user_id=user.id,
        user_code_id=user.user_code_id,
        user_code=None,
        one_time_password=None,
        codes_pending=user.codes_pending,
    )


def _with_secrets(user: User, assigned: _Assigned) -> CodeOfUser:
    known = _without_secrets(replace(user, codes_pending=False))
    return known.model_copy(update=assigned.model_dump())
