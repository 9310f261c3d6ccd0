"""One call's media at a tone end: what it sends every 20 ms and what it makes of what it hears. No I/O.

Heard sounds are debounced: a sound counts from its first frame once three frames in a row agree, so a frame cut in two
by a switch is no music. Near a change and at the beginning every frame is examined, else one in five, and the
four before it when it differs; so changes are placed to the frame, and most frames cost almost nothing.
"""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from engine.stack.sound import DTMF_HZ, FRAME_SAMPLES, Ear, Sound, dtmf_frames

PCMU = 0
TELEPHONE_EVENT = 101
_CONFIRM_FRAMES = 3
_CLOSE_LOOK_MS = 1000.0
_FIRST_LOOK_MS = 2000.0
_SPARSE = 5
_QUIET_MS = 250.0
_SILENCE = b"\xff" * FRAME_SAMPLES
_DIGITS = "0123456789*#ABCD"
_DIGIT_FRAMES = 5
_DIGIT_GAP_FRAMES = 4
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class Change:
    """From `at_ms` on it sounds like `sound`; or a digit ended at `at_ms`."""

    at_ms: float
    sound: Sound | None = None
    digit: str = ""


class ToneStream:
    """The media of one call; `port` is Asterisk's."""

    def __init__(self, call_id: str, number: str, port: int, opened_ms: float) -> None:
        self.call_id = call_id
        self.number = number
        self.port = port
        self.talking = False
        self.muted = False
        """Silence is sent instead of the tone."""
        self.frames_heard = 0
        self._sound = Sound.NOTHING
        self._guess = Sound.NOTHING
        self._guess_count = 0
        self._guess_ms = opened_ms
        self._close_look_until_ms = opened_ms + _FIRST_LOOK_MS
        self._last_packet_ms = opened_ms
        self._event_timestamp: int | None = None
        self._skipped: deque[tuple[float, bytes]] = deque(maxlen=_SPARSE - 1)
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._ssrc = random.getrandbits(32)
        self._digits: deque[tuple[bool, bytes, int] | None] = deque()
        self._sounds: deque[bytes] = deque()

    def hear(self, packet: bytes, ear: Ear, now_ms: float) -> Change | None:
        """Take one RTP packet from Asterisk; a change of sound or an ended digit is returned."""
        if len(packet) < 13 or packet[0] >> 6 != 2:
            return None
        kind = packet[1] & 0x7F
        if kind == TELEPHONE_EVENT:
            return self._hear_digit(packet, now_ms)
        if kind != PCMU:
            return None
        self.frames_heard += 1
        self._last_packet_ms = now_ms
        if now_ms > self._close_look_until_ms and self.frames_heard % _SPARSE:
            self._skipped.append((now_ms, packet[12:]))
            return None
        sound = ear.hear(packet[12:])
        change = None
        if sound is not self._guess:
            for skipped_ms, payload in self._skipped:
                change = self._judge(ear.hear(payload), skipped_ms) or change
        self._skipped.clear()
        return self._judge(sound, now_ms) or change

    def notice_quiet(self, now_ms: float) -> Change | None:
        """Called now and then: whether packets have stopped coming."""
        if self._sound is Sound.NOTHING or now_ms - self._last_packet_ms < _QUIET_MS:
            return None
        self._sound = self._guess = Sound.NOTHING
        self._guess_count = 0
        self._close_look_until_ms = now_ms + _FIRST_LOOK_MS
        return Change(self._last_packet_ms, Sound.NOTHING)

    def press(self, digits: str) -> None:
        """Send digits as telephone events (RFC 4733), 100 ms each; unknown characters are left out."""
        for digit in digits:
            if digit in _DIGITS:
                self._digits.extend(_events(_DIGITS.index(digit)))

    def press_in_band(self, digits: str) -> None:
        """Send digits as tones in the sound (ITU-T Q.23), 100 ms each."""
        for digit in digits:
            if digit in DTMF_HZ:
                self._sounds.extend(dtmf_frames(digit))

    def next_packet(self, tone: bytes) -> bytes:
        """The packet for this tick: the next piece of a digit, else the tone."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        piece = self._digits.popleft() if self._digits else None
        if piece is None:
            tone = self._sounds.popleft() if self._sounds else tone
            self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
            sound = _SILENCE if self.muted else tone
            return _HEADER.pack(0x80, PCMU, self._sequence, self._timestamp, self._ssrc) + sound
        marker, payload, advance = piece
        stamp = self._timestamp
        # the whole event carries the time of its beginning (RFC 4733, 2.2); only its last piece moves on
        self._timestamp = (self._timestamp + advance) & 0xFFFFFFFF
        return (
            _HEADER.pack(0x80, TELEPHONE_EVENT | (0x80 if marker else 0), self._sequence, stamp, self._ssrc) + payload
        )

    def _judge(self, sound: Sound, now_ms: float) -> Change | None:
        if sound is not self._guess:
            self._guess, self._guess_count, self._guess_ms = sound, 0, now_ms
            self._close_look_until_ms = max(self._close_look_until_ms, now_ms + _CLOSE_LOOK_MS)
        self._guess_count += 1
        if self._guess_count < _CONFIRM_FRAMES or sound is self._sound:
            return None
        self._sound = sound
        return Change(self._guess_ms, sound)

    def _hear_digit(self, packet: bytes, now_ms: float) -> Change | None:
        stamp = int.from_bytes(packet[4:8], "big")
        ended = len(packet) >= 16 and packet[13] & 0x80
        if not ended or stamp == self._event_timestamp or packet[12] >= len(_DIGITS):
            return None
        self._event_timestamp = stamp
        return Change(now_ms, digit=_DIGITS[packet[12]])


def _events(code: int) -> Iterator[tuple[bool, bytes, int] | None]:
    for number in range(1, _DIGIT_FRAMES + 1):
        yield number == 1, _EVENT.pack(code, 10, number * FRAME_SAMPLES), 0
    duration = _DIGIT_FRAMES * FRAME_SAMPLES
    for repeat in range(3):
        # the end is sent three times, because one may be lost
        yield False, _EVENT.pack(code, 0x80 | 10, duration), duration + 2 * FRAME_SAMPLES if repeat == 2 else 0
    yield from [None] * _DIGIT_GAP_FRAMES
