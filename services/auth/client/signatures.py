"""What a client signed: assertions (RFC 7523) and request objects (RFC 9101), by its registered keys alone."""

from typing import Any

from libs.common.compact_jws import CompactJws
from services.auth.client.keys import KID_LENGTH, Alg
from services.auth.client.remote_keys import ClientKeys
from services.auth.client.rules import Client


async def has_signed(
    client: Client, signed: CompactJws, *, keys: ClientKeys, alg: Alg, types: frozenset[str | None]
) -> bool:
    """Whether it did, with this algorithm, as something of these types.

    Which key is asked for is told by `kid`; keys and addresses that the header brings along are not looked at.
    """
    kid = signed.header.get("kid")
    is_named = kid is None or (isinstance(kid, str) and len(kid) <= KID_LENGTH)
    if not is_named or _type_of(signed.header) not in types:
        return False
    key = await keys.find(client, alg=alg, kid=kid)
    return key is not None and signed.is_signed_by(key, alg=alg)


def _type_of(header: dict[str, Any]) -> str | None:
    """RFC 7515 §4.1.9: case does not count, nor does `application/` before it."""
    typ = header.get("typ")
    return None if typ is None else str(typ).lower().removeprefix("application/")
