"""Signing people in with OpenID Connect: authorization code with PKCE, the client proved by private_key_jwt."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet

from examples.clic_revenu.credentials import ClientCredential


class SignInRefused(Exception):
    """The provider sent the person back without a code; `error` is its OAuth error code."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Attempt:
    """What a relying party keeps in its own session while the person is away."""

    address: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class RelyingParty:
    credential: ClientCredential
    redirect_uri: str
    http: httpx.AsyncClient

    def begin(
        self, *, resources: Sequence[str] = (), scope: str = "openid", language: str = "fr", **more: str
    ) -> Attempt:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = [
            ("response_type", "code"),
            ("client_id", self.credential.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", scope),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
            ("ui_locales", language),
            *(("resource", resource) for resource in resources),
            *more.items(),
        ]
        return Attempt(f"{self.credential.issuer}/oauth/authorize?{urlencode(query)}", state, nonce, verifier)

    async def redeem(self, attempt: Attempt, callback: str, *, resource: str | None = None) -> dict[str, Any]:
        """Tokens for the code in the callback's address, with the verified claims of the ID token under `claims`.

        Raises SignInRefused, or ValueError when the answer is not for this attempt.
        """
        answer = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
        if answer.get("state") != attempt.state or answer.get("iss") != self.credential.issuer:
            raise ValueError("this answer belongs to another attempt or another provider")
        if "error" in answer:
            raise SignInRefused(answer["error"])
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": self.redirect_uri,
            "code_verifier": attempt.verifier,
            **({"resource": resource} if resource else {}),
            **self.credential.form(),
        }
        granted = await self.http.post(f"{self.credential.issuer}/oauth/token", data=form)
        granted.raise_for_status()
        tokens: dict[str, Any] = granted.json()
        return {**tokens, "claims": await self._claims(tokens["id_token"], attempt)}

    async def _claims(self, id_token: str, attempt: Attempt) -> dict[str, Any]:
        keys = await self.http.get(f"{self.credential.issuer}/oauth/jwks")
        claims = jwt.decode(id_token, KeySet.import_key_set(keys.json()), algorithms=["ES256"]).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.credential.issuer},
            aud={"essential": True, "value": self.credential.client_id},
            nonce={"essential": True, "value": attempt.nonce},
        ).validate(claims)
        return dict(claims)
