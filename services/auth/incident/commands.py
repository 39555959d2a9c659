from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from libs.common.call import Call
from libs.common.clock import now
from libs.common.contracts.auth import IncidentPassedOn, IncidentReported, IncidentResolved
from libs.common.contracts.envelope import Event, applicant_key
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from libs.common.holds import HoldAlreadyReleased, Side
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from services.auth.incident import rules, store
from services.auth.incident.answers import IncidentAnswer
from services.auth.incident.rules import Incident, Kind, Outcome, Reporter
from services.auth.incident.store import Step
from services.auth.session.watching import forget_marks_of
from services.auth.settings import AuthSettings
from services.auth.user_code import suspension
from services.auth.user_code.commands import find_facts
from services.auth.user_code.hold_rules import UserCodeNotActive

SERVICE = "auth"
CREATED = 201
REASON = "incident"


async def report_incident(  # noqa: PLR0913 - one report's facts, each by name
    database: Database,
    call: Call,
    settings: AuthSettings,
    *,
    applicant_id: UUID,
    reporter: Reporter,
    concerned: UUID | None,
    kind: Kind,
    description: str,
) -> IncidentAnswer:
    """Holds the code at once and ends its sessions (clauses 19, 21). Raises what rules raise, UnknownOrForeign."""
    own_code = call.principal.user_code_id if call.principal else None
    user_code_id = rules.require_may_report(reporter, own_code=own_code, concerned=concerned)
    async with database.transaction() as tx:
        await claim(tx, call)
        incident = rules.report(
            reporter,
            new_id(),
            applicant_id=applicant_id,
            user_code_id=user_code_id,
            kind=kind,
            description=description,
            by=call.actor,
            silence=timedelta(hours=settings.incident_silence_hours),
            at=call.at,
        )
        facts = await find_facts(tx, user_code_id)
        if facts is None or facts.code.applicant_id != applicant_id:
            raise UnknownOrForeign
        # An incident locks its code: what is about the code goes one after another from here.
        await suspension.lock_code(tx, call, user_code_id)
        await store.add(tx, incident)
        await _hold(tx, call, incident)
        await store.add_step(tx, incident.id, Step(call.at, "reported", call.actor, None))
        await _tell(tx, call, incident, event=_reported(incident), command="report_incident")
        answer = IncidentAnswer.of(incident)
        await keep(tx, call, status=CREATED, body=answer)
    return answer


async def pass_on_incident(
    database: Database, call: Call, *, applicant_id: UUID, incident_id: UUID
) -> IncidentAnswer:
    """One press tells the provider (clause 21). Raises what rules raise."""
    async with database.transaction() as tx:
        incident = await _for_update(tx, incident_id, applicant_id=applicant_id)
        return IncidentAnswer.of(await _pass_on(tx, call, incident, step="passed-on"))


async def pass_on_silent_incidents(database: Database) -> None:
    """A person in charge who was silent for too long is passed over."""
    call = Call(actor="system", at=now(), correlation_id=new_id())
    async with database.transaction() as tx:
        for incident in await store.list_silent_for_update(tx, at=call.at):
            await _pass_on(tx, call, incident, step="passed-on-by-silence")


async def resolve_incident(  # noqa: PLR0913 - one decision's facts, each by name
    database: Database,
    call: Call,
    *,
    applicant_id: UUID,
    incident_id: UUID,
    outcome: Outcome,
    note: str | None,
    is_provider: bool,
) -> IncidentAnswer:
    """Releases the hold of the side that resolves; another side's, and any other hold, stays.

    Raises what rules raise.
    """
    own_code = call.principal.user_code_id if call.principal else None
    if is_provider:
        await _tell_provider(database, call, incident_id, applicant_id=applicant_id)
    async with database.transaction() as tx:
        incident = await _for_update(tx, incident_id, applicant_id=applicant_id)
        held, _ = await suspension.lock_code(tx, call, incident.user_code_id)
        resolved = rules.resolve(
            incident,
            outcome=outcome,
            by=call.actor,
            own_code=own_code,
            is_provider=is_provider,
            password_set_at=held.opened_by_password_since,
            at=call.at,
        )
        await store.save_resolved(tx, resolved)
        if outcome is Outcome.CONFIRMED:
            await forget_marks_of(tx, incident.user_code_id)
        await store.add_step(tx, incident_id, Step(call.at, "resolved", call.actor, note))
        await _release(tx, call, resolved, side=Side.PROVIDER if is_provider else Side.APPLICANT)
        event = IncidentResolved(
            applicant_id=applicant_id,
            incident_id=incident_id,
            user_code_id=resolved.user_code_id,
            outcome=outcome.value,
        )
        await _tell(tx, call, resolved, event=event, command="resolve_incident")
    return IncidentAnswer.of(resolved)


