"""Requests that their client signed (RFC 9101), by value; one by reference is pushed instead (RFC 9126)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.common.compact_jws import NotAJws, read_compact
from services.auth.authorization.rules import READ
from services.auth.client.remote_keys import ClientKeys
from services.auth.client.rules import LEEWAY, Client
from services.auth.client.signatures import has_signed
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import FIELDS, REPEATABLE, Parameters

TYPES = frozenset({None, "jwt", "oauth-authz-req+jwt"})
OBJECT_BYTES = 12_288
LONGEST_LIFE = timedelta(minutes=60)
DATES = frozenset({"nbf", "iat"})
CLAIMS = "claims"
BY_REFERENCE = frozenset({"request", "request_uri"})


class ObjectNotAcceptable(OAuthError):
    def __init__(self) -> None:
        super().__init__("invalid_request_object", "the request object is not acceptable")


async def read_object(
    keys: ClientKeys, client: Client, asked: Parameters, *, issuer: str, at: datetime
) -> Parameters:
    """The parameters of `request`; of those beside it, none is used (RFC 9101 §5). Raises ObjectNotAcceptable."""
    try:
        signed = read_compact(asked.one("request") or "", longest=OBJECT_BYTES)
    except NotAJws as error:
        raise ObjectNotAcceptable from error
    alg = client.request_object_signing_alg
    if not await has_signed(client, signed, keys=keys, alg=alg, types=TYPES):
        raise ObjectNotAcceptable
    require_acceptable_claims(signed.claims, client=client, issuer=issuer, at=at)
    inside = parameters_of(signed.claims)
    for name in ("client_id", "response_type"):
        if asked.one(name) not in {None, inside.one(name)}:
            raise ObjectNotAcceptable
    return inside


def require_acceptable_claims(claims: Mapping[str, Any], *, client: Client, issuer: str, at: datetime) -> None:
    """By this client, for this server, now. Raises ObjectNotAcceptable.

    An object with `sub` could serve as an assertion of the client (RFC 9101 §10.8).
    """
    expires_at = _instant(claims.get("exp"))
    is_acceptable = (
        claims.get("iss") in (None, client.client_id)
        and claims.get("client_id") == client.client_id
        and _is_for(issuer, claims.get("aud"))
        and "sub" not in claims
        and not BY_REFERENCE & claims.keys()
        and expires_at is not None
        and at < expires_at <= at + LONGEST_LIFE + LEEWAY
        and all(_is_past(claims[name], at=at) for name in DATES & claims.keys())
    )
    # FAPI 2.0 Message Signing §5.3.1: iss and nbf are there, and nbf is not long ago.
    if client.is_fapi2:
        not_before = _instant(claims.get("nbf"))
        is_recent = not_before is not None and not_before >= at - LONGEST_LIFE
        is_acceptable = is_acceptable and is_recent and claims.get("iss") == client.client_id
    if not is_acceptable:
        raise ObjectNotAcceptable


def _is_for(issuer: str, audience: object) -> bool:
    """RFC 7519 §4.1.3: alone, or among others."""
    return issuer in audience if isinstance(audience, list) else audience == issuer


def _is_past(instant: object, *, at: datetime) -> bool:
    found = _instant(instant)
    return found is not None and found <= at + LEEWAY


def parameters_of(claims: Mapping[str, Any]) -> Parameters:
    """Those that are read; whatever else is in the object is not looked at. Raises ObjectNotAcceptable."""
    return Parameters({name: _texts(name, claims[name]) for name in READ & claims.keys()})


def _texts(name: str, value: object) -> Sequence[str]:
    if name == CLAIMS and isinstance(value, dict):
        # OpenID Connect Core §6.1: inside an object it is an object; the parameter is its text.
        return [json.dumps(value)]
    listed = value if isinstance(value, list) and name in REPEATABLE else [value]
    if len(listed) > FIELDS:
        raise ObjectNotAcceptable
    return [_text(one) for one in listed]


def _text(value: object) -> str:
    """Numbers and strings are as a query would carry them; what else JSON knows has no such form here."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ObjectNotAcceptable
    text = value if isinstance(value, str) else str(value)
    if "\0" in text or not text.isprintable():
        raise ObjectNotAcceptable
    return text


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
