"""Which client calls an OAuth endpoint, by the method that it is registered for."""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from fastapi import Request
from joserfc.jwk import ECKey

from libs.common.access_records import record_call
from libs.common.certificates import certificate_of
from libs.common.compact_jws import CompactJws
from services.auth import records
from services.auth.client import rules, store
from services.auth.client.certificates import is_named_by
from services.auth.client.credentials import Shown, is_basic, read_shown
from services.auth.client.rules import Client, ClientKind, Method, NotAuthenticated
from services.auth.client.secrets import hash_secret, matches
from services.auth.client.signatures import has_signed
from services.auth.client.store import Versioned
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts, parts_of

log = logging.getLogger(__name__)

CHALLENGE = 'Basic realm="clicsequr", charset="UTF-8"'
ASSERTION_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
# Kept longer than it is accepted, whatever the clocks of the replicas say.
KEPT_AFTER_EXPIRY = timedelta(minutes=1)

# Stands for a client that does not exist, so that as much is verified and compared as for one that does.
NOBODY = Client(
    *("", ClientKind.SERVICE, None, "", "", (), (), ()),
    jwks=(dict(ECKey.generate_key("P-256").as_dict(private=False)),),
    secret_hashes=(hash_secret(secrets.token_urlsafe(32)),),
)


async def require_client(request: Request, asked: Parameters) -> Client:
    """Raises OAuthError `invalid_client`, or `invalid_request` for several methods at once; either is recorded."""
    authorization = request.headers.get("authorization")
    known: Versioned | None = None
    try:
        shown = read_shown(authorization, asked)
        clients = parts_of(request).remembered_clients
        # To use an assertion is to ask whether its client is unchanged; nothing else that is shown asks so.
        tried = None if shown.assertion is None else clients.find(shown.client_id)
        fault = None if tried is None else await _fault(request, tried, shown)
        if tried is not None and fault is None:
            return tried.client
        known = await clients.read(parts_of(request).database, shown.client_id)
        # Tried already as it is: whoever shows nothing costs as much as with a client that does not exist.
        if known is None or tried is None or known.version != tried.version:
            fault = await _fault(request, known or _nobody(shown), shown)
        return _require(known, fault)
    except OAuthError as error:
        _log_refusal(known, error)
        await _record_refusal(request, known, code=error.code)
        if is_basic(authorization):
            error.challenge = CHALLENGE
        raise


def _nobody(shown: Shown) -> Versioned:
    return Versioned(replace(NOBODY, token_endpoint_auth_method=shown.method), "")


def _require(known: Versioned | None, fault: str | None) -> Client:
    if known is None:
        raise NotAuthenticated("there is no such client")
    if fault is not None:
        raise NotAuthenticated(fault)
    return known.client


async def _fault(request: Request, by: Versioned, shown: Shown) -> str | None:
    """The registered method decides what is looked at; a request that brings something else shows nothing."""
    client, method = by.client, by.client.token_endpoint_auth_method
    if shown.method is not method:
        return "another method is registered"
    match method:
        case Method.PRIVATE_KEY_JWT:
            return await _fault_of_assertion(request, by, shown.assertion)
        case Method.CLIENT_SECRET_BASIC | Method.CLIENT_SECRET_POST:
            return None if matches(shown.secret, client.secret_hashes) else "the secret is another"
        case Method.TLS_CLIENT_AUTH:
            certificate = certificate_of(request, parts_of(request).settings)
            is_theirs = certificate is not None and is_named_by(client, certificate, at=request.state.at)
            return None if is_theirs else "there is no certificate, or another's"
        case _:
            assert_never(method)


async def _fault_of_assertion(request: Request, by: Versioned, assertion: CompactJws | None) -> str | None:
    parts, client = parts_of(request), by.client
    keys, alg = parts.client_keys, client.token_endpoint_auth_signing_alg
    if assertion is None or not await has_signed(client, assertion, keys=keys, alg=alg, types=ASSERTION_TYPES):
        return "no key of the client has signed the assertion as one, by its algorithm"
    called = request.scope["route"].path_format
    try:
        is_first = await _is_used_now(parts, by, assertion.claims, called=called, at=request.state.at)
    except NotAuthenticated as unfair:
        return unfair.reason
    return None if is_first else "the assertion was used before"


async def _is_used_now(
    parts: Parts, by: Versioned, claims: Mapping[str, Any], *, called: str, at: datetime
) -> bool:
    """RFC 7523 §3: an assertion serves once."""
    audiences = _audiences(parts, by.client, called=called)
    expires_at = rules.require_fair_assertion(claims, client=by.client, audiences=audiences, at=at)
    return await store.use_assertion(
        parts.database,
        by,
        jti_hash=hashlib.sha256(str(claims["jti"]).encode(errors="surrogatepass")).digest(),
        expires_at=expires_at + KEPT_AFTER_EXPIRY,
    )


def _audiences(parts: Parts, client: Client, *, called: str) -> frozenset[str]:
    """What an assertion may be addressed to (RFC 7523 §3, RFC 9126 §2; FAPI 2.0 §5.3.2.1 leaves the issuer).

    RFC 7662 and RFC 7009 leave it open: clients name the endpoint that they call.
    """
    issuer, internal = parts.settings.issuer, parts.settings.auth_internal_url
    if client.is_fapi2:
        return frozenset({issuer})
    own = {f"{issuer}/oauth/token", f"{issuer}/oauth/par", f"{issuer}{called}"}
    return frozenset({issuer, f"{internal}/oauth/token", *own})


def _log_refusal(known: Versioned | None, error: OAuthError) -> None:
    """The caller is told nothing of it; a name that is no client's is the caller's text, and is not kept."""
    reason = error.reason if isinstance(error, NotAuthenticated) else error.code
    named = None if known is None else known.client.client_id
    log.info("a client is not authenticated", extra={"client_id": named, "reason": reason})


async def _record_refusal(request: Request, known: Versioned | None, *, code: str) -> None:
    """Nobody is shown to be there; a name is kept only if it is a client's."""
    named = None if known is None else known.client.client_id
    await record_call(
        parts_of(request).database,
        records.nobody(client_id=named, at=request.state.at),
        circumstances=records.circumstances(request, action=_action(request)),
        applicant_id=None,
        refusal=code,
        needs_facts=False,
    )


def _action(request: Request) -> str:
    return f"{request.method} {request.scope['route'].path_format}"
