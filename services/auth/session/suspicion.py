"""Which completed sign-ins by a code look like somebody else's: told to its person, never refused (clause 21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

REMEMBERED = timedelta(days=180)
SHORT_TIME = timedelta(hours=1)
# People move between home, work and a telephone; four places within an hour are not one person's.
MANY_NETWORKS = 4
# A person mistypes where they are; guesses come from everywhere.
SPREAD_OF_FAILURES = 5

Browser = Literal["chrome", "edge", "firefox", "safari", "other"]
System = Literal["android", "ios", "linux", "macos", "windows", "other"]
# The first that a browser names itself by: each also claims to be those below it.
BROWSERS: tuple[tuple[str, Browser], ...] = (
    ("Edg", "edge"),
    ("Firefox/", "firefox"),
    ("FxiOS/", "firefox"),
    ("Chrome/", "chrome"),
    ("CriOS/", "chrome"),
    ("Safari/", "safari"),
)
SYSTEMS: tuple[tuple[str, System], ...] = (
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("Windows", "windows"),
    ("Mac OS X", "macos"),
    ("Linux", "linux"),
)


class Suspicion(StrEnum):
    NEW_BROWSER = "new-browser"
    MANY_NETWORKS = "many-networks"
    SPREAD_OF_FAILURES = "spread-of-failures"


class Kind(StrEnum):
    """`TOLD`: the person was told for that reason; the mark is the reason."""

    NETWORK = "network"
    BROWSER = "browser"
    TOLD = "told"


@dataclass(frozen=True, slots=True)
class Mark:
    kind: Kind
    mark: bytes
    last_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """One that was completed; its network and browser as digests."""

    network: bytes
    browser: bytes
    is_first_use: bool
    at: datetime


def suspicions(sign_in: SignIn, *, known: Sequence[Mark], networks_of_failures: int) -> tuple[Suspicion, ...]:
    """`known`: the code's marks before this sign-in; `networks_of_failures`: of the last `SHORT_TIME`.

    Nothing at first use, nor again within `SHORT_TIME` for the same reason.
    """
    if sign_in.is_first_use:
        return ()
    seen = [mark for mark in known if sign_in.at - mark.last_at <= REMEMBERED]
    lately = [mark for mark in seen if sign_in.at - mark.last_at <= SHORT_TIME]
    told = {mark.mark for mark in lately if mark.kind is Kind.TOLD}
    found = {
        Suspicion.NEW_BROWSER: _is_new(sign_in, seen),
        Suspicion.MANY_NETWORKS: len(_networks(lately) | {sign_in.network}) >= MANY_NETWORKS,
        Suspicion.SPREAD_OF_FAILURES: networks_of_failures > SPREAD_OF_FAILURES,
    }
    return tuple(reason for reason, is_so in found.items() if is_so and reason.encode() not in told)


def browser_of(user_agent: str | None) -> tuple[Browser, System]:
    """For people to recognize their own, as the browser itself says."""
    said = user_agent or ""
    browser: Browser = next((name for token, name in BROWSERS if token in said), "other")
    system: System = next((name for token, name in SYSTEMS if token in said), "other")
    return browser, system


def _is_new(sign_in: SignIn, seen: Sequence[Mark]) -> bool:
    """Neither this browser nor this network was seen, while others were: a code without any says nothing."""
    browsers = {mark.mark for mark in seen if mark.kind is Kind.BROWSER}
    return bool(browsers) and sign_in.browser not in browsers and sign_in.network not in _networks(seen)


def _networks(marks: Sequence[Mark]) -> set[bytes]:
    return {mark.mark for mark in marks if mark.kind is Kind.NETWORK}
