import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from libs.common.call import Call
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from services.auth.client import rules, store
from services.auth.client.rules import Client
from services.auth.oauth_errors import OAuthError
from services.auth.parameters import Parameters

ASSERTION_BYTES = 8_192
# Kept longer than it is accepted, whatever the clocks of the replicas say.
KEPT_AFTER_EXPIRY = timedelta(minutes=1)


async def find_client(database: Database | Connection, client_id: str | None) -> Client | None:
    return None if client_id is None else await store.find(database, client_id)


async def authenticate_client(
    database: Database, asked: Parameters, *, audiences: frozenset[str], at: datetime
) -> Client:
    """The client that a private_key_jwt assertion shows (RFC 7523). Raises OAuthError `invalid_client`."""
    assertion = asked.one("client_assertion") or ""
    if asked.one("client_assertion_type") != rules.ASSERTION_TYPE or len(assertion) > ASSERTION_BYTES:
        raise OAuthError("invalid_client", "clients authenticate by private_key_jwt")
    claimed = _claimed_client_id(assertion)
    client = await find_client(database, claimed)
    if client is None or asked.one("client_id") not in {None, client.client_id}:
        raise OAuthError("invalid_client", "the client assertion is not acceptable")
    claims = _verified_claims(assertion, client)
    expires_at = rules.require_fair_assertion(claims, client_id=client.client_id, audiences=audiences, at=at)
    jti_hash = hashlib.sha256(str(claims["jti"]).encode()).digest()
    if not await store.use_assertion(
        database, client_id=client.client_id, jti_hash=jti_hash, expires_at=expires_at + KEPT_AFTER_EXPIRY
    ):
        raise OAuthError("invalid_client", "the client assertion was used before")
    return client


def _claimed_client_id(assertion: str) -> str | None:
    """Whom the assertion says it is about; only tells which key is to verify it."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        claimed = claims["sub"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return claimed if isinstance(claimed, str) and "\0" not in claimed else None


def _verified_claims(assertion: str, client: Client) -> dict[str, Any]:
    try:
        return dict(jwt.decode(assertion, ECKey.import_key(client.jwk), algorithms=["ES256"]).claims)
    except (JoseError, ValueError) as error:
        raise OAuthError("invalid_client", "the client assertion is not acceptable") from error


async def install_client(tx: Connection, call: Call, client: Client) -> bool:
    """Registers a client as the installation file says; answers whether anything changed."""
    if await store.find_for_update(tx, client.client_id) == client:
        return False
    await store.save(tx, client, at=call.at)
    content = {
        "client_id": client.client_id,
        "kind": client.kind.value,
        "department": client.department,
        "redirect_uris": list(client.redirect_uris),
        "post_logout_redirect_uris": list(client.post_logout_redirect_uris),
        "scopes": list(client.scopes),
        "jwk_thumbprint": ECKey.import_key(client.jwk).thumbprint(),
    }
    await record_evidence(tx, call, "install_client", applicant_id=None, content=content)
    return True


async def forget_old_assertions(tx: Connection, *, at: datetime) -> None:
    await store.forget_old_assertions(tx, at=at)
