"""Which client calls an OAuth endpoint, by the method that it is registered for."""

from fastapi import Request

from services.auth.client.commands import authenticate_client
from services.auth.client.rules import Client
from services.auth.parameters import Parameters
from services.auth.parts import Parts, parts_of


async def require_client(request: Request, asked: Parameters) -> Client:
    """Raises OAuthError `invalid_client`."""
    parts = parts_of(request)
    return await authenticate_client(parts.database, asked, audiences=_audiences(parts), at=request.state.at)


def _audiences(parts: Parts) -> frozenset[str]:
    """What an assertion may be addressed to (RFC 7523 §3)."""
    addresses = (parts.settings.issuer, parts.settings.auth_internal_url)
    return frozenset({parts.settings.issuer, *(f"{address}/oauth/token" for address in addresses)})
