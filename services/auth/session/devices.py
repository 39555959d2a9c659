"""Browsers that signed in with a code before, known by a cookie that strangers do not have.

After the "device cookies" of OWASP's page on slowing online guessing. The cookie names nobody: each entry holds a
random id, its end and a keyed tag, and only who types the code again can be matched with one.
"""

import base64
import binascii
import hmac
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LIFE = timedelta(days=180)
MOST = 4
SEPARATOR = "."
SHAPE = struct.Struct(">16sI16s")
ENTRY_LENGTH = SHAPE.size // 3 * 4
LONGEST = MOST * (ENTRY_LENGTH + 1)
Tag = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Device:
    id: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Binding:
    """Whose entry it is: of one holder, and good for as long as the password stays the same."""

    actor: str
    password: str


NOBODYS = Binding("nobody", "")


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    id: bytes
    end: int
    tag: bytes

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.end, UTC)


def find(cookie: str | None, binding: Binding | None, *, tag: Tag, at: datetime) -> Device | None:
    """The entry that was given for this binding; the same work when there is nobody to be bound to."""
    found = None
    for entry in _entries(cookie, at=at):
        if _is_of(entry, binding or NOBODYS, tag=tag) and binding is not None:
            found = Device(entry.id, entry.expires_at)
    return found


def renew(cookie: str | None, binding: Binding, *, tag: Tag, at: datetime) -> str:
    """The cookie with a fresh entry for this binding in front, in place of its older one."""
    identifier, end = secrets.token_bytes(16), int((at + LIFE).timestamp())
    fresh = SHAPE.pack(identifier, end, _tag(identifier, end, binding, tag=tag))
    others = [entry.text for entry in _entries(cookie, at=at) if not _is_of(entry, binding, tag=tag)]
    return SEPARATOR.join([base64.urlsafe_b64encode(fresh).decode(), *others][:MOST])


def _entries(cookie: str | None, *, at: datetime) -> Iterator[_Entry]:
    for text in (cookie or "").split(SEPARATOR)[:MOST]:
        try:
            identifier, end, tag = SHAPE.unpack(base64.b64decode(text, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, struct.error):
            continue
        if end > at.timestamp():
            yield _Entry(text, identifier, end, tag)


def _is_of(entry: _Entry, binding: Binding, *, tag: Tag) -> bool:
    return hmac.compare_digest(entry.tag, _tag(entry.id, entry.end, binding, tag=tag))


def _tag(identifier: bytes, end: int, binding: Binding, *, tag: Tag) -> bytes:
    return tag(f"{identifier.hex()} {end} {binding.actor} {binding.password}")[:16]
