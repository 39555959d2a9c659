import secrets
from datetime import datetime, timedelta

from libs.common.database import Connection, Database
from services.auth.authorization import grants, rules, store, waiting_store
from services.auth.authorization.claims import subject_of
from services.auth.authorization.rules import AnsweredRequest, AuthorizationCode, AuthorizationRequest, PostedForm
from services.auth.client.rules import OFFLINE_ACCESS, OPENID, RECOURSE, Client
from services.auth.parts import Parts
from services.auth.session.holder import Holder
from services.auth.session.rules import Session, serves

SECRET_BYTES = 32
# A code is kept for some time after it expired, so that a replay is still known for what it is.
CODES_KEPT = timedelta(hours=1)


async def open_request(database: Database, request: AuthorizationRequest, *, expires_at: datetime) -> str | None:
    """Keeps the request while somebody signs in; answers the secret that the browser brings back.

    None when it was pushed and has been answered since.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    kept = await store.add_request(database, request, secret_hash=rules.hash_code(secret), expires_at=expires_at)
    return secret if kept else None


async def find_request_and_client(
    database: Database, secret: str, *, at: datetime
) -> tuple[AuthorizationRequest, Client] | None:
    """None also for a client that was disabled meanwhile."""
    return await waiting_store.find_request_and_client(database, rules.hash_code(secret), at=at)


async def find_answered_and_client(
    database: Database | Connection, secret: str, *, at: datetime
) -> tuple[AuthorizationRequest, Client] | None:
    """For as long as it might have waited."""
    return await waiting_store.find_answered_and_client(database, rules.hash_code(secret), at=at)


async def lock_answered(tx: Connection, secret: str, *, at: datetime) -> AnsweredRequest | None:
    return await store.lock_answered(tx, rules.hash_code(secret), at=at)


async def forget_form(tx: Connection, secret: str) -> None:
    """The request is not answered again by whatever is sent."""
    await store.forget_form(tx, rules.hash_code(secret))


async def take_pushed(database: Database | Connection, pushed_hash: bytes | None) -> bool:
    """What was pushed is answered once; False when it was answered before."""
    return pushed_hash is None or await store.take_pushed(database, pushed_hash)


async def take_request(tx: Connection, secret: str) -> bool:
    """A request is answered once; False when it was answered before."""
    return await store.take_request(tx, rules.hash_code(secret))


def may_answer(request: AuthorizationRequest, client: Client, session: Session, holder: Holder) -> bool:
    return serves(session, holder, by_portal=client.is_portal, recourse_asked=request.asks_recourse)


async def grant(  # noqa: PLR0913 - what the code stands for, each by name
    tx: Connection,
    parts: Parts,
    request: AuthorizationRequest,
    client: Client,
    session: Session,
    *,
    holder: Holder,
    secret: str | None = None,
    form: PostedForm | None = None,
    at: datetime,
) -> str | None:
    """A code for this session; answers where the browser goes with it, or with that it may not be given.

    `secret`: of the request that waited for this, which is answered by it; `form`: by which it is. The answer is
    None when it was answered before, or is none of those that the session may answer.
    """
    if not may_answer(request, client, session, holder):
        return None
    if secret is None and not await take_pushed(tx, request.pushed_hash):
        return None
    issuer = parts.settings.issuer
    subject = subject_of(holder, client, pairwise_key=parts.pairwise_key.secret)
    unmet = rules.unmet(request, acr=session.acr, subject=subject)
    if unmet is not None:
        if secret is not None and not await take_request(tx, secret):
            return None
        told = {"error": unmet.code, "error_description": unmet.description}
        return rules.answer_address(request.redirect_uri, issuer=issuer, state=request.state, **told)
    code, given = _new_code(request, session, at=at)
    if secret is None:
        await store.add_code(tx, given)
    elif not await store.answer_request(tx, rules.hash_code(secret), given, form=form):
        return None
    return rules.answer_address(request.redirect_uri, issuer=issuer, state=request.state, code=code)


async def grant_again(  # noqa: PLR0913 - what the code stands for, each by name
    tx: Connection,
    parts: Parts,
    request: AuthorizationRequest,
    session: Session,
    *,
    secret: str,
    former: bytes,
    at: datetime,
) -> str | None:
    """A code in place of the `former` one, which is unknown from now on; None when that was used."""
    code, given = _new_code(request, session, at=at)
    if not await store.replace_code(tx, rules.hash_code(secret), given, former=former):
        return None
    issuer = parts.settings.issuer
    return rules.answer_address(request.redirect_uri, issuer=issuer, state=request.state, code=code)


def _new_code(request: AuthorizationRequest, session: Session, *, at: datetime) -> tuple[str, AuthorizationCode]:
    code = secrets.token_urlsafe(SECRET_BYTES)
    return code, AuthorizationCode(
        code_hash=rules.hash_code(code),
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        session_id=session.id,
        scope=_granted_scope(request, is_recourse=session.is_recourse),
        resources=request.resources,
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        dpop_jkt=request.dpop_jkt,
        expires_at=at + rules.CODE_LIFE,
    )


def _granted_scope(request: AuthorizationRequest, *, is_recourse: bool) -> tuple[str, ...]:
    """Recourse is not refreshed, whatever was asked."""
    if is_recourse:
        return (OPENID, RECOURSE)
    return (OPENID, OFFLINE_ACCESS) if OFFLINE_ACCESS in request.scope else (OPENID,)


async def forget_old(tx: Connection, *, at: datetime) -> int:
    """A code whose grant is kept is kept with it. The most that went of one kind."""
    return max(
        await grants.forget_old(tx, at=at),
        await store.forget_old(tx, requests_before=at, codes_before=at - CODES_KEPT),
    )
