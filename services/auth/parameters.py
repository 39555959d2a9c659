"""Parameters of OAuth calls and forms, bounded, each name once unless it may be repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.requests import ClientDisconnect

FORM_BYTES = 16_384
FIELDS = 50
FORM_TYPE = "application/x-www-form-urlencoded"
REPEATABLE = frozenset({"resource"})


class Malformed(Exception):
    """It is no form, is too long, or repeats a parameter (RFC 6749 §3.1)."""


@dataclass(frozen=True)
class Parameters:
    values: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str | None:
        """The value, or None when it is absent or empty, which mean the same (RFC 6749 §3.1)."""
        found = self.values.get(name, ())
        return found[0] if found and found[0] else None

    def every(self, name: str) -> list[str]:
        return [value for value in self.values.get(name, ()) if value]

    def without(self, *names: str) -> "Parameters":
        return Parameters({name: every for name, every in self.values.items() if name not in names})

    def as_query(self) -> str:
        return urlencode([(name, value) for name, every in self.values.items() for value in every])


class Repeated(Malformed):
    """It repeats a parameter; `once`: those that it does not repeat."""

    def __init__(self, once: Parameters) -> None:
        super().__init__()
        self.once = once


def read_query(request: Request) -> Parameters:
    """Raises Malformed."""
    return _parse(bytes(request.scope["query_string"]))


async def read_form(request: Request) -> Parameters:
    """Raises Malformed."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Malformed
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES:
                raise Malformed
    except ClientDisconnect as gone:
        raise Malformed from gone
    return _parse(bytes(body))


def _parse(text: bytes) -> Parameters:
    if len(text) > FORM_BYTES:
        raise Malformed
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise Malformed from error
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise Malformed
        values.setdefault(name, []).append(value)
    once = {name: found for name, found in values.items() if len(found) == 1 or name in REPEATABLE}
    if len(once) < len(values):
        raise Repeated(Parameters(once))
    return Parameters(values)
