"""How attempts to sign in are slowed: strangers by what strangers spend, an owner's own browser by none of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

LARGEST_POWER = 30


@dataclass(frozen=True, slots=True)
class Slowing:
    """`free` attempts cost nothing; each later one doubles the wait, up to `longest`; silence is forgotten."""

    free: int
    longest: timedelta
    forgotten: timedelta = timedelta(hours=1)


OF_CODE_AND_NETWORK = Slowing(free=5, longest=timedelta(minutes=15))
OF_NETWORK = Slowing(free=100, longest=timedelta(minutes=1))
# What strangers spend on one code, and on all codes in one minute. Neither stops anybody: a network that comes
# anew waits once before it is heard, whatever others do meanwhile.
OF_CODE = Slowing(free=30, longest=timedelta(minutes=5))
OF_ALL = Slowing(free=1_000, longest=timedelta(seconds=10))
LONGEST_WAIT_WITHOUT_DEVICE = max(OF_CODE.longest, OF_ALL.longest)
# A browser that signed in with the code before has this many failures, then it is a stranger like any other.
FAILURES_OF_DEVICE = 10
OF_DEVICE = Slowing(free=FAILURES_OF_DEVICE, longest=timedelta(0), forgotten=timedelta(days=30))

# What is typed at the second step is short, and only who gave the password gets there: nobody else can spend this,
# and no number of networks buys more of it. Silence is forgotten so late that to keep silent is worth nothing.
OF_OWNER = Slowing(free=10, longest=timedelta(minutes=15), forgotten=timedelta(days=30))


@dataclass(frozen=True, slots=True)
class Attempts:
    """A wait that was imposed ends at `blocked_until`; else it is `last_at`, or earlier after a success."""

    failures: int
    last_at: datetime
    blocked_until: datetime
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """All that an attempt from an unknown browser is counted by."""

    of_all: Attempts
    of_network: Attempts
    of_code: Attempts
    of_code_and_network: Attempts


def none_yet(at: datetime) -> Attempts:
    return Attempts(0, at, at, at)


def count(attempts: Attempts, slowing: Slowing, *, at: datetime) -> Attempts:
    """One more attempt; it counts as failed until it turns out well."""
    failures = _failures(attempts, slowing, at=at) + 1
    return _waiting(replace(attempts, failures=failures), slowing, wait=_wait(failures, slowing), at=at)


def wait_seconds(attempts: Attempts, *, at: datetime) -> int:
    """Seconds until the next attempt is heard; 0 when it is heard now."""
    remaining = (attempts.blocked_until - at).total_seconds()
    # Calls that come together may be heard in another order than that of their clocks.
    is_imposed = attempts.blocked_until > attempts.last_at
    return int(remaining) + 1 if is_imposed and remaining > 0 else 0


def hear_stranger(known: Counts, *, at: datetime) -> tuple[Counts, int]:
    """The counts after one more attempt, and the seconds to wait when it is not heard now.

    Who has waited once on a network is heard next, so strangers elsewhere delay an owner by no more than
    `LONGEST_WAIT_WITHOUT_DEVICE`, however many they are.
    """
    pair = known.of_code_and_network
    wait = max(wait_seconds(known.of_network, at=at), wait_seconds(pair, at=at))
    if wait:
        return known, wait
    toll = max(_toll(known.of_all, OF_ALL, at=at), _toll(known.of_code, OF_CODE, at=at))
    of_network = count(known.of_network, OF_NETWORK, at=at)
    if toll and not _has_waited(pair, at=at):
        made_to_wait = _waiting(pair, OF_CODE_AND_NETWORK, wait=toll, at=at)
        knocked = replace(known, of_network=of_network, of_code_and_network=made_to_wait)
        return knocked, wait_seconds(made_to_wait, at=at)
    failures = _failures(pair, OF_CODE_AND_NETWORK, at=at) + 1
    next_wait = max(toll, _wait(failures, OF_CODE_AND_NETWORK))
    pair = _waiting(replace(pair, failures=failures), OF_CODE_AND_NETWORK, wait=next_wait, at=at)
    of_all = count(known.of_all, OF_ALL, at=at)
    return Counts(of_all, of_network, count(known.of_code, OF_CODE, at=at), pair), 0


def hear_device(known: Attempts, *, expires_at: datetime, at: datetime) -> Attempts | None:
    """The count after one more attempt by a browser that knows the code; None once the browser was put out.

    What put it out is kept until its cookie expires: it may have been stolen.
    """
    failures = _failures(known, OF_DEVICE, at=at)
    if failures >= FAILURES_OF_DEVICE:
        return None
    counted = count(known, OF_DEVICE, at=at)
    return replace(counted, kept_until=expires_at) if counted.failures == FAILURES_OF_DEVICE else counted


def hear_owner(known: Attempts, *, at: datetime) -> tuple[Attempts, int]:
    """The count after one more code typed for one owner, and the seconds to wait when it is not heard now."""
    wait = wait_seconds(known, at=at)
    return (known, wait) if wait else (count(known, OF_OWNER, at=at), 0)


def is_slowed(counted: Attempts) -> bool:
    """Whether a wait follows, once the attempt that was counted last turns out wrong."""
    return counted.failures >= OF_OWNER.free


def begins_to_slow(counted: Attempts) -> bool:
    return counted.failures == OF_OWNER.free


def _failures(attempts: Attempts, slowing: Slowing, *, at: datetime) -> int:
    is_forgotten = at > max(attempts.last_at + slowing.forgotten, attempts.kept_until)
    return 0 if is_forgotten else attempts.failures


def _wait(failures: int, slowing: Slowing) -> timedelta:
    if failures < slowing.free:
        return timedelta(0)
    return min(timedelta(seconds=2.0 ** min(failures - slowing.free, LARGEST_POWER)), slowing.longest)


def _toll(attempts: Attempts, slowing: Slowing, *, at: datetime) -> timedelta:
    """What a newcomer waits: the whole of it at once, since ten thousand may come in the same instant."""
    return slowing.longest if _failures(attempts, slowing, at=at) >= slowing.free else timedelta(0)


def _has_waited(attempts: Attempts, *, at: datetime) -> bool:
    """A wait was imposed and is over, or the last attempt turned out well, within what is not yet forgotten."""
    since = at - max(attempts.blocked_until, attempts.last_at)
    return attempts.blocked_until != attempts.last_at and since <= OF_CODE_AND_NETWORK.forgotten


def _waiting(attempts: Attempts, slowing: Slowing, *, wait: timedelta, at: datetime) -> Attempts:
    kept_until = max(at + slowing.forgotten, at + wait)
    return replace(attempts, last_at=at, blocked_until=at + wait, kept_until=kept_until)
