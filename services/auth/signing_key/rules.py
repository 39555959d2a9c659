from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


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


def choose(keys: Sequence[SealedKey], *, at: datetime) -> SealedKey | None:
    """The youngest key that signs now."""
    signing = [key for key in keys if key.signs_from <= at and (key.retired_at is None or key.retired_at > at)]
    return max(signing, key=lambda key: key.signs_from, default=None)
