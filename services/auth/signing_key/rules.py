from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Family(StrEnum):
    """Keys of one family follow each other; those of another have a course of their own."""

    EC = "EC"
    RSA = "RSA"


FAMILY_OF_ALG = {"ES256": Family.EC, "RS256": Family.RSA, "PS256": Family.RSA}


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key is published, later signs, later retires; verifiers so have time to fetch it and to forget it."""

    kid: str
    public_jwk: dict[str, Any]
    sealed_private: bytes = field(repr=False)
    sealing_key_id: str
    published_at: datetime
    signs_from: datetime
    retired_at: datetime | None
    family: Family = Family.EC


@dataclass(frozen=True, slots=True)
class Schedule:
    """A new key signs `every` so often, is published `notice` before, and its predecessor stays `kept` after."""

    every: timedelta
    notice: timedelta
    kept: timedelta


def next_signs_from(keys: Sequence[SealedKey], *, at: datetime, schedule: Schedule) -> datetime | None:
    """From when a key made now is to sign; None while none is due."""
    youngest = max((key.signs_from for key in keys), default=None)
    if youngest is None:
        return at
    due = youngest + schedule.every
    return None if at < due - schedule.notice else max(due, at + schedule.notice)


def of_family(keys: Sequence[SealedKey], family: Family) -> list[SealedKey]:
    return [key for key in keys if key.family is family]


def due_families(keys: Sequence[SealedKey], *, at: datetime, schedule: Schedule, needs_rsa: bool) -> list[Family]:
    """Those that need a key made now; RSA begins with the first client that needs it, and then goes on."""
    wanted = [Family.EC, *([Family.RSA] if needs_rsa or of_family(keys, Family.RSA) else [])]
    return [
        family
        for family in wanted
        if next_signs_from(of_family(keys, family), at=at, schedule=schedule) is not None
    ]


def choose(keys: Sequence[SealedKey], *, at: datetime) -> SealedKey | None:
    """The youngest key that signs now."""
    signing = [key for key in keys if key.signs_from <= at and (key.retired_at is None or key.retired_at > at)]
    return max(signing, key=lambda key: key.signs_from, default=None)
