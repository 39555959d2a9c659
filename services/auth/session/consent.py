"""What a person allows a vendor's product, for the applicant that they act for (clause 35)."""

import hashlib
import json
from uuid import UUID

from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import UnknownOrForeign
from libs.common.evidence import record_evidence
from services.auth.authorization.rules import AuthorizationRequest
from services.auth.client.rules import Client
from services.auth.session import consent_store as store
from services.auth.session.consent_store import Consent
from services.auth.session.rules import Session, Stage

WITHDRAWN = "consent-withdrawn"


async def due_stage(
    database: Database | Connection, session: Session, *, request: AuthorizationRequest, client: Client
) -> Stage:
    """CONSENT when the product asks for more than its person allows it, or wants to be shown; else COMPLETE."""
    if client.software is None or session.user_code_id is None or session.acts_for is None:
        return Stage.COMPLETE
    if request.asks_consent:
        return Stage.CONSENT
    standing = await store.find_for_share(
        database, user_code_id=session.user_code_id, applicant_id=session.acts_for, product=client.software
    )
    return Stage.COMPLETE if covers(standing, request, vendor=client.vendor) else Stage.CONSENT


def covers(standing: Consent | None, request: AuthorizationRequest, *, vendor: str | None) -> bool:
    """What was allowed to one vendor is allowed to no other."""
    return standing is not None and standing.vendor == vendor and set(request.scope) <= set(standing.scope)


def is_still_its_request(request: AuthorizationRequest, client: Client) -> bool:
    """Whether what is registered now still lets the product ask this."""
    return client.software is not None and request.redirect_uri in client.redirect_uris


def told_by(request: AuthorizationRequest, client: Client, session: Session) -> str:
    """A short name of all that the page tells: an answer is to this and to nothing else."""
    told = [
        str(session.id),
        str(session.acts_for),
        client.client_id,
        client.software,
        client.vendor,
        client.name_fr,
        client.name_en,
        request.redirect_uri,
        sorted(request.scope),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


async def keep(
    tx: Connection, call: Call, session: Session, *, request: AuthorizationRequest, client: Client
) -> None:
    if session.user_code_id is None or session.acts_for is None or client.software is None:
        raise UnknownOrForeign
    given = Consent(
        session.user_code_id,
        session.acts_for,
        client.software,
        client.vendor,
        request.scope,
        request.language,
        call.at,
    )
    await store.save(tx, given)
    content = {
        "product": client.software,
        "client_id": client.client_id,
        "name": client.name(request.language),
        "vendor": client.vendor,
        "scope": list(request.scope),
        "language": request.language,
    }
    await record_evidence(tx, call, "allow_software", applicant_id=session.acts_for, content=content)


async def withdraw(database: Database, call: Call, *, product: str) -> None:
    """For every applicant; what it gave ends at once. Once more is no news."""
    principal = require_principal(call)
    if principal.user_code_id is None:
        raise UnknownOrForeign
    async with database.transaction() as tx:
        withdrawn = await store.delete(tx, principal.user_code_id, product=product)
        ended = await store.end_what_it_gave(
            tx, principal.user_code_id, product=product, reason=WITHDRAWN, at=call.at
        )
        if withdrawn or ended:
            applicants: set[UUID | None] = {one.applicant_id for one in withdrawn}
            await _record(tx, call, applicants or {principal.applicant_id}, product=product, ended=len(ended))


async def _record(tx: Connection, call: Call, applicants: set[UUID | None], *, product: str, ended: int) -> None:
    """Kept with each applicant that it was given for; `ended`: grants of all of them."""
    content = {"product": product, "ended_grants": ended}
    for applicant_id in applicants:
        await record_evidence(tx, call, "withdraw_software", applicant_id=applicant_id, content=content)
