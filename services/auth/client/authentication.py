"""Which client calls an OAuth endpoint, by the method that it is registered for."""

import hashlib
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
from services.auth.client.commands import find_client
from services.auth.client.credentials import Shown, is_basic, read_shown
from services.auth.client.rules import Client, ClientKind, Method, NotAuthenticated
from services.auth.client.secrets import hash_secret, matches
from services.auth.client.signatures import has_signed
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts, parts_of

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
    known: Client | None = None
    try:
        shown = read_shown(authorization, asked)
        known = await find_client(parts_of(request).database, shown.client_id)
        return await _authenticate(request, shown, known)
    except OAuthError as error:
        await _record_refusal(request, known, code=error.code)
        if is_basic(authorization):
            error.challenge = CHALLENGE
        raise


async def _authenticate(request: Request, shown: Shown, known: Client | None) -> Client:
    client = known or replace(NOBODY, token_endpoint_auth_method=shown.method)
    is_shown = await _is_shown(request, client, shown)
    if known is None or not is_shown:
        raise NotAuthenticated
    return known


async def _is_shown(request: Request, client: Client, shown: Shown) -> bool:
    """The registered method decides what is looked at; a request that brings something else shows nothing."""
    method = client.token_endpoint_auth_method
    if shown.method is not method:
        return False
    match method:
        case Method.PRIVATE_KEY_JWT:
            return shown.assertion is not None and await _has_signed(request, client, shown.assertion)
        case Method.CLIENT_SECRET_BASIC | Method.CLIENT_SECRET_POST:
            return matches(shown.secret, client.secret_hashes)
        case Method.TLS_CLIENT_AUTH:
            certificate = certificate_of(request, parts_of(request).settings)
            return certificate is not None and is_named_by(client, certificate, at=request.state.at)
        case _:
            assert_never(method)


async def _has_signed(request: Request, client: Client, assertion: CompactJws) -> bool:
    parts = parts_of(request)
    keys, alg = parts.client_keys, client.token_endpoint_auth_signing_alg
    if not await has_signed(client, assertion, keys=keys, alg=alg, types=ASSERTION_TYPES):
        return False
    called = request.scope["route"].path_format
    return await _is_used_now(parts, client, assertion.claims, called=called, at=request.state.at)


async def _is_used_now(
    parts: Parts, client: Client, claims: Mapping[str, Any], *, called: str, at: datetime
) -> bool:
    """RFC 7523 §3: an assertion serves once."""
    audiences = _audiences(parts, client, called=called)
    expires_at = rules.require_fair_assertion(claims, client=client, audiences=audiences, at=at)
    return await store.use_assertion(
        parts.database,
        client_id=client.client_id,
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


async def _record_refusal(request: Request, known: Client | None, *, code: str) -> None:
    """Nobody is shown to be there; a name is kept only if it is a client's."""
    named = None if known is None else known.client_id
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
