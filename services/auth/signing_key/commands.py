import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from libs.common.call import Call
from libs.common.clock import now
from libs.common.compact_jws import NotAJws, read_compact, sign_compact
from libs.common.database import Connection, Database
from libs.common.errors import DatabaseUnavailable
from libs.common.evidence import record_evidence
from libs.common.ids import new_id
from libs.common.public_keys import PublicKey
from services.auth.client.keys import Alg
from services.auth.key_files import SymmetricKey, seal, unseal
from services.auth.signing_key import rules, store
from services.auth.signing_key.rules import FAMILY_OF_ALG, Family, Schedule, SealedKey

log = logging.getLogger(__name__)

RSA_BITS = 3_072
CACHED_SECONDS = 5.0
# While the database does not answer, for how long the keys are taken as they are, and how often it is asked.
KEPT_SECONDS = 60.0
RETRY_SECONDS = 1.0
# Between two readings of the keys; those beyond are verified each time they are shown.
REMEMBERED_TOKENS = 10_000


async def publish_when_due(tx: Connection, call: Call, sealing_key: SymmetricKey, *, schedule: Schedule) -> bool:
    """Makes each family's first key, or its next when due; of any number of callers one does. Answers whether."""
    await store.lock(tx)
    known = await store.list_published(tx, at=call.at)
    due = rules.due_families(known, at=call.at, schedule=schedule, needs_rsa=await store.needs_rsa(tx))
    for family in due:
        of_family = rules.of_family(known, family)
        signs_from = rules.next_signs_from(of_family, at=call.at, schedule=schedule) or call.at
        key = await _new_key(sealing_key, family, published_at=call.at, signs_from=signs_from)
        await _publish(tx, call, key, others_end=signs_from + schedule.kept)
    return bool(due)


async def rotate(  # noqa: PLR0913 - how an operator wants it, each by name
    tx: Connection,
    call: Call,
    sealing_key: SymmetricKey,
    *,
    schedule: Schedule,
    at_once: bool,
    family: Family = Family.EC,
) -> str:
    """A new key before its time; answers its kid.

    `at_once`: it signs now and all others of its family end now, for a key that may be known to somebody. Tokens
    that they signed are refused as soon as verifiers read the keys again, within five minutes.
    """
    await store.lock(tx)
    is_first = not rules.of_family(await store.list_published(tx, at=call.at), family)
    signs_from = call.at if at_once or is_first else call.at + schedule.notice
    others_end = call.at if at_once else signs_from + schedule.kept
    key = await _new_key(sealing_key, family, published_at=call.at, signs_from=signs_from)
    return await _publish(tx, call, key, others_end=others_end)


async def _publish(tx: Connection, call: Call, key: SealedKey, *, others_end: datetime) -> str:
    await store.add(tx, key)
    ending = await store.retire_others(tx, key, at=others_end)
    content = {
        "kid": key.kid,
        "family": key.family.value,
        "signs_from": key.signs_from.isoformat(),
        "ending": ending,
    }
    if ending:
        content["end_at"] = others_end.isoformat()
    await record_evidence(tx, call, "publish_signing_key", applicant_id=None, content=content)
    return key.kid


async def forget_retired(tx: Connection, *, at: datetime) -> None:
    """Removes keys after their end, private half included."""
    await store.forget_retired(tx, at=at)


async def _new_key(
    sealing_key: SymmetricKey, family: Family, *, published_at: datetime, signs_from: datetime
) -> SealedKey:
    # An RSA key takes up to seconds to find: not on the event loop.
    key = await asyncio.to_thread(_generate, family)
    kid = key.thumbprint()
    # A key of RSA serves two algorithms, so it names neither.
    named = {"alg": Alg.ES256.value} if family is Family.EC else {}
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", **named}
    sealed = seal(sealing_key, key.as_pem(private=True), about=f"signing key {kid}")
    return SealedKey(kid, public, sealed, sealing_key.id, published_at, signs_from, None, family)


def _generate(family: Family) -> PublicKey:
    return ECKey.generate_key("P-256") if family is Family.EC else RSAKey.generate_key(RSA_BITS)


@dataclass(frozen=True)
class KeySetText:
    """The published keys as they are sent."""

    body: bytes
    etag: str


