"""OpenID Connect RP-Initiated Logout 1.0: who asked, where to go afterwards, and whose session it ends."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from libs.common.access_records import Circumstances, record_call
from services.auth import records
from services.auth.authorization.claims import sid_of
from services.auth.client.commands import find_client
from services.auth.client.rules import Client
from services.auth.parameters import Parameters
from services.auth.parts import Parts
from services.auth.session import commands
from services.auth.session.rules import Session


@dataclass(frozen=True)
class LogoutRequest:
    """`is_vouched`: an id token of the very session in this browser came with it, so nobody need be asked."""

    client: Client | None
    location: str | None
    is_vouched: bool


async def read_logout(parts: Parts, asked: Parameters, session: Session | None) -> LogoutRequest:
    hint = asked.one("id_token_hint")
    claims = None if hint is None else await parts.keys.verify(hint)
    if claims is not None and claims.get("iss") != parts.settings.issuer:
        claims = None
    client = await find_client(parts.database, _named(asked, claims))
    return LogoutRequest(client, _location(client, asked), _is_vouched(parts, client, claims, session=session))


def _named(asked: Parameters, claims: dict[str, Any] | None) -> str | None:
    """Whom the hint was given to, or without one whoever asks; nobody whom the hint does not bear out (§2)."""
    named = asked.one("client_id")
    if asked.one("id_token_hint") is None:
        return named
    given_to = None if claims is None else str(claims.get("aud"))
    return given_to if named in {None, given_to} else None


def _is_vouched(
    parts: Parts, client: Client | None, claims: dict[str, Any] | None, *, session: Session | None
) -> bool:
    if client is None or claims is None or session is None:
        return False
    return bool(claims.get("sid") == sid_of(session, client, pairwise_key=parts.pairwise_key.secret))


def _location(client: Client | None, asked: Parameters) -> str | None:
    """An address registered for this purpose by this client, or none."""
    address = asked.one("post_logout_redirect_uri")
    if client is None or address is None or address not in client.post_logout_redirect_uris:
        return None
    state = asked.one("state")
    if state is None:
        return address
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({'state': state})}"


async def sign_out(parts: Parts, session: Session, *, client_id: str | None, circumstances: Circumstances) -> None:
    """Works however old the facts are, and whatever stands against the person."""
    holder = await commands.find_holder(parts.database, session)
    issued_at = records.earliest_token(circumstances.at)
    principal = records.holder(holder, session, client_id=client_id, issued_at=issued_at)
    call = records.call_of(circumstances, principal)
    async with parts.database.transaction() as tx:
        await record_call(
            tx,
            principal,
            circumstances=circumstances,
            applicant_id=None,
            recourse_route=True,
            needs_facts=False,
        )
        await commands.end_session(tx, call, session, reason="signed-out")
