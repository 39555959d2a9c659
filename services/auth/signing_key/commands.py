import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from libs.common.call import Call
from libs.common.clock import now
from libs.common.database import Connection, Database
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from services.auth.key_files import SymmetricKey, seal, unseal
from services.auth.signing_key import rules, store
from services.auth.signing_key.rules import Schedule, SealedKey

ALGORITHM = "ES256"
CACHED_SECONDS = 5.0


async def publish_when_due(tx: Connection, call: Call, sealing_key: SymmetricKey, *, schedule: Schedule) -> bool:
    """Makes the first key, or the next one when it is due; of any number of callers one does. Answers whether."""
    await store.lock(tx)
    known = await store.list_published(tx, at=call.at)
    signs_from = rules.next_signs_from(known, at=call.at, schedule=schedule)
    if signs_from is None:
        return False
    await _publish(tx, call, sealing_key, signs_from=signs_from, others_end=signs_from + schedule.kept)
    return True


async def rotate(
    tx: Connection, call: Call, sealing_key: SymmetricKey, *, schedule: Schedule, at_once: bool
) -> str:
    """A new key before its time; answers its kid.

    `at_once`: it signs now and all others end now, for a key that may be known to somebody. Tokens that they
    signed are refused as soon as verifiers read the keys again, within five minutes.
    """
    await store.lock(tx)
    signs_from = call.at if at_once else call.at + schedule.notice
    others_end = call.at if at_once else signs_from + schedule.kept
    return await _publish(tx, call, sealing_key, signs_from=signs_from, others_end=others_end)


async def _publish(
    tx: Connection, call: Call, sealing_key: SymmetricKey, *, signs_from: datetime, others_end: datetime
) -> str:
    key = _new_key(sealing_key, published_at=call.at, signs_from=signs_from)
    await store.add(tx, key)
    ending = await store.retire_others(tx, key.kid, at=others_end)
    content = {"kid": key.kid, "signs_from": signs_from.isoformat(), "ending": ending}
    if ending:
        content["end_at"] = others_end.isoformat()
    await record_evidence(tx, call, "publish_signing_key", applicant_id=None, content=content)
    return key.kid


async def forget_retired(tx: Connection, *, at: datetime) -> None:
    """Removes keys after their end, private half included."""
    await store.forget_retired(tx, at=at)


def _new_key(sealing_key: SymmetricKey, *, published_at: datetime, signs_from: datetime) -> SealedKey:
    key = ECKey.generate_key("P-256")
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    sealed = seal(sealing_key, key.as_pem(private=True), about=f"signing key {kid}")
    return SealedKey(kid, public, sealed, sealing_key.id, published_at, signs_from, None)


@dataclass
class SigningKeys:
    """The published keys and the one that signs, read from the database every few seconds at most.

    Whoever reads them also publishes the next one when it is due: only apis have the sealing key.
    """

    database: Database
    sealing_key: SymmetricKey = field(repr=False)
    schedule: Schedule
    cached_seconds: float = CACHED_SECONDS
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
            if time.monotonic() - self._read_at > self.cached_seconds:
                await self._read()
            return self._known

    async def _read(self) -> None:
        at = now()
        known = await store.list_published(self.database, at=at)
        if rules.next_signs_from(known, at=at, schedule=self.schedule) is not None:
            call = Call(actor="system", at=at, correlation_id=new_id())
            async with self.database.transaction() as tx:
                await publish_when_due(tx, call, self.sealing_key, schedule=self.schedule)
            known = await store.list_published(self.database, at=at)
        self._known, self._read_at = known, time.monotonic()
        self._opened = {key.kid: self._opened[key.kid] for key in known if key.kid in self._opened}
