"""Routes that every service has: health, metrics, freshness and the feed (internal), records (public)."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import AfterValidator, AwareDatetime, BaseModel, TypeAdapter

from libs.common.access_records import AccessRecord, list_of_applicant, list_of_user_code
from libs.common.admission import CurrentCall, CurrentDatabase, admits, public, require_principal
from libs.common.auditing import (
    OneSubjectOnly,
    WindowTooLong,
    applicant_of_asked_code,
    list_for_auditor,
    require_window,
    settled,
)
from libs.common.clock import now
from libs.common.contracts.envelope import Envelope
from libs.common.description import raises
from libs.common.errors import Invalid, UnknownOrForeign
from libs.common.evidence import list_evidence
from libs.common.freshness import Freshness
from libs.common.http import Line, new_router
from libs.common.outbox import events_topic, list_after_position, list_after_sequence

PAGE = 200
NIL = UUID(int=0)
BEGINNING = datetime.fromtimestamp(0, UTC)
Limit = Annotated[int, Query(ge=1, le=1000)]
Place = Annotated[int, Query(ge=0, le=2**63 - 1)]
Cursor = Annotated[str | None, Query(max_length=80, pattern=r"^[0-9TZ:.+-]+_[0-9a-f-]{36}$")]


def _in_utc(at: datetime) -> datetime:
    """Raises ValueError for an instant whose year in UTC is outside 1 to 9999."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no year in UTC") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


class CursorNotUnderstood(Invalid):
    code = "cursor-not-understood"
    en = "The cursor is not one that this list gave."
    fr = "Le curseur n'est pas de ceux que cette liste a donnés."


class FeedItem(BaseModel):
    position: int
    event: Envelope


class Feed(BaseModel):
    events: list[FeedItem]


class AccessRecordPage(BaseModel):
    records: list[AccessRecord]
    next: str | None


class EvidenceRecordPage(BaseModel):
    records: list[dict[str, Any]]
    next: str | None


def internal_routes(service: str) -> APIRouter:
    """Health, metrics, freshness and the feed, for the port that is never routed publicly."""
    router = new_router(tags=["operations"])

    @router.get("/health/live")
    @public
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    @public
    async def ready() -> dict[str, str]:
        """No server listens before its database's schema was seen, nor once it is being stopped."""
        return {"status": "ready"}

    @router.get("/metrics")
    @public
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/internal/v1/freshness")
    @public
    async def freshness(request: Request) -> dict[str, Any]:
        return freshness_report(request.app.state.freshness)

    @router.get("/internal/v1/events", response_model_exclude_none=True)
    @admits("service:feeds", needs_facts=False)
    async def feed(
        database: CurrentDatabase,
        after: Place = 0,
        partitionkey: Line | None = None,
        after_sequence: Place = 0,
        limit: Limit = PAGE,
    ) -> Feed:
        topic = events_topic(service)
        if partitionkey is None:
            rows = await list_after_position(database, topic, position=after, limit=limit)
        else:
            rows = await list_after_sequence(
                database, topic, partitionkey=partitionkey, sequence=after_sequence, limit=limit
            )
        return Feed(events=[FeedItem(position=row.position, event=row.envelope) for row in rows])

    return router


def freshness_report(freshness: Freshness) -> dict[str, Any]:
    """Ages in seconds per publisher; `fresh` when none is older than `facts_warn_seconds`."""
    publishers = {
        name: {
            "age_seconds": round(min(freshness.age_seconds(name), 1e9), 3),
            "fresh": _is_fresh(freshness, name),
        }
        for name in freshness.publishers
    }
    return {
        "publishers": publishers,
        "fresh": all(_is_fresh(freshness, name) for name in freshness.publishers),
        "parked": freshness.parked,
        "lag": sum(freshness.lag.values()),
    }


def _is_fresh(freshness: Freshness, publisher: str) -> bool:
    return freshness.age_seconds(publisher) <= freshness.warn_seconds


def record_routes() -> APIRouter:
    """Access and evidence records, the same in every service; readers merge pages by (`at`, `id`)."""
    router = new_router(tags=["records"])

    @router.get("/v1/applicants/{applicant_id}/access-records")
    @admits("person_in_charge", "agent:auditor")
    @raises(CursorNotUnderstood)
    async def of_applicant(
        applicant_id: UUID,
        database: CurrentDatabase,
        until: Instant | None = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> AccessRecordPage:
        found = await list_of_applicant(
            database, applicant_id, until=until or now(), after=_after(cursor), limit=limit
        )
        return _access_page(found, limit)

    @router.get("/v1/me/access-records")
    @admits("person_in_charge", "user")
    @raises(CursorNotUnderstood)
    async def of_me(
        call: CurrentCall,
        database: CurrentDatabase,
        until: Instant | None = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> AccessRecordPage:
        user_code_id = require_principal(call).user_code_id
        if user_code_id is None:
            raise UnknownOrForeign
        found = await list_of_user_code(
            database, user_code_id, until=until or now(), after=_after(cursor), limit=limit
        )
        return _access_page(found, limit)

    _add_auditing(router)

    @router.get("/v1/applicants/{applicant_id}/evidence-records")
    @admits("person_in_charge", "agent:auditor")
    @raises(CursorNotUnderstood)
    async def evidence(
        applicant_id: UUID,
        database: CurrentDatabase,
        until: Instant | None = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> EvidenceRecordPage:
        found = await list_evidence(
            database, applicant_id, until=until or now(), after=_after(cursor), limit=limit
        )
        following = f"{found[-1]['at'].isoformat()}_{found[-1]['id']}" if len(found) == limit else None
        return EvidenceRecordPage(records=found, next=following)

    return router


def _add_auditing(router: APIRouter) -> None:
    @router.get("/v1/access-records")
    @admits("agent:auditor", applicant_of=applicant_of_asked_code, needs_purpose=True)
    @raises(CursorNotUnderstood, OneSubjectOnly, WindowTooLong)
    async def for_auditor(  # noqa: PLR0913 - one question, each part by name
        call: CurrentCall,
        database: CurrentDatabase,
        *,
        since: Annotated[Instant, Query(alias="from")],
        until: Instant | None = None,
        user_code_id: UUID | None = None,
        client_id: Line | None = None,
        agent_id: UUID | None = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> AccessRecordPage:
        """Ends 30 seconds ago at the latest, whatever `until` says: what began later may not be kept yet."""
        require_window(since, until or call.at)
        found = await list_for_auditor(
            database,
            user_code_id=user_code_id,
            client_id=client_id,
            agent_id=agent_id,
            until=settled(until, at=call.at),
            after=max(_after(cursor), (since, NIL)),
            limit=limit,
        )
        return _access_page(found, limit)


def _access_page(found: list[AccessRecord], limit: int) -> AccessRecordPage:
    following = f"{found[-1].at.isoformat()}_{found[-1].id}" if len(found) == limit else None
    return AccessRecordPage(records=found, next=following)


def _after(cursor: str | None) -> tuple[datetime, UUID]:
    if cursor is None:
        return BEGINNING, NIL
    at, _, record_id = cursor.partition("_")
    try:
        return INSTANT.validate_python(at), UUID(record_id)
    except ValueError as error:
        raise CursorNotUnderstood from error
