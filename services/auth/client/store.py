from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from libs.common.database import Connection, Database
from libs.common.sweeping import delete_some, deleting_some
from services.auth.client.keys import Alg
from services.auth.client.rules import Client, ClientKind, Method, Profile

COLUMNS = """client_id, kind, department, name_fr, name_en, redirect_uris, post_logout_redirect_uris, scopes, jwks,
    software, profile, jwks_uri, token_endpoint_auth_method, token_endpoint_auth_signing_alg,
    request_object_signing_alg, secret_hashes, tls_client_auth_subject_dn, tls_client_auth_san_dns,
    id_token_signed_response_alg, access_token_signed_response_alg, require_pkce,
    require_pushed_authorization_requests, require_signed_request_object, dpop_bound_access_tokens,
    tls_client_certificate_bound_access_tokens, backchannel_logout_uri, backchannel_logout_session_required,
    vendor, client_uri"""
NAMES = tuple(name.strip() for name in COLUMNS.split(","))
# A client that is disabled is as unknown as one that never was. A row that is changed has another xmin.
CLIENTS = f"SELECT {COLUMNS}, jwk, xmin::text AS version FROM clients WHERE state = 'active'"
SELECT_CLIENTS = f"{CLIENTS} AND client_id = ANY ($1::text[])"
UPSERT_CLIENT = f"""
INSERT INTO clients ({COLUMNS}, jwk, installed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
        $24, $25, $26, $27, $28, $29, $30, $31)
ON CONFLICT (client_id) DO UPDATE SET
    kind = excluded.kind, department = excluded.department, name_fr = excluded.name_fr,
    name_en = excluded.name_en, redirect_uris = excluded.redirect_uris,
    post_logout_redirect_uris = excluded.post_logout_redirect_uris, scopes = excluded.scopes,
    jwks = excluded.jwks, software = excluded.software, profile = excluded.profile, jwks_uri = excluded.jwks_uri,
    token_endpoint_auth_method = excluded.token_endpoint_auth_method,
    token_endpoint_auth_signing_alg = excluded.token_endpoint_auth_signing_alg,
    request_object_signing_alg = excluded.request_object_signing_alg, secret_hashes = excluded.secret_hashes,
    tls_client_auth_subject_dn = excluded.tls_client_auth_subject_dn,
    tls_client_auth_san_dns = excluded.tls_client_auth_san_dns,
    id_token_signed_response_alg = excluded.id_token_signed_response_alg,
    access_token_signed_response_alg = excluded.access_token_signed_response_alg,
    require_pkce = excluded.require_pkce,
    require_pushed_authorization_requests = excluded.require_pushed_authorization_requests,
    require_signed_request_object = excluded.require_signed_request_object,
    dpop_bound_access_tokens = excluded.dpop_bound_access_tokens,
    tls_client_certificate_bound_access_tokens = excluded.tls_client_certificate_bound_access_tokens,
    backchannel_logout_uri = excluded.backchannel_logout_uri,
    backchannel_logout_session_required = excluded.backchannel_logout_session_required,
    vendor = excluded.vendor, client_uri = excluded.client_uri, jwk = excluded.jwk,
    installed_at = excluded.installed_at
"""
# Only for a client that is as it was read when it was authenticated.
INSERT_ASSERTION = """
INSERT INTO client_assertions (client_id, jti_hash, expires_at)
SELECT shown.client_id, shown.jti_hash, shown.expires_at
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::timestamptz[])
    AS shown (client_id, version, jti_hash, expires_at)
JOIN clients USING (client_id)
WHERE clients.state = 'active' AND clients.xmin::text = shown.version
ORDER BY shown.client_id, shown.jti_hash
ON CONFLICT DO NOTHING
RETURNING client_id, (SELECT xmin::text FROM clients k WHERE k.client_id = client_assertions.client_id) AS version,
    jti_hash
"""
DELETE_OLD_ASSERTIONS = deleting_some("client_assertions", "expires_at < $1", is_ever_updated=False)


@dataclass(frozen=True, slots=True)
class Versioned:
    """A client as it was read; `version`: of its row, to tell whether it is still so."""

    client: Client
    version: str


async def find(database: Database | Connection, client_id: str) -> Client | None:
    found = await find_versioned(database, client_id)
    return None if found is None else found.client


async def find_versioned(database: Database | Connection, client_id: str) -> Versioned | None:
    """Those that are asked for at the same time are read together, and each of them once."""
    if isinstance(database, Database):
        found: Versioned | None = await database.in_batches(_find, client_id)
        return found
    return (await _find(database, [client_id]))[0]


async def _find(connection: Connection, client_ids: Sequence[str]) -> list[Versioned | None]:
    rows = await connection.fetch(SELECT_CLIENTS, list(set(client_ids)))
    known = {row["client_id"]: Versioned(client_of(row), row["version"]) for row in rows}
    return [known.get(client_id) for client_id in client_ids]


async def save(tx: Connection, client: Client, *, at: datetime) -> None:
    await tx.execute(UPSERT_CLIENT, *_values(client), _key_of_the_previous_release(client), at)


async def use_assertion(database: Database, by: Versioned, *, jti_hash: bytes, expires_at: datetime) -> bool:
    """False when it was used before, or its client is another than was read. Kept before anybody is answered."""
    shown = (by.client.client_id, by.version, jti_hash, expires_at)
    is_first: bool = await database.in_batches(_use_assertions, shown)
    return is_first


async def _use_assertions(connection: Connection, shown: Sequence[tuple[str, str, bytes, datetime]]) -> list[bool]:
    """Of several that are the same, the first is used."""
    columns = [list(column) for column in zip(*shown, strict=True)]
    kept = {tuple(row) for row in await connection.fetch(INSERT_ASSERTION, *columns)}
    return [_take(one[:3], kept) for one in shown]


def _take(assertion: tuple[str, str, bytes], kept: set[tuple[str, str, bytes]]) -> bool:
    is_there = assertion in kept
    kept.discard(assertion)
    return is_there


async def forget_old_assertions(tx: Connection, *, at: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_ASSERTIONS, at)


def _values(client: Client) -> list[Any]:
    """In the order of COLUMNS."""
    return [list(client.jwks) if name == "jwks" else getattr(client, name) for name in NAMES]


def _key_of_the_previous_release(client: Client) -> dict[str, Any] | None:
    """It verifies by one EC key alone."""
    return next((jwk for jwk in client.jwks if jwk["kty"] == "EC"), None)


def client_of(row: asyncpg.Record) -> Client:
    named = {name: row[name] for name in NAMES}
    jwk = row["jwk"]
    # What the previous release registered has its one key where that release keeps it.
    has_own_keys = named["jwks"] or named["jwks_uri"] or jwk is None
    arrays = ("redirect_uris", "post_logout_redirect_uris", "scopes", "secret_hashes")
    algs = [name for name in named if name.endswith("_alg")]
    return Client(
        **{
            **named,
            **{name: tuple(named[name]) for name in arrays},
            **{name: Alg(named[name]) for name in algs},
            "kind": ClientKind(named["kind"]),
            "profile": Profile(named["profile"]),
            "token_endpoint_auth_method": Method(named["token_endpoint_auth_method"]),
            "jwks": tuple(named["jwks"]) if has_own_keys else (jwk,),
        }
    )
