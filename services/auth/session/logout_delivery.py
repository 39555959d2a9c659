"""OpenID Connect Back-Channel Logout 1.0: clients are told that a session ended, at least once, for some hours.

Runs in each api: only there is the key that opens the signing keys (decision 0013).
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI
from prometheus_client import Counter

from libs.common.clock import now
from libs.common.database import Connection
from libs.common.ids import new_id
from services.auth.authorization.claims import sid_of, subject_of
from services.auth.client.commands import find_client
from services.auth.client.rules import Client
from services.auth.outbound import OutboundFault
from services.auth.parts import Parts
from services.auth.session import commands, rules, store
from services.auth.session import logout_delivery_store as deliveries
from services.auth.session.holder import Holder
from services.auth.session.logout_delivery_store import Delivery
from services.auth.session.rules import Session

log = logging.getLogger(__name__)

TOKEN_TYPE = "logout+jwt"  # noqa: S105 - a media type
EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFE = timedelta(minutes=2)
# Longer than a call may take: who claimed and died is followed by another.
CLAIMED_FOR = timedelta(minutes=1)
POLL_SECONDS = 1.0
KEPT = timedelta(days=7)
ACCEPTED = frozenset({200, 204})
DELIVERIES = Counter("clicsequr_logout_deliveries_total", "Logout tokens sent to clients", ["outcome"])
# Shown as zero before it counts: what appears with its first count was never seen to grow.
GIVEN_UP = DELIVERIES.labels("given-up")


async def deliver_logouts(app: FastAPI) -> None:
    """Goes on until the api stops; any number of replicas share the work."""
    parts: Parts = app.state.parts
    places = asyncio.Semaphore(rules.LOGOUT_CLIENTS_AT_ONCE)
    busy: set[str] = set()

    async def serve(client_id: str) -> None:
        try:
            await _deliver_all(parts, client_id, places=places)
        finally:
            busy.discard(client_id)

    async with asyncio.TaskGroup() as clients:
        while True:
            for client_id in set(await _list_due(parts)) - busy:
                busy.add(client_id)
                clients.create_task(serve(client_id))
            await asyncio.sleep(POLL_SECONDS)


async def deliver_some(parts: Parts, client_id: str) -> int:
    """Answers how many were tried. Raises DatabaseUnavailable."""
    at = now()
    most = rules.LOGOUTS_AT_ONCE_TO_CLIENT
    due = await deliveries.claim_due(parts.database, client_id, at=at, until=at + CLAIMED_FOR, most=most)
    await asyncio.gather(*(_deliver(parts, delivery) for delivery in due))
    return len(due)


async def forget_old(tx: Connection, *, at: datetime) -> int:
    return await deliveries.forget_old(tx, ended_before=at - KEPT)


async def _list_due(parts: Parts) -> list[str]:
    try:
        return await deliveries.list_clients_with_due(parts.database, at=now())
    except Exception:
        log.exception("what clients are to be told could not be read and is read again")
        return []


async def _deliver_all(parts: Parts, client_id: str, *, places: asyncio.Semaphore) -> None:
    """One round after the other; what is not claimed yet counts no attempt while others have the places."""
    tried = 1
    while tried:
        async with places:
            try:
                tried = await deliver_some(parts, client_id)
            except Exception:
                log.exception("logout tokens could not be delivered and are tried again")
                return


async def _deliver(parts: Parts, delivery: Delivery) -> None:
    fault = await _try(parts, delivery)
    at = now()
    if fault is None:
        DELIVERIES.labels("delivered").inc()
        await deliveries.save_delivered(parts.database, delivery, at=at)
        return
    wait = rules.logout_wait(delivery.attempts)
    about = {"client_id": delivery.client_id, "session_id": str(delivery.session_id), "fault": fault}
    if wait is None:
        GIVEN_UP.inc()
        log.error("a client was not told that a session ended", extra=about)
        await deliveries.save_given_up(parts.database, delivery, at=at)
        return
    DELIVERIES.labels("failed").inc()
    log.warning("a logout token was not accepted and is sent again", extra=about)
    await deliveries.save_next_attempt(parts.database, delivery, at=at + wait)


async def _try(parts: Parts, delivery: Delivery) -> str | None:
    """Why it was not accepted, in one phrase without address or content."""
    client = await find_client(parts.database, delivery.client_id)
    session = await store.find(parts.database, delivery.session_id)
    if client is None or session is None:
        return "there is nobody to tell"
    holder = await commands.find_holder(parts.database, session)
    claims = logout_claims(parts, client, session, holder=holder, at=now())
    token = await parts.keys.sign(claims, typ=TOKEN_TYPE, alg=client.id_token_signed_response_alg)
    try:
        answer = await parts.logout_outbound.post_form(delivery.address, {"logout_token": token})
    except OutboundFault as fault:
        return str(fault)
    return None if answer.status in ACCEPTED else f"the answer was {answer.status}"


def logout_claims(
    parts: Parts, client: Client, session: Session, *, holder: Holder, at: datetime
) -> dict[str, Any]:
    """§2.4: who and which session, by the names that this client knows, and never a nonce."""
    key = parts.pairwise_key.secret
    is_known = holder.facts is not None or holder.agent is not None
    return {
        "iss": parts.settings.issuer,
        "aud": client.client_id,
        "iat": int(at.timestamp()),
        "exp": int((at + TOKEN_LIFE).timestamp()),
        "jti": str(new_id()),
        "sid": sid_of(session, client, pairwise_key=key),
        **({"sub": subject_of(holder, client, pairwise_key=key)} if is_known else {}),
        "events": {EVENT: {}},
    }
