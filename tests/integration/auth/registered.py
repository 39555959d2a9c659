"""Clients that a test registers for itself, with whatever they authenticate and sign by."""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from deploy.local.environment import Platform
from libs.common.call import Call
from libs.common.clock import now
from libs.common.compact_jws import registry_of
from libs.common.ids import new_id
from libs.common.public_keys import PublicKey
from services.auth.client.commands import install_client
from services.auth.client.rules import Client, ClientKind, Method
from services.auth.client.secrets import hash_secret
from tests.integration.auth import parties
from tests.integration.auth.parties import ASSERTION_TYPE
from tests.kit import Running

CREDENTIAL = {"grant_type": "client_credentials"}
REDIRECT = "https://books.example/callback"
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_EC = ECKey.generate_key("P-256", {"kid": "other"})


def public(*keys: PublicKey) -> tuple[dict[str, Any], ...]:
    return tuple(dict(key.as_dict(private=False)) for key in keys)


SYSTEM = Client("pay", ClientKind.DEPARTMENT_SYSTEM, "cnesst", "Pay", "Pay", (), (), (), public(EC, RSA))
BOOKS = Client(
    *("books", ClientKind.SOFTWARE, None, "Livres", "Books", (REDIRECT,), (), (), public(EC, RSA)),
    software="clic-books",
    vendor="Vendor inc.",
)


async def install(service: Running, client: Client) -> Client:
    call = Call(actor="operator", at=now(), correlation_id=new_id())
    async with service.database.transaction() as tx:
        await install_client(tx, call, client)
    return client


async def with_secret(service: Running, method: Method, *, client_id: str = "pay") -> str:
    """A client of this method; answers its secret."""
    secret = secrets.token_urlsafe(32)
    await install(
        service,
        replace(
            SYSTEM,
            client_id=client_id,
            jwks=(),
            token_endpoint_auth_method=method,
            secret_hashes=(hash_secret(secret),),
        ),
    )
    return secret


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{client_id}:{secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def sign(
    claims: dict[str, Any], *, key: PublicKey = EC, alg: str = "ES256", kid: str | None = "", **header: Any
) -> str:
    """`kid`: empty for the key's own, None for none."""
    named = {} if kid is None else {"kid": kid or key.kid}
    text = json.dumps(claims).encode()
    registry = registry_of(alg)
    return jws.serialize_compact({"typ": "JWT", "alg": alg, **named, **header}, text, key, registry=registry)


@dataclass
class Signer:
    """Speaks for a client that signs its assertions."""

    service: Running
    client_id: str = "pay"
    claims: dict[str, Any] = field(default_factory=dict)

    def assertion(self, *, signed: dict[str, Any] | None = None, **changes: Any) -> str:
        at = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.service.settings.issuer,
            "jti": str(uuid4()),
            "iat": at,
            "exp": at + 60,
            **self.claims,
            **changes,
        }
        return sign(claims, **(signed or {}))

    def form(self, assertion: str | None = None) -> dict[str, str]:
        return {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
        }

    async def token(self, assertion: str | None = None, **changes: str) -> httpx.Response:
        form = {**CREDENTIAL, **self.form(assertion), **changes}
        return await self.service.public.post("/oauth/token", data=form)

    async def push(self, **asked: str) -> httpx.Response:
        return await self.service.public.post("/oauth/par", data={**self.form(), **asked})


def fault_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


REFUSED = (401, "invalid_client")


class Books(parties.Client):
    """The vendor's software in front of a browser; it signs by its own key."""

    def __init__(self, service: Running, platform: Platform, *, client_id: str = "books") -> None:
        super().__init__(service, platform, client_id, REDIRECT)

    async def consented(self, browser: parties.Browser, answer: httpx.Response) -> httpx.Response:
        """Past the page that asks whether the product is allowed."""
        assert answer.url.path == "/consent", answer.text
        return await browser.submit({"answer": "allow"}, page=answer)

    def code(self, answer: httpx.Response) -> str:
        return parties.answer_of(answer)["code"]

    async def redeem_code(self, given: str, **changes: str | None) -> httpx.Response:
        return await self.redeem(
            given, client_assertion=Signer(self.service, self.client_id).assertion(), **changes
        )
