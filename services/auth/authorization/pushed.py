"""Where an authorization request's parameters come from: the browser, a signed object, or pushed (RFC 9126)."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from libs.common.database import Connection
from services.auth.authorization import pushed_store as store
from services.auth.authorization import rules
from services.auth.authorization.request_object import read_object
from services.auth.client.rules import Client
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters
from services.auth.parts import Parts

PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFE = timedelta(seconds=60)
SECRET_BYTES = 32
URI_LENGTH = 128
# Whom the client is was shown when it pushed; it is no part of the request.
OF_AUTHENTICATION = frozenset({"client_assertion", "client_assertion_type", "client_secret"})
NOTHING = Parameters({})


@dataclass(frozen=True, slots=True)
class Source:
    """`fault` is told at the registered address, if the parameters name one; `pushed_hash`: of the name shown."""

    asked: Parameters
    is_pushed: bool = False
    is_signed: bool = False
    fault: OAuthError | None = None
    pushed_hash: bytes | None = field(default=None, repr=False)

    def require_acceptable(self, client: Client) -> None:
        """Raises OAuthError."""
        if self.fault is not None:
            raise self.fault
        if client.must_push and not self.is_pushed:
            raise OAuthError("invalid_request", "this client pushes its requests")
        # What was pushed was judged then: a signed object may have been in it.
        if client.require_signed_request_object and not (self.is_signed or self.is_pushed):
            raise OAuthError("invalid_request", "this client signs its requests")


async def find_source(parts: Parts, client: Client | None, asked: Parameters, *, at: datetime) -> Source:
    """A name of a pushed request that is unknown, used, expired or another client's leads nowhere."""
    request_uri = asked.one("request_uri") or ""
    if client is None:
        return Source(asked)
    if asked.one("request") is not None:
        if request_uri:
            return Source(asked, fault=OAuthError("invalid_request", "request and request_uri exclude each other"))
        return await _read_signed(parts, client, asked, at=at)
    if request_uri.startswith(PREFIX):
        return await _read_pushed(parts, client, request_uri, at=at)
    return Source(asked)


async def _read_signed(parts: Parts, client: Client, asked: Parameters, *, at: datetime) -> Source:
    try:
        inside = await read_object(parts.client_keys, client, asked, issuer=parts.settings.issuer, at=at)
    except OAuthError as fault:
        return Source(asked, fault=fault)
    return Source(inside, is_signed=True)


async def _read_pushed(parts: Parts, client: Client, request_uri: str, *, at: datetime) -> Source:
    """It serves until it is answered (RFC 9126 §4), so a page may be loaded again."""
    if len(request_uri) > URI_LENGTH:
        return Source(NOTHING, is_pushed=True)
    name = hash_uri(request_uri)
    found = await store.find(parts.database, name, client_id=client.client_id, at=at)
    return Source(NOTHING if found is None else found, is_pushed=True, pushed_hash=name)


async def push(parts: Parts, client: Client, asked: Parameters, *, jkt: str | None, at: datetime) -> str:
    """Judges the whole request now and keeps it; answers its name. `jkt`: of the key proved. Raises OAuthError."""
    if not client.may_redirect:
        raise OAuthError("unauthorized_client", "this client sends nobody here")
    if asked.one("request_uri") is not None:
        raise OAuthError("invalid_request", "a pushed request names no other")
    source = await find_source(parts, client, asked.without(*OF_AUTHENTICATION), at=at)
    whole = Source(_bound(source.asked, jkt), is_pushed=True, fault=source.fault)
    whole.require_acceptable(client)
    if client.require_signed_request_object and not source.is_signed:
        raise OAuthError("invalid_request", "this client signs its requests")
    _require_valid(parts, client, whole.asked)
    request_uri = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    pushed = store.PushedRequest(hash_uri(request_uri), client.client_id, whole.asked, at + LIFE)
    await store.add(parts.database, pushed)
    return request_uri


def _bound(asked: Parameters, jkt: str | None) -> Parameters:
    """RFC 9449 §10.1: a proof names the key that the code is for, as `dpop_jkt` does. Raises OAuthError."""
    if jkt is None:
        return asked
    if asked.one("dpop_jkt") not in {None, jkt}:
        raise OAuthError("invalid_dpop_proof", "the proof is of another key than dpop_jkt names")
    return Parameters({**asked.values, "dpop_jkt": [jkt]})


def _require_valid(parts: Parts, client: Client, asked: Parameters) -> None:
    """All that is asked again when the browser comes: the registration may have changed by then."""
    if rules.registered_redirect(client, asked) is None:
        raise OAuthError("invalid_request", "redirect_uri is not registered for this client")
    rules.read_request(client, asked, issuer=parts.settings.issuer, language="en")
    rules.read_conduct(asked)


def hash_uri(request_uri: str) -> bytes:
    return hashlib.sha256(request_uri.encode()).digest()


async def forget_old_pushed(tx: Connection, *, at: datetime) -> int:
    return await store.forget_old(tx, at=at)
