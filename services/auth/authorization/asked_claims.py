"""The `claims` parameter (OpenID Connect Core §5.5): a level and a person are conditions; the rest is told.

`acr_values` is a condition too: it is by them that a service says what it needs (RFC 9470).
"""

import json
import re
from collections.abc import Collection
from typing import Any

from libs.common.assurance import LEVELS
from services.auth.oauth_errors import OAuthError

CLAIMS_LENGTH = 4_096
UNMET = "unmet_authentication_requirements"
# OpenID Connect Core §2.
SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")


def read_required_acr(claims: str | None, acr_values: str | None = None) -> str | None:
    """The lowest level that serves both an essential `acr` and `acr_values`; None when none is required.

    Raises OAuthError.
    """
    required = (_essential_acr(claims), _lowest_of((acr_values or "").split()))
    return next((level for level in reversed(LEVELS) if level in required), None)


def _essential_acr(claims: str | None) -> str | None:
    asked = _member(_read(claims), "id_token").get("acr") or {}
    if asked.get("essential") is not True:
        return None
    wanted = _values(asked)
    if not wanted:
        return None
    found = _lowest_of(wanted)
    if found is None:
        raise OAuthError(UNMET, "none of the levels asked for is known here")
    return found


def _lowest_of(wanted: Collection[str]) -> str | None:
    return next((level for level in LEVELS if level in wanted), None)


def read_required_subject(text: str | None) -> str | None:
    """Of whom alone an answer may speak (§5.5.1); None for whoever signs in. Raises OAuthError."""
    wanted = _values(_member(_read(text), "id_token").get("sub") or {})
    if not wanted:
        return None
    if len(wanted) > 1 or SUBJECT.fullmatch(wanted[0]) is None:
        raise _malformed()
    return wanted[0]


def as_parameter(*, acr: str | None, subject: str | None) -> str | None:
    """The `claims` parameter that asks for this level and this person."""
    asked: dict[str, Any] = {} if acr is None else {"acr": {"essential": True, "value": acr}}
    asked |= {} if subject is None else {"sub": {"value": subject}}
    return json.dumps({"id_token": asked}) if asked else None


def _read(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if len(text) > CLAIMS_LENGTH:
        raise OAuthError("invalid_request", "the parameter claims is too long")
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OAuthError("invalid_request", "the parameter claims is not JSON") from error
    if not isinstance(asked, dict):
        raise _malformed()
    for place in ("id_token", "userinfo"):
        if not all(member is None or isinstance(member, dict) for member in _member(asked, place).values()):
            raise _malformed()
    return asked


def _member(asked: dict[str, Any], place: str) -> dict[str, Any]:
    member = asked.get(place)
    if member is not None and not isinstance(member, dict):
        raise _malformed()
    return member or {}


def _values(asked: dict[str, Any]) -> list[str]:
    values = asked.get("values", [asked["value"]] if "value" in asked else [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _malformed()
    return values


def _malformed() -> OAuthError:
    return OAuthError("invalid_request", "the parameter claims does not ask for claims as it should")
