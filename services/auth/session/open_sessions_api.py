from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict

from libs.common.admission import CurrentCall, CurrentDatabase, admits, require_principal
from libs.common.http import new_router
from services.auth.agent_account.rules import ROLES
from services.auth.parts import parts_of
from services.auth.session import open_sessions_store as store
from services.auth.session.commands import lifetime_of
from services.auth.session.open_sessions import (
    end_own_other_sessions,
    end_own_session,
    end_session_of_applicant,
    holder_of,
    require_overseen_code,
)
from services.auth.session.open_sessions_store import OpenSession, Span
from services.auth.session.rules import MANDATARY, acr_of

router = new_router(tags=["sessions"])

PAGE = 50
LARGEST_PAGE = 200
NEWEST = UUID(int=(1 << 128) - 1)
Before = Annotated[UUID, Query()]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]
AGENTS = tuple(f"{kind}:{role}" for kind in ("agent", "department_agent") for role in sorted(ROLES))
STAFF = ("agent:support", "agent:security")


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True)


class ListedClient(_Listed):
    client_id: str
    name: str


class ListedSession(_Listed):
    """`user_code_id` is null for an agent's; `is_this` marks the session that the call is made in.

    `represented_applicant_id`: whom its person acts for under a power of attorney, if anybody.
    """

    session_id: UUID
    user_code_id: UUID | None
    started_at: datetime
    last_seen_at: datetime
    acr: str
    is_recourse: bool
    is_this: bool
    clients: list[ListedClient]
    address: str | None
    user_agent: str | None
    represented_applicant_id: UUID | None


class SessionPage(_Listed):
    """Newest first; `next` is given as `before` to read on."""

    sessions: list[ListedSession]
    next: UUID | None


@router.get("/v1/me/sessions")
@admits("person_in_charge", "user", MANDATARY, *AGENTS, recourse=True, needs_facts=False)
async def list_own_sessions(
    call: CurrentCall, database: CurrentDatabase, request: Request, before: Before = NEWEST, limit: Limit = PAGE
) -> SessionPage:
    span = _span(request, before, limit)
    return _page(request, call, await store.list_of_holder(database, holder_of(call), span=span), limit=limit)


@router.delete("/v1/me/sessions", status_code=204)
@admits("person_in_charge", "user", MANDATARY, *AGENTS, recourse=True, needs_facts=False)
async def delete_own_other_sessions(call: CurrentCall, database: CurrentDatabase) -> None:
    await end_own_other_sessions(database, call)


@router.delete("/v1/me/sessions/{session_id}", status_code=204)
@admits("person_in_charge", "user", MANDATARY, *AGENTS, recourse=True, needs_facts=False)
async def delete_own_session(session_id: UUID, call: CurrentCall, database: CurrentDatabase) -> None:
    await end_own_session(database, call, session_id)


@router.get("/v1/applicants/{applicant_id}/sessions")
@admits("person_in_charge", *STAFF, needs_facts=False)
async def list_sessions_of_applicant(  # noqa: PLR0913 - a route's parameters, each by name
    *,
    applicant_id: UUID,
    call: CurrentCall,
    database: CurrentDatabase,
    request: Request,
    user_code_id: UUID | None = None,
    before: Before = NEWEST,
    limit: Limit = PAGE,
) -> SessionPage:
    if user_code_id is not None:
        await require_overseen_code(database, call, user_code_id, applicant_id=applicant_id)
    found = await store.list_of_applicant(
        database,
        applicant_id,
        user_code_id=user_code_id,
        of_all=require_principal(call).is_staff,
        span=_span(request, before, limit),
    )
    return _page(request, call, found, limit=limit)


@router.delete("/v1/applicants/{applicant_id}/sessions/{session_id}", status_code=204)
@admits("person_in_charge", *STAFF, needs_facts=False)
async def delete_session_of_applicant(
    applicant_id: UUID, session_id: UUID, call: CurrentCall, database: CurrentDatabase
) -> None:
    await end_session_of_applicant(database, call, applicant_id=applicant_id, session_id=session_id)


def _span(request: Request, before: UUID, limit: int) -> Span:
    lifetime = lifetime_of(parts_of(request).settings)
    at: datetime = request.state.at
    return Span(at - lifetime.idle, at - lifetime.longest, before, limit)


def _page(request: Request, call: CurrentCall, found: list[OpenSession], *, limit: int) -> SessionPage:
    this = require_principal(call).session_id
    language: str = request.state.language
    return SessionPage(
        sessions=[_listed(one, this=this, language=language) for one in found],
        next=found[-1].id if len(found) == limit else None,
    )


def _listed(found: OpenSession, *, this: UUID | None, language: str) -> ListedSession:
    return ListedSession(
        session_id=found.id,
        user_code_id=found.user_code_id,
        started_at=found.started_at,
        last_seen_at=found.last_seen_at,
        acr=acr_of(found.amr),
        is_recourse=found.is_recourse,
        is_this=found.id == this,
        clients=[
            ListedClient(client_id=one.client_id, name=one.name_fr if language == "fr" else one.name_en)
            for one in found.clients
        ],
        address=found.address,
        user_agent=found.user_agent,
        represented_applicant_id=found.represented_applicant_id,
    )
