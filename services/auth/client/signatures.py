"""What a client signed: assertions (RFC 7523) and request objects (RFC 9101), by its registered keys alone."""

import base64
import json
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError

from libs.common.public_keys import registry_of
from services.auth.client.keys import KID_LENGTH, Alg
from services.auth.client.remote_keys import ClientKeys
from services.auth.client.rules import Client
from services.auth.parameters import FORM_BYTES

PARTS_OF_A_JWS = 3


async def verified_claims(
    keys: ClientKeys, client: Client, token: str, *, alg: Alg, types: frozenset[str | None]
) -> dict[str, Any] | None:
    """None when this client did not sign it with this algorithm, or as something of another type.

    Which key is asked for is told by `kid`; keys and addresses that the header brings along are not looked at.
    """
    header = unverified_part(token, 0)
    kid = header.get("kid")
    is_named = kid is None or (isinstance(kid, str) and len(kid) <= KID_LENGTH)
    if header.get("alg") != alg or _type_of(header) not in types or "crit" in header or not is_named:
        return None
    key = await keys.find(client, alg=alg, kid=kid)
    if key is None:
        return None
    try:
        return dict(jwt.decode(token, key, registry=registry_of(alg.value, longest=FORM_BYTES)).claims)
    except (JoseError, ValueError, RecursionError):
        return None


def unverified_part(token: str, number: int) -> dict[str, Any]:
    """Header (0) or claims (1) of a JWS, only to learn whose key to ask for; empty when unreadable."""
    parts = token.split(".")
    if len(parts) != PARTS_OF_A_JWS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _type_of(header: dict[str, Any]) -> str | None:
    """RFC 7515 §4.1.9: case does not count, nor does `application/` before it."""
    typ = header.get("typ")
    return None if typ is None else str(typ).lower().removeprefix("application/")
