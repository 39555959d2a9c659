"""Keys of clients: as registered, or as their `jwks_uri` publishes them."""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from libs.common.http_calls import Answer
from libs.common.public_keys import KeyNotAcceptable, PublicKey
from services.auth.client.keys import MOST_KEYS, Alg, choose_key, read_jwk
from services.auth.client.rules import Client
from services.auth.outbound import Outbound, OutboundFault

log = logging.getLogger(__name__)

REMEMBERED_ADDRESSES = 500
OK = 200
Jwks = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Lives:
    """Seconds: how long keys are taken as they are, how long while their address is down, between two attempts."""

    fresh: float = 300.0
    kept: float = 3_600.0
    between: float = 10.0


@dataclass(slots=True)
class _Known:
    jwks: Jwks = ()
    read_at: float = float("-inf")
    tried_at: float = float("-inf")


@dataclass
class ClientKeys:
    outbound: Outbound
    lives: Lives = field(default_factory=Lives)
    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _fetching: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def find(self, client: Client, *, alg: Alg, kid: str | None) -> PublicKey | None:
        """A name that is not known is looked for once more, however many ask, at most every few seconds."""
        if client.jwks_uri is None:
            return choose_key(client.jwks, alg=alg, kid=kid)
        known = await self._at(client.jwks_uri, not_older_than=self.lives.fresh)
        found = choose_key(known, alg=alg, kid=kid)
        if found is not None:
            return found
        return choose_key(await self._at(client.jwks_uri, not_older_than=0), alg=alg, kid=kid)

    async def _at(self, address: str, *, not_older_than: float) -> Jwks:
        known = self._known.get(address) or _Known()
        now = time.monotonic()
        if now - known.read_at > not_older_than and now - known.tried_at > self.lives.between:
            # The call goes on for whoever else waits for it when the one who began it is gone.
            await asyncio.shield(self._fetch_once(address))
            known = self._known[address]
        return known.jwks if time.monotonic() - known.read_at <= self.lives.kept else ()

    def _fetch_once(self, address: str) -> asyncio.Task[None]:
        running = self._fetching.get(address)
        if running is None:
            running = self._fetching[address] = asyncio.create_task(self._fetch(address))
            running.add_done_callback(lambda _: self._fetching.pop(address, None))
        return running

    async def _fetch(self, address: str) -> None:
        known = self._known.pop(address, None) or _Known()
        known.tried_at = time.monotonic()
        self._known[address] = known
        if len(self._known) > REMEMBERED_ADDRESSES:
            self._known.popitem(last=False)
        try:
            answer = await self.outbound.get(address, accept="application/jwk-set+json, application/json")
            known.jwks, known.read_at = read_key_set(answer), time.monotonic()
        except OutboundFault as fault:
            log.warning("keys of a client could not be read", extra={"fault": str(fault)})


def read_key_set(answer: Answer) -> Jwks:
    """RFC 7517 §5: keys that are not understood are passed over. Raises OutboundFault."""
    if answer.status != OK:
        raise OutboundFault("the answer is no success")
    try:
        members = json.loads(answer.body)["keys"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise OutboundFault("the answer is no key set") from error
    if not isinstance(members, Sequence) or len(members) > MOST_KEYS:
        raise OutboundFault("the answer is no key set")
    kept = tuple(dict(one) for one in members if isinstance(one, Mapping) and _is_acceptable(one))
    if not kept:
        raise OutboundFault("the answer has no acceptable key")
    return kept


def _is_acceptable(jwk: Mapping[str, Any]) -> bool:
    try:
        read_jwk(jwk)
    except KeyNotAcceptable:
        return False
    return True
