import secrets
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.call import Call
from libs.common.contracts.envelope import applicant_key
from libs.common.contracts.registry import HoldPlaced, HoldReleased, ReactivationRefused, ReactivationRequested
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.holds import Hold, Side, find
from libs.common.idempotency import claim, keep
from libs.common.ids import new_id
from libs.common.outbox import publish
from libs.common.standing import set_standing
from services.registry.applicant import rules, store
from services.registry.applicant.rules import Applicant, CancelledBy, Decision, ReactivationRequest, State
from services.registry.enrolment.commands import enrol_with_registration
from services.registry.notice.commands import tell_departments

SERVICE = "registry"
SALT_BYTES = 32


class _Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class HoldResult(_Result):
    hold_id: UUID
    state: State


class StateResult(_Result):
    state: State
    since: datetime


class RequestResult(_Result):
    request_id: UUID


class Grounds(_Result):
    reason_code: str
    grounds: str
    placed_by: str
    placed_at: datetime
    release_grounds: str | None


async def activate(  # noqa: PLR0913 - the facts of one registration, each by name
    tx: Connection,
    call: Call,
    *,
    applicant_id: UUID,
    kind: str,
    name: str,
    identifiers: dict[str, str],
    representative: str,
) -> None:
    """The applicant of a file that has just become active, enrolled as clause 1 says."""
    applicant = Applicant(id=applicant_id, kind=kind, name=name, state_since=call.at)
    await store.add(tx, applicant, identifiers=identifiers, representative=representative)
    await enrol_with_registration(tx, call, applicant_id=applicant_id)
    await record_evidence(tx, call, "activate_applicant", applicant_id=applicant_id, content={"kind": kind})


async def place_hold(  # noqa: PLR0913 - what one hold says, each by name
    database: Database, call: Call, *, applicant_id: UUID, side: Side, reason_code: str, grounds: str
) -> HoldResult:
    async with database.transaction() as tx:
        await claim(tx, call)
        before = await store.lock(tx, applicant_id)
        hold = Hold(new_id(), side, reason_code, grounds, call.actor, call.at)
        after = rules.place_hold(before, hold)
        salt = secrets.token_bytes(SALT_BYTES)
        await store.add_hold(tx, applicant_id, hold, salt=salt)
        await _publish(tx, call, HoldPlaced(applicant_id=applicant_id, hold_id=hold.id, side=side.value))
        await _announce(tx, call, before, after=after)
        content = {
            "hold_id": str(hold.id),
            "side": side.value,
            "state": after.state.value,
            "reason_hmac_sha256": rules.seal(reason_code, salt=salt),
            "grounds_hmac_sha256": rules.seal(grounds, salt=salt),
        }
        await record_evidence(tx, call, "place_hold", applicant_id=applicant_id, content=content)
        result = HoldResult(hold_id=hold.id, state=after.state)
        await keep(tx, call, status=201, body=result)
        return result


async def release_hold(  # noqa: PLR0913 - what one release says, each by name
    database: Database, call: Call, *, applicant_id: UUID, hold_id: UUID, side: Side, grounds: str | None
) -> HoldResult:
    async with database.transaction() as tx:
        before = await store.lock(tx, applicant_id)
        after = rules.release_hold(before, hold_id, side=side, by=call.actor, at=call.at)
        await store.save_release(tx, find(after.holds, hold_id), grounds=grounds)
        await _publish(tx, call, HoldReleased(applicant_id=applicant_id, hold_id=hold_id))
        await _announce(tx, call, before, after=after)
        content = {"hold_id": str(hold_id), "side": side.value, "state": after.state.value}
        if grounds is not None:
            content["grounds_hmac_sha256"] = rules.seal(grounds, salt=await store.get_salt(tx, hold_id))
        await record_evidence(tx, call, "release_hold", applicant_id=applicant_id, content=content)
        return HoldResult(hold_id=hold_id, state=after.state)


async def read_grounds(database: Database, call: Call, *, applicant_id: UUID, hold_id: UUID) -> Grounds:
    """Each reading leaves its own evidence. Raises UnknownHold."""
    async with database.transaction() as tx:
        grounds = Grounds.model_validate(dict(await store.get_grounds(tx, applicant_id, hold_id)))
        content = {"hold_id": str(hold_id)}
        await record_evidence(tx, call, "read_grounds", applicant_id=applicant_id, content=content)
        return grounds


async def cancel_registration(
    database: Database, call: Call, *, applicant_id: UUID, cancelled_by: CancelledBy
) -> StateResult:
    async with database.transaction() as tx:
        await claim(tx, call)
        before = await store.lock(tx, applicant_id)
        after = rules.cancel(before, by=cancelled_by, at=call.at)
        await _announce(tx, call, before, after=after)
        content = {"cancelled_by": cancelled_by.value, "state_before": before.state.value}
        await record_evidence(tx, call, "cancel_registration", applicant_id=applicant_id, content=content)
        result = StateResult(state=after.state, since=after.state_since)
        await keep(tx, call, status=200, body=result)
        return result


async def request_reactivation(database: Database, call: Call, *, applicant_id: UUID) -> RequestResult:
    async with database.transaction() as tx:
        await claim(tx, call)
        before = await store.lock(tx, applicant_id)
        request = ReactivationRequest(new_id(), call.actor, call.at)
        rules.request_reactivation(before, request)
        await store.add_request(tx, applicant_id, request)
        await _publish(tx, call, ReactivationRequested(applicant_id=applicant_id, request_id=request.id))
        content = {"request_id": str(request.id)}
        await record_evidence(tx, call, "request_reactivation", applicant_id=applicant_id, content=content)
        result = RequestResult(request_id=request.id)
        await keep(tx, call, status=201, body=result)
        return result


async def decide_reactivation(  # noqa: PLR0913 - what one decision says, each by name
    database: Database, call: Call, *, applicant_id: UUID, request_id: UUID, decision: Decision, grounds: str
) -> StateResult:
    async with database.transaction() as tx:
        before = await store.lock(tx, applicant_id)
        after = rules.decide_reactivation(before, request_id, decision=decision, at=call.at)
        salt = secrets.token_bytes(SALT_BYTES)
        await store.save_decision(
            tx, request_id, decision=decision, by=call.actor, at=call.at, grounds=grounds, salt=salt
        )
        if decision is Decision.REFUSED:
            await _publish(tx, call, ReactivationRefused(applicant_id=applicant_id, request_id=request_id))
        await _announce(tx, call, before, after=after)
        content = {
            "request_id": str(request_id),
            "decision": decision.value,
            "state": after.state.value,
            "grounds_hmac_sha256": rules.seal(grounds, salt=salt),
        }
        await record_evidence(tx, call, "decide_reactivation", applicant_id=applicant_id, content=content)
        return StateResult(state=after.state, since=after.state_since)


async def _announce(tx: Connection, call: Call, before: Applicant, *, after: Applicant) -> None:
    """Stores and tells a change of derived state, and only such a change."""
    events = rules.announcements(before, after)
    if not events:
        return
    await store.save_state(tx, before, after)
    await set_standing(tx, "applicant", after.id, source=SERVICE, state=after.state.value, changed_at=call.at)
    for event in events:
        await _publish(tx, call, event)
        await tell_departments(tx, call, event)


async def _publish(
    tx: Connection,
    call: Call,
    event: rules.StateEvent | HoldPlaced | HoldReleased | ReactivationRequested | ReactivationRefused,
) -> None:
    await publish(tx, call, event, service=SERVICE, partitionkey=applicant_key(event.applicant_id))
