"""The format of a spool's file: a line that names the version, then a line for each record.

A record is `<CRC-32 of the rest, 8 hexadecimal digits> <serial, from 1> <payload>`. Lines find their beginnings again
by themselves, so a broken one takes no other with it (but for its neighbour, where the end between them is broken).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

MAGIC = b"vss-spool "
HEADER = MAGIC + b"1\n"


class OtherVersion(ValueError):
    """The file is whole, but of a version that this engine does not read."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says."""

    payloads: Sequence[bytes]
    """Those of the whole records, in order."""
    torn: int
    """Bytes of a last line without its end: its writer died, and never said that it is kept."""
    damaged: int
    """Records that are there and cannot be read, or should be there and are not."""


def line(serial: int, payload: bytes) -> bytes:
    """A record as it is written. Raises ValueError for a payload of more than one line."""
    if b"\n" in payload:
        raise ValueError("a record is one line")
    rest = b"%d %s" % (serial, payload)
    return b"%08x %s\n" % (crc32(rest), rest)


def read(data: bytes) -> Contents:
    """Take a file apart. Raises OtherVersion."""
    *lines, last = data.split(b"\n")
    if not lines:
        return Contents((), len(last), 0)
    head = lines[0] + b"\n"
    if head != HEADER and head.startswith(MAGIC) and head[len(MAGIC) : -1].isdigit():
        raise OtherVersion(head.decode("ascii").strip())
    payloads: list[bytes] = []
    broken = head != HEADER
    serials = 0
    for text in lines[1:]:
        record = _record(text)
        if record is None:
            broken = True
            continue
        serials = max(serials, record[0])
        payloads.append(record[1])
    unread = len(lines) - 1 - len(payloads)
    return Contents(payloads, len(last), max(unread, serials - len(payloads), int(broken)))


def _record(text: bytes) -> tuple[int, bytes] | None:
    """Serial and payload; None for a line that is not what was written."""
    checksum, _, rest = text.partition(b" ")
    if checksum != b"%08x" % crc32(rest):
        return None
    serial, _, payload = rest.partition(b" ")
    return (int(serial), payload) if serial.isdigit() else None
