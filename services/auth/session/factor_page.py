"""Who may change second factors: whoever's complete session is in this browser, fresh and strong enough."""

from dataclasses import dataclass, field

from fastapi import Request

from libs.common.access_records import Circumstances, record_call
from libs.common.admission import require_principal
from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.errors import FactsTooOld
from libs.common.principal import Principal
from services.auth import records
from services.auth.cookies import SESSION, is_form_token, read_cookie
from services.auth.parameters import Malformed, Parameters, read_form
from services.auth.parts import Parts, parts_of
from services.auth.second_factor.rules import Owner, may_change
from services.auth.session import commands, rules
from services.auth.session.forms import NotToBeAnswered
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, Stage

FORM = "second-factors"


@dataclass(frozen=True)
class Entrance:
    """One admitted call of one of the pages; its access record stands."""

    session: Session
    secret: str = field(repr=False)
    holder: Holder
    owner: Owner
    circumstances: Circumstances
    call: Call


async def enter(request: Request, *, action: str) -> Entrance:
    """Raises NotToBeAnswered; a refusal is recorded."""
    return await _enter(request, action=action, forged=False)


async def enter_posted(request: Request, *, action: str) -> tuple[Entrance, Parameters]:
    """Raises NotToBeAnswered, Malformed."""
    parts = parts_of(request)
    secret = read_cookie(request, SESSION, issuer=parts.settings.issuer) or ""
    try:
        given = await read_form(request)
        forged = not is_form_token(given.one("form_token"), secret, form=FORM)
    except Malformed:
        await _enter(request, action=action, forged=True)
        raise
    return await _enter(request, action=action, forged=forged), given


async def record_refusal(database: Database | Connection, entrance: Entrance, refusal: str) -> None:
    """Of an admitted call that proves less than it must."""
    await record_call(
        database,
        require_principal(entrance.call),
        circumstances=entrance.circumstances,
        applicant_id=None,
        refusal=refusal,
    )


async def _enter(request: Request, *, action: str, forged: bool) -> Entrance:
    parts = parts_of(request)
    secret = read_cookie(request, SESSION, issuer=parts.settings.issuer)
    session = await commands.find_session(parts.database, secret, parts.settings)
    holder = Holder() if session is None else await commands.find_holder(parts.database, session)
    fault = _fault(parts, session, holder, forged=forged, request=request)
    circumstances = records.circumstances(request, action=action)
    principal = _principal(session, holder, request)
    reason = await record_call(
        parts.database, principal, circumstances=circumstances, applicant_id=None, refusal=fault
    )
    if reason is not None or session is None or secret is None or holder.owner is None:
        raise NotToBeAnswered(fault or (FactsTooOld.code if reason == FactsTooOld.code else "sign-in-first"))
    call = records.call_of(circumstances, principal)
    return Entrance(session, secret, holder, holder.owner, circumstances, call)


def _fault(parts: Parts, session: Session | None, holder: Holder, *, forged: bool, request: Request) -> str | None:
    if session is None or session.stage is not Stage.COMPLETE or session.is_recourse or holder.owner is None:
        return "sign-in-first"
    if forged:
        return "start-again"
    if parts.freshness.too_old() is not None:
        return FactsTooOld.code
    if holder.facts is not None and not rules.may_act(session, holder.facts):
        return "sign-in-first"
    is_enough = may_change(
        proved_strongly=rules.is_strongly_proved(session.amr),
        bound=holder.factors,
        authenticated_at=session.authenticated_at,
        at=request.state.at,
    )
    return None if is_enough else "sign-in-again"


def _principal(session: Session | None, holder: Holder, request: Request) -> Principal:
    if session is None:
        return records.nobody(client_id=None, at=request.state.at)
    issued_at = records.earliest_token(request.state.at)
    return records.holder(holder, session, client_id=None, issued_at=issued_at)
