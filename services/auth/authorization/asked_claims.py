"""The `claims` parameter (OpenID Connect Core §5.5): of all that it may ask for, only a level is a condition."""

import json
from typing import Any

from libs.common.assurance import LEVELS
from services.auth.oauth_errors import OAuthError

CLAIMS_LENGTH = 4_096
UNMET = "unmet_authentication_requirements"


def read_required_acr(text: str | None) -> str | None:
    """The lowest level that serves an essential `acr`; None when none is required. Raises OAuthError."""
    asked = _member(_read(text), "id_token").get("acr") or {}
    if asked.get("essential") is not True:
        return None
    wanted = _values(asked)
    if not wanted:
        return None
    found = next((level for level in LEVELS if level in wanted), None)
    if found is None:
        raise OAuthError(UNMET, "none of the levels asked for is known here")
    return found


def as_parameter(required: str) -> str:
    """The `claims` parameter that asks for this level."""
    return json.dumps({"id_token": {"acr": {"essential": True, "value": required}}})


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
