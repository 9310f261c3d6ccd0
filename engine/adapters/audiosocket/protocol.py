"""AudioSocket's messages, taken apart and put together under bounds (pure).

A message is one byte of kind, two bytes of length (big endian) and so much payload (Asterisk, res_audiosocket.c). Each
connection is one call's sound in both directions; Asterisk, the client, says first which one by a UUID.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from uuid import UUID

HEADER_B = 3
RATE_HZ = 8000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_B = 2 * FRAME_SAMPLES
"""Signed linear, 16 bit, little endian, one channel: 20 ms of it are 320 bytes."""
SILENCE = bytes(FRAME_B)
PAYLOAD_MAX_B = 8 * FRAME_B
"""Asterisk sends one frame of 20 ms a message; eight of them leave room for other packet times."""


class Kind(IntEnum):
    HANG_UP = 0x00
    NAME = 0x01
    KEY = 0x03
    SOUND = 0x10
    """Signed linear at 8 kHz; 0x11 to 0x18 are other rates, which nobody asked for."""
    FAULT = 0xFF


class BadAudioSocket(ValueError):
    """The peer does not speak AudioSocket, or goes past a bound; the text names which. The connection is closed."""


class Messages:
    """Takes bytes as they come and gives whole messages; never keeps more than one that is not whole."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def take(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """The messages that are whole now. Raises BadAudioSocket."""
        kept = self._kept
        kept += data
        place = 0
        try:
            while len(kept) - place >= HEADER_B:
                length = kept[place + 1] << 8 | kept[place + 2]
                if length > PAYLOAD_MAX_B:
                    raise BadAudioSocket(f"message of {length} bytes")
                body = place + HEADER_B
                if len(kept) - body < length:
                    return
                kind, place = kept[place], body + length
                yield _kind(kind), bytes(kept[body:place])
        finally:
            del kept[:place]


def _kind(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError:
        raise BadAudioSocket(f"message of the unknown kind {number:#04x}") from None


def tap_of(payload: bytes) -> str:
    """The UUID with which a connection says whose sound it is. Raises BadAudioSocket."""
    if len(payload) != 16:
        raise BadAudioSocket(f"a name of {len(payload)} bytes instead of 16")
    return str(UUID(bytes=payload))


def key_of(payload: bytes) -> str:
    """The key of a phone. Raises BadAudioSocket."""
    key = payload.decode("ascii", "replace")
    if len(key) != 1 or key not in "0123456789*#ABCD":
        raise BadAudioSocket("a key that no phone has")
    return key


def sound(frame: bytes) -> bytes:
    """The message that carries a frame of sound."""
    return bytes((Kind.SOUND, len(frame) >> 8, len(frame) & 0xFF)) + frame


GOODBYE = bytes((Kind.HANG_UP, 0, 0))
