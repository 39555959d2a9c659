"""A client's own credential: a signed assertion instead of a shared secret (RFC 7523)."""

import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
RENEW_BEFORE_SECONDS = 30


@dataclass(frozen=True)
class ClientCredential:
    client_id: str
    key_file: Path
    issuer: str

    def form(self) -> dict[str, str]:
        """The form fields that prove to the token endpoint who asks."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        assertion = jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(self.key_file.read_text()))
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }


class DepartmentToken:
    """The department system's own access token for one audience, renewed shortly before it expires."""

    def __init__(self, credential: ClientCredential, http: httpx.AsyncClient, *, resource: str) -> None:
        self._credential = credential
        self._http = http
        self._resource = resource
        self._expires_at = 0.0
        self._token = ""

    async def headers(self) -> dict[str, str]:
        if time.time() > self._expires_at - RENEW_BEFORE_SECONDS:
            answer = await self._http.post(
                f"{self._credential.issuer}/oauth/token",
                data={"grant_type": "client_credentials", "resource": self._resource, **self._credential.form()},
            )
            answer.raise_for_status()
            granted = answer.json()
            self._token, self._expires_at = granted["access_token"], time.time() + granted["expires_in"]
        return {"Authorization": f"Bearer {self._token}"}
