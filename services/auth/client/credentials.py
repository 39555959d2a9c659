"""How a request shows which client sends it (RFC 6749 §2.3, RFC 7521 §4.2)."""

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from libs.common.compact_jws import CompactJws, NotAJws, read_compact
from services.auth.client.rules import Method, NotAuthenticated
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_BYTES = 8_192
BASIC_LENGTH = 2_048
NAME_LENGTH = 256
BASIC = "basic "
NO_BASIC = "the Basic header cannot be read"


@dataclass(frozen=True, slots=True)
class Shown:
    """`method` is what the request looks like; which one counts is registered."""

    method: Method
    client_id: str
    secret: str = field(default="", repr=False)
    assertion: CompactJws | None = None


def is_basic(authorization: str | None) -> bool:
    return authorization is not None and authorization.lower().startswith(BASIC)


def read_shown(authorization: str | None, asked: Parameters) -> Shown:
    """Raises OAuthError: `invalid_request` for several at once, `invalid_client` for what cannot be read."""
    has_assertion = any(asked.one(name) is not None for name in ("client_assertion", "client_assertion_type"))
    tried = (is_basic(authorization), asked.one("client_secret") is not None, has_assertion)
    if sum(tried) > 1:
        raise OAuthError("invalid_request", "a client authenticates in one way at a time")
    shown = _read(authorization or "", asked, is_basic=tried[0], has_assertion=has_assertion)
    named = asked.one("client_id")
    if not shown.client_id or named not in {None, shown.client_id}:
        raise NotAuthenticated("no client is named, or two")
    return shown


def _read(authorization: str, asked: Parameters, *, is_basic: bool, has_assertion: bool) -> Shown:
    if is_basic:
        return _read_basic(authorization[len(BASIC) :])
    if has_assertion:
        return _read_assertion(asked)
    secret = asked.one("client_secret")
    method = Method.TLS_CLIENT_AUTH if secret is None else Method.CLIENT_SECRET_POST
    return Shown(method, asked.one("client_id") or "", secret=secret or "")


def _read_basic(encoded: str) -> Shown:
    """RFC 6749 §2.3.1: both halves are encoded as in a form, then as RFC 7617 says."""
    if len(encoded) > BASIC_LENGTH:
        raise NotAuthenticated(NO_BASIC)
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
        client_id, colon, secret = pair.partition(":")
        halves = [unquote_to_bytes(half.replace("+", " ")).decode("utf-8") for half in (client_id, secret)]
    except (ValueError, binascii.Error) as error:
        raise NotAuthenticated(NO_BASIC) from error
    if not colon or not _may_be_a_name(halves[0]):
        raise NotAuthenticated(NO_BASIC)
    return Shown(Method.CLIENT_SECRET_BASIC, halves[0], secret=halves[1])


def _read_assertion(asked: Parameters) -> Shown:
    if asked.one("client_assertion_type") != ASSERTION_TYPE:
        raise NotAuthenticated("client_assertion_type is not that of a JWT")
    try:
        assertion = read_compact(asked.one("client_assertion") or "", longest=ASSERTION_BYTES)
    except NotAJws as error:
        raise NotAuthenticated("the assertion cannot be read") from error
    claimed = assertion.claims.get("sub")
    if not isinstance(claimed, str) or not _may_be_a_name(claimed):
        raise NotAuthenticated("sub of the assertion is no client's name")
    return Shown(Method.PRIVATE_KEY_JWT, claimed, assertion=assertion)


def _may_be_a_name(text: str) -> bool:
    """What is asked of the database is text that it can hold."""
    return text.isascii() and text.isprintable() and len(text) <= NAME_LENGTH
