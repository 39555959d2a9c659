"""What strangers may try is counted per network and in all, in the database that every replica shares."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from libs.common.database import Connection, Database
from libs.common.errors import TooManyAttempts
from libs.common.sweeping import delete_some, deleting_some

WINDOW = timedelta(hours=1)
KEPT = timedelta(days=2)
ALL = "all"
PREFIX_OF_VERSION = {4: 24, 6: 48}

UPSERT_ATTEMPT = """
INSERT INTO attempt_counters (kind, subject, window_start, attempts) VALUES ($1, $2, $3, 1)
ON CONFLICT (kind, subject, window_start) DO UPDATE SET attempts = attempt_counters.attempts + 1
RETURNING attempts
"""
DELETE_OLD_COUNTERS = deleting_some("attempt_counters", "window_start < $1")


class TooManyTries(TooManyAttempts):
    code = "too-many-tries"
    en = "Too many tries from here or in all. Try again later."
    fr = "Trop d'essais, d'ici ou au total. Réessayez plus tard."


@dataclass(frozen=True, slots=True)
class Limit:
    kind: str
    per_network: int
    in_all: int


async def count(database: Database, limit: Limit, *, address: str | None, now: datetime) -> None:
    """Counts one try, whatever becomes of it. Raises TooManyTries.

    The network is counted first: what one of them is refused never uses up everybody's share.
    """
    start = now.replace(minute=0, second=0, microsecond=0)
    for subject, most in ((network_of(address), limit.per_network), (ALL, limit.in_all)):
        row = await database.fetchrow(UPSERT_ATTEMPT, limit.kind, subject, start)
        if row is not None and row["attempts"] > most:
            raise TooManyTries(retry_after=int((start + WINDOW - now).total_seconds()) + 1)


async def forget_old(tx: Connection, *, now: datetime) -> int:
    return await delete_some(tx, DELETE_OLD_COUNTERS, now - KEPT)


def network_of(address: str | None) -> str:
    """The /24 or /48 that an address belongs to; one network for all that have none."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ip_network(f"{parsed}/{PREFIX_OF_VERSION[parsed.version]}", strict=False))
