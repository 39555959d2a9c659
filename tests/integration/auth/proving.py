"""Proofs of possession (RFC 9449) as clients make them, and clients whose tokens are bound by them."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from joserfc import jws
from joserfc.jwk import ECKey

from libs.common.clock import now
from libs.common.compact_jws import registry_of
from libs.common.public_keys import PublicKey
from services.auth.authorization.nonces import nonce_at
from tests.integration.auth.registered import CREDENTIAL, Signer
from tests.kit import Running

REFRESH = {"grant_type": "refresh_token"}


def hash_of(access_token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def make_proof(
    key: PublicKey, claims: dict[str, Any], *, header: dict[str, Any] | None = None, alg: str = "ES256"
) -> str:
    told = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False), **(header or {})}
    present = {name: value for name, value in told.items() if value is not None}
    registry = registry_of(alg)
    return jws.serialize_compact(present, json.dumps(claims).encode(), key, registry=registry)


@dataclass
class Prover:
    """Holds a key, and proves it to one service with the nonce of the moment."""

    service: Running
    key: PublicKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    client_id: str = "books"

    @property
    def jkt(self) -> str:
        return self.key.thumbprint()

    @property
    def nonce(self) -> str:
        return nonce_at(self.service.apps[0].state.parts.sealing_key, now())

    def claims(self, path: str, *, method: str = "POST", **changes: Any) -> dict[str, Any]:
        whole = {
            "jti": str(uuid4()),
            "htm": method,
            "htu": f"{self.service.settings.issuer}{path}",
            "iat": int(time.time()),
            "nonce": self.nonce,
            **changes,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def proof(self, path: str = "/oauth/token", *, method: str = "POST", **changes: Any) -> dict[str, str]:
        return {"DPoP": make_proof(self.key, self.claims(path, method=method, **changes))}

    async def post(self, path: str, headers: Any, **form: str) -> httpx.Response:
        whole = {**Signer(self.service, self.client_id).form(), **form}
        return await self.service.public.post(path, data=whole, headers=headers)

    async def token(self, headers: Any = None, **form: str) -> httpx.Response:
        return await self.post("/oauth/token", self.proof() if headers is None else headers, **form)

    async def credential(self, headers: Any = None, **form: str) -> httpx.Response:
        return await self.token(headers, **{**CREDENTIAL, **form})

    async def refresh(self, refresh_token: str, headers: Any = None, **form: str) -> httpx.Response:
        return await self.token(headers, **{**REFRESH, "refresh_token": refresh_token, **form})

    def shows(self, access_token: str, path: str = "/oauth/userinfo", **changes: Any) -> dict[str, str]:
        proof = self.proof(path, **{"method": "GET", "ath": hash_of(access_token), **changes})
        return {"Authorization": f"DPoP {access_token}", **proof}

    async def userinfo(self, access_token: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.service.public.get("/oauth/userinfo", headers=headers or self.shows(access_token))