async def _for_update(tx: Connection, incident_id: UUID, *, applicant_id: UUID) -> Incident:
    incident = await store.find_for_update(tx, incident_id, applicant_id=applicant_id)
    if incident is None:
        raise rules.UnknownIncident
    return incident


async def _tell_provider(database: Database, call: Call, incident_id: UUID, *, applicant_id: UUID) -> None:
    """An agent who would resolve it knows of it: the instant is kept, also when resolving is refused."""
    async with database.transaction() as tx:
        incident = await _for_update(tx, incident_id, applicant_id=applicant_id)
        if rules.is_news_to_provider(incident):
            await _pass_on(tx, call, incident, step="passed-on")


async def _pass_on(tx: Connection, call: Call, incident: Incident, *, step: str) -> Incident:
    passed = rules.pass_on(incident, at=call.at)
    await store.save_passed_on(tx, passed)
    await store.add_step(tx, passed.id, Step(call.at, step, call.actor, None))
    await _hold(tx, call, passed)
    event = IncidentPassedOn(
        applicant_id=passed.applicant_id,
        incident_id=passed.id,
        user_code_id=passed.user_code_id,
        kind=passed.kind.value,
        reported_to_provider_at=call.at,
        by_silence=step == "passed-on-by-silence",
    )
    await _tell(tx, call, passed, event=event, command="pass_on_incident")
    return passed


async def _hold(tx: Connection, call: Call, incident: Incident) -> None:
    """On the side of whoever has to deal with it: that side alone releases it. The last one's too."""
    side = Side.PROVIDER if incident.is_with_provider else Side.APPLICANT
    # A revoked code needs none.
    with suppress(UserCodeNotActive):
        placed = await suspension.place_hold(
            tx,
            call,
            incident.user_code_id,
            side=side,
            reason_code=REASON,
            grounds=f"incident {incident.id}",
            is_last_confirmed=True,
            is_entitled=True,
        )
        await store.add_hold(tx, incident.id, hold_id=placed.hold_id, side=side)


async def _release(tx: Connection, call: Call, incident: Incident, *, side: Side) -> None:
    hold_id = await store.find_hold(tx, incident.id, side=side)
    if hold_id is not None:
        with suppress(HoldAlreadyReleased):
            await suspension.release_hold(
                tx, call, incident.user_code_id, hold_id=hold_id, side=side, is_entitled=True
            )


def _reported(incident: Incident) -> IncidentReported:
    return IncidentReported(
        applicant_id=incident.applicant_id,
        incident_id=incident.id,
        user_code_id=incident.user_code_id,
        kind=incident.kind.value,
        reported_to_person_in_charge_at=incident.reported_to_person_in_charge_at,
        reported_to_provider_at=incident.reported_to_provider_at,
        passes_on_at=incident.passes_on_at,
    )


async def _tell(tx: Connection, call: Call, incident: Incident, *, event: Event, command: str) -> None:
    """The two instants are evidence: the applicant answers for acts before the second (clause 19)."""
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(incident.applicant_id))
    told = {
        "reported_to_person_in_charge_at": incident.reported_to_person_in_charge_at,
        "reported_to_provider_at": incident.reported_to_provider_at,
    }
    content = {
        "incident_id": str(incident.id),
        "user_code_id": str(incident.user_code_id),
        "kind": incident.kind.value,
        "channel": incident.channel.value,
        **{name: at.isoformat() if at else None for name, at in told.items()},
        "outcome": incident.outcome.value if incident.outcome else None,
    }
    await record_evidence(tx, call, command, applicant_id=incident.applicant_id, content=content)