def _text_of(keys: Sequence[SealedKey]) -> KeySetText:
    body = json.dumps({"keys": [key.public_jwk for key in keys]}, separators=(",", ":")).encode()
    return KeySetText(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@dataclass(frozen=True)
class Signer:
    """The keys that sign at this moment, by algorithm: signing with them reads nothing."""

    keys: Mapping[Alg, tuple[str, PublicKey]] = field(repr=False)

    def sign(self, claims: dict[str, Any], *, typ: str, alg: Alg) -> str:
        """A compact JWS (RFC 7515) of the claims."""
        kid, key = self.keys[alg]
        return sign_compact(claims, key, alg=alg.value, typ=typ, kid=kid)


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
    _text: KeySetText = field(default_factory=lambda: _text_of([]))
    _opened: dict[str, PublicKey] = field(default_factory=dict, repr=False)
    _verifying: dict[str, tuple[Family, PublicKey]] = field(default_factory=dict, repr=False)
    _remembered: dict[bytes, tuple[str | None, dict[str, Any]]] = field(default_factory=dict, repr=False)
    _read_at: float = float("-inf")
    _failed_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def jwks(self) -> dict[str, Any]:
        """RFC 7517 §5. Raises DatabaseUnavailable."""
        return {"keys": [key.public_jwk for key in await self._published()]}

    async def key_set(self) -> KeySetText:
        """The same, written down once for each reading. Raises DatabaseUnavailable."""
        await self._published()
        return self._text

    async def sign(self, claims: dict[str, Any], *, typ: str, alg: Alg = Alg.ES256) -> str:
        """A compact JWS (RFC 7515) of the claims. Raises DatabaseUnavailable."""
        return (await self.signer(alg)).sign(claims, typ=typ, alg=alg)

    async def signer(self, *algs: Alg) -> Signer:
        """For whoever must not wait for the keys while something is held. Raises DatabaseUnavailable."""
        known = await self._published()
        if any(self._choose(known, alg) is None for alg in algs):
            # A client registered since may be the first that needs the family.
            known = await self._published(anew=True)
        return Signer({alg: self._opened_for(known, alg) for alg in algs})

    async def verify(self, token: str, *, typ: str | None = None) -> dict[str, Any] | None:
        """The claims of a token that was signed here, however old; None when it was not, or as something else.

        The key is the one that the token names, used with the algorithms of its own family alone.
        """
        await self._published()
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._remembered.get(digest) or self._verified(token)
        if known is None:
            return None
        if len(self._remembered) < REMEMBERED_TOKENS:
            self._remembered[digest] = known
        its_typ, claims = known
        return dict(claims) if typ in {None, its_typ} else None

    def _verified(self, token: str) -> tuple[str | None, dict[str, Any]] | None:
        try:
            signed = read_compact(token)
        except NotAJws:
            return None
        family, public = self._verifying.get(str(signed.header.get("kid")), (None, None))
        algorithms = [alg for alg, its in FAMILY_OF_ALG.items() if its is family]
        if public is None or not any(signed.is_signed_by(public, alg=alg) for alg in algorithms):
            return None
        return signed.header.get("typ"), signed.claims

    def _choose(self, known: list[SealedKey], alg: Alg) -> SealedKey | None:
        return rules.choose(rules.of_family(known, FAMILY_OF_ALG[alg]), at=now())

    def _opened_for(self, known: list[SealedKey], alg: Alg) -> tuple[str, PublicKey]:
        chosen = self._choose(known, alg)
        if chosen is None:
            raise LookupError("no key signs at present")
        return chosen.kid, self._open(chosen)

    def _open(self, key: SealedKey) -> PublicKey:
        if key.kid not in self._opened:
            pem = unseal(self.sealing_key, key.sealed_private, about=f"signing key {key.kid}")
            kind = ECKey if key.family is Family.EC else RSAKey
            self._opened[key.kid] = kind.import_key(pem)
        return self._opened[key.kid]

    async def _published(self, *, anew: bool = False) -> list[SealedKey]:
        """Whoever asks while they are being read takes those that are known. Raises DatabaseUnavailable."""
        if not anew and self._are_known(KEPT_SECONDS if self._reading.locked() else self.cached_seconds):
            return self._known
        async with self._reading:
            is_due = anew or not self._are_known(self.cached_seconds)
            if is_due and time.monotonic() - self._failed_at > RETRY_SECONDS:
                await self._try_to_read()
            has_failed = self._failed_at > self._read_at
            if not self._are_known(KEPT_SECONDS) or (anew and has_failed):
                raise DatabaseUnavailable
            return self._known

    def _are_known(self, oldest: float) -> bool:
        return time.monotonic() - self._read_at <= oldest

    async def _try_to_read(self) -> None:
        try:
            await self._read()
        except DatabaseUnavailable:
            log.warning("the signing keys could not be read anew")
            self._failed_at = time.monotonic()

    async def _read(self) -> None:
        at = now()
        known = await store.list_published(self.database, at=at)
        needs_rsa = await store.needs_rsa(self.database)
        if rules.due_families(known, at=at, schedule=self.schedule, needs_rsa=needs_rsa):
            call = Call(actor="system", at=at, correlation_id=new_id())
            async with self.database.transaction() as tx:
                await publish_when_due(tx, call, self.sealing_key, schedule=self.schedule)
            known = await store.list_published(self.database, at=at)
        self._known, self._text, self._read_at = known, _text_of(known), time.monotonic()
        self._opened = {key.kid: self._opened[key.kid] for key in known if key.kid in self._opened}
        self._verifying = {key.kid: (key.family, _public_half(key)) for key in known}
        # What a key that has ended verified is not good any longer.
        self._remembered = {}


def _public_half(key: SealedKey) -> PublicKey:
    kind = ECKey if key.family is Family.EC else RSAKey
    return kind.import_key(key.public_jwk)
