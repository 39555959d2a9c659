"""Access tokens of this issuer: signed in one place, read in one place (RFC 9068)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.confirmation import Confirmation, confirmation_of
from services.auth.authorization import claims as tokens
from services.auth.authorization.claims import Claims
from services.auth.client.rules import Client
from services.auth.parts import Parts

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - a media type
TOKEN_BYTES = 8_192
LEEWAY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token that was signed here as an access token, whether or not it is still good."""

    claims: Claims

    @property
    def client_id(self) -> str:
        return str(self.claims["client_id"])

    @property
    def audience(self) -> str:
        return str(self.claims["aud"])

    @property
    def scope(self) -> tuple[str, ...]:
        return tuple(str(self.claims["scope"]).split())

    @property
    def grant_id(self) -> UUID | None:
        found = self.claims.get(tokens.GRANT)
        return None if found is None else UUID(found)

    @property
    def confirmation(self) -> Confirmation:
        return confirmation_of(self.claims)

    @property
    def issued_at(self) -> datetime:
        return datetime.fromtimestamp(self.claims["iat"], UTC)

    def is_current(self, at: datetime) -> bool:
        return self.issued_at <= at + LEEWAY and at < datetime.fromtimestamp(self.claims["exp"], UTC)


async def sign_access_token(parts: Parts, client: Client, access: Claims) -> str:
    alg = client.access_token_alg(audience=access["aud"], issuer=parts.settings.issuer)
    return await parts.keys.sign(access, typ=ACCESS_TOKEN_TYPE, alg=alg)


async def read_access_token(parts: Parts, token: str | None) -> AccessToken | None:
    """None for whatever was not signed here as an access token, be it an id token."""
    if token is None or len(token) > TOKEN_BYTES:
        return None
    claims = await parts.keys.verify(token, typ=ACCESS_TOKEN_TYPE)
    is_own = claims is not None and claims.get("iss") == parts.settings.issuer
    return AccessToken(claims) if claims is not None and is_own else None
