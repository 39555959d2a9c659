import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from libs.common.clock import now
from libs.common.database import Connection, Database
from services.auth.key_files import SymmetricKey, seal, unseal
from services.auth.signing_key import rules, store
from services.auth.signing_key.rules import SealedKey

ALGORITHM = "ES256"
CACHED_SECONDS = 5.0


async def ensure_signing_key(tx: Connection, sealing_key: SymmetricKey, *, at: datetime) -> bool:
    """Makes the first key when there is none; only one caller does. Answers whether it made one."""
    await store.lock(tx)
    if await store.list_published(tx, at=at):
        return False
    await store.add(tx, _new_key(sealing_key, at=at))
    return True


def _new_key(sealing_key: SymmetricKey, *, at: datetime) -> SealedKey:
    key = ECKey.generate_key("P-256")
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    sealed = seal(sealing_key, key.as_pem(private=True), about=f"signing key {kid}")
    return SealedKey(kid, public, sealed, sealing_key.id, at, at, None)


@dataclass
class SigningKeys:
    """The published keys and the one that signs, read from the database every few seconds at most."""

    database: Database
    sealing_key: SymmetricKey = field(repr=False)
    _known: list[SealedKey] = field(default_factory=list)
    _opened: dict[str, ECKey] = field(default_factory=dict, repr=False)
    _read_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def jwks(self) -> dict[str, Any]:
        """RFC 7517 §5. Raises DatabaseUnavailable."""
        return {"keys": [key.public_jwk for key in await self._published()]}

    async def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """A compact JWS (RFC 7515) of the claims. Raises DatabaseUnavailable."""
        chosen = rules.choose(await self._published(), at=now())
        if chosen is None:
            raise LookupError("no key signs at present")
        return jwt.encode({"alg": ALGORITHM, "typ": typ, "kid": chosen.kid}, dict(claims), self._open(chosen))

    async def verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token that was signed here, however old; None when it was not."""
        keys = KeySet.import_key_set(await self.jwks())  # type: ignore[arg-type]
        try:
            return dict(jwt.decode(token, keys, algorithms=[ALGORITHM]).claims)
        except (JoseError, ValueError):
            return None

    def _open(self, key: SealedKey) -> ECKey:
        if key.kid not in self._opened:
            pem = unseal(self.sealing_key, key.sealed_private, about=f"signing key {key.kid}")
            self._opened[key.kid] = ECKey.import_key(pem)
        return self._opened[key.kid]

    async def _published(self) -> list[SealedKey]:
        async with self._reading:
            if time.monotonic() - self._read_at > CACHED_SECONDS:
                await self._read()
            return self._known

    async def _read(self) -> None:
        at = now()
        known = await store.list_published(self.database, at=at)
        if rules.choose(known, at=at) is None:
            async with self.database.transaction() as tx:
                await ensure_signing_key(tx, self.sealing_key, at=at)
            known = await store.list_published(self.database, at=at)
        self._known, self._read_at = known, time.monotonic()
