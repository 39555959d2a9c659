"""The set of breached passwords as one file that is mapped, not loaded: sorted fingerprints behind an index.

Header (64 bytes, little-endian): magic, version, index bits, least count, entries, SHA-256 of what follows,
CRC-32 of the header before it. Then 2 ** index bits + 1 offsets of 4 bytes, then one fingerprint of 2 bytes per
entry. A password's SHA-1 names its place: the first `index bits` choose the bucket, the next 16 are the
fingerprint. One that is not in the set is held for breached with a chance of entries / 2 ** (index bits + 16).
"""

import hashlib
import mmap
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

HEADER = struct.Struct("<8sHHIQ32s4xI")
MAGIC = b"CSBRCHPW"
VERSION = 1
INDEX_BITS = 24
MOST_INDEX_BITS = 28
FINGERPRINT_BITS = 16
FINGERPRINT_BYTES, OFFSET_BYTES = 2, 4
MOST_ENTRIES = 2**32 - 1
CHUNK = 1 << 20


class BreachedFileFault(Exception):
    """The file is missing, not whole, or not what it says it is; one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Header:
    index_bits: int
    least_count: int
    entries: int
    sha256: bytes

    @property
    def false_positive_rate(self) -> float:
        return float(self.entries / 2 ** (self.index_bits + FINGERPRINT_BITS))

    @property
    def file_bytes(self) -> int:
        offsets = (2**self.index_bits + 1) * OFFSET_BYTES
        return int(HEADER.size + offsets + self.entries * FINGERPRINT_BYTES)

    def pack(self) -> bytes:
        fields = (MAGIC, VERSION, self.index_bits, self.least_count, self.entries, self.sha256)
        return HEADER.pack(*fields, zlib.crc32(HEADER.pack(*fields, 0)))

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Raises BreachedFileFault."""
        if len(packed) != HEADER.size or not packed.startswith(MAGIC):
            raise BreachedFileFault("it is no set of breached passwords")
        *fields, checksum = HEADER.unpack(packed)
        _, version, index_bits, least_count, entries, sha256 = fields
        if checksum != zlib.crc32(HEADER.pack(*fields, 0)):
            raise BreachedFileFault("its header is damaged")
        if version != VERSION or not 1 <= index_bits <= MOST_INDEX_BITS:
            raise BreachedFileFault(f"its format {version} is not known to this release")
        return cls(index_bits, least_count, entries, sha256)


class BreachedFile:
    """A mapped file; replicas on one machine share its pages. A file replaced by renaming stays readable here."""

    def __init__(self, path: Path) -> None:
        """Reads the whole file once. Raises BreachedFileFault."""
        try:
            with path.open("rb") as source:
                self.header = Header.unpack(source.read(HEADER.size))
                _require_whole(source, self.header)
                self._mapped = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as fault:
            raise BreachedFileFault("it cannot be read") from fault
        self._fingerprints_at = HEADER.size + (2**self.header.index_bits + 1) * OFFSET_BYTES

    def contains(self, digest: bytes) -> bool:
        """`digest`: the SHA-1 of a password."""
        bucket, wanted = place_of(digest, index_bits=self.header.index_bits)
        first, end = struct.unpack_from("<II", self._mapped, HEADER.size + bucket * OFFSET_BYTES)
        start = self._fingerprints_at + first * FINGERPRINT_BYTES
        found = self._mapped[start : self._fingerprints_at + end * FINGERPRINT_BYTES]
        at = found.find(wanted)
        while at % FINGERPRINT_BYTES and at >= 0:
            at = found.find(wanted, at + 1)
        return at >= 0


def place_of(digest: bytes, *, index_bits: int) -> tuple[int, bytes]:
    """Bucket and fingerprint."""
    head = int.from_bytes(digest[:8], "big") >> (64 - index_bits - FINGERPRINT_BITS)
    bucket, fingerprint = divmod(head, 1 << FINGERPRINT_BITS)
    return bucket, fingerprint.to_bytes(FINGERPRINT_BYTES, "big")


def write_sorted(
    target: IO[bytes], digests: Iterator[bytes], *, least_count: int, index_bits: int = INDEX_BITS
) -> Header:
    """Digests come in order; memory holds the index alone. Raises BreachedFileFault when they do not."""
    offsets = array("I", bytes(OFFSET_BYTES * (2**index_bits + 1)))
    target.seek(HEADER.size + len(offsets) * OFFSET_BYTES)
    last: tuple[int, bytes] = (-1, b"")
    entries = 0
    for digest in digests:
        place = place_of(digest, index_bits=index_bits)
        if place < last:
            raise BreachedFileFault("the hashes are not in order")
        if place == last:
            continue
        for passed in range(last[0] + 1, place[0] + 1):
            offsets[passed] = entries
        target.write(place[1])
        entries, last = entries + 1, place
        if entries > MOST_ENTRIES:
            raise BreachedFileFault("there are too many hashes; raise the least count")
    for passed in range(last[0] + 1, len(offsets)):
        offsets[passed] = entries
    return _finish(target, offsets, index_bits=index_bits, least_count=least_count, entries=entries)


def _finish(
    target: IO[bytes], offsets: "array[int]", *, index_bits: int, least_count: int, entries: int
) -> Header:
    target.seek(HEADER.size)
    for at in range(0, len(offsets), CHUNK):
        part = offsets[at : at + CHUNK]
        target.write(struct.pack(f"<{len(part)}I", *part))
    target.flush()
    target.seek(HEADER.size)
    header = Header(index_bits, least_count, entries, _sha256_of_rest(target))
    target.seek(0)
    target.write(header.pack())
    return header


def _require_whole(source: IO[bytes], header: Header) -> None:
    size = source.seek(0, 2)
    if size != header.file_bytes:
        raise BreachedFileFault("it is not whole")
    source.seek(HEADER.size)
    if _sha256_of_rest(source) != header.sha256:
        raise BreachedFileFault("it is damaged")


def _sha256_of_rest(source: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while part := source.read(CHUNK):
        digest.update(part)
    return digest.digest()
