"""What a 20 ms frame of G.711 mu-law sounds like: the tone one listens for, something else, or silence.

A tone is told by one bin of the Fourier transform (Goertzel's question): frames are 160 samples at 8 kHz, so bins lie
50 Hz apart, and a tone of a multiple of 50 Hz falls into one bin exactly, whatever its phase.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 8000
FRAME_SAMPLES = 160
FRAME_MS = 20
BIN_HZ = SAMPLE_RATE_HZ // FRAME_SAMPLES
_TONE_AMPLITUDE = 8000
# root mean square below which nobody hears anything; the quantisation noise of mu-law is about 8
_SILENCE_RMS = 60.0
# the part of a frame's energy that lies in the tone's bin; a pure tone through mu-law has 0.99, music rarely 0.5
_TONE_SHARE = 0.7


class Sound(StrEnum):
    """What is heard: `nothing` means that no packets come at all."""

    TONE = "tone"
    OTHER = "other"
    SILENCE = "silence"
    NOTHING = "nothing"


def _decode_table() -> npt.NDArray[np.float32]:
    # ITU-T G.711, table 2: sign, three bits of exponent, four of mantissa, all inverted on the line
    table = np.empty(256, dtype=np.float32)
    for code in range(256):
        inverted = ~code & 0xFF
        magnitude = (((inverted & 0x0F) << 3) + 0x84 << ((inverted & 0x70) >> 4)) - 0x84
        table[code] = -magnitude if inverted & 0x80 else magnitude
    return table


_DECODED = _decode_table()


def decode(payload: bytes) -> npt.NDArray[np.float32]:
    """The linear samples of a mu-law payload."""
    return _DECODED[np.frombuffer(payload, dtype=np.uint8)]


def encode(samples: npt.NDArray[np.float32]) -> bytes:
    """The nearest mu-law codes of linear samples."""
    codes = np.abs(_DECODED[:, None] - samples[None, :]).argmin(axis=0)
    return bytes(codes.astype(np.uint8))


def tone_frame(hz: int) -> bytes:
    """A frame of a tone that can be repeated without a click; `hz` must be a multiple of 50."""
    _require_bin(hz)
    phase = 2 * math.pi * hz / SAMPLE_RATE_HZ * np.arange(FRAME_SAMPLES)
    return encode((_TONE_AMPLITUDE * np.sin(phase)).astype(np.float32))


DTMF_HZ = {
    key: (low, high)
    for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip((1209, 1336, 1477, 1633), row, strict=True)
}
"""ITU-T Q.23: the two tones of each key."""
_DTMF_FRAMES = 5
_DTMF_GAP_FRAMES = 5
_DTMF_AMPLITUDE = 6000


def dtmf_frames(key: str) -> list[bytes]:
    """A key as tones in the sound, 100 ms and as much silence after it."""
    times = np.arange(_DTMF_FRAMES * FRAME_SAMPLES) / SAMPLE_RATE_HZ
    low, high = (np.sin(2 * math.pi * hz * times) for hz in DTMF_HZ[key])
    wave = (low + high) * _DTMF_AMPLITUDE
    whole = encode(wave.astype(np.float32)) + encode(np.zeros(_DTMF_GAP_FRAMES * FRAME_SAMPLES, np.float32))
    return [whole[at : at + FRAME_SAMPLES] for at in range(0, len(whole), FRAME_SAMPLES)]


class Ear:
    """Listens for one tone."""

    def __init__(self, hz: int) -> None:
        _require_bin(hz)
        angle = 2 * math.pi * hz / SAMPLE_RATE_HZ * np.arange(FRAME_SAMPLES)
        self._waves = np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)

    def hear(self, payload: bytes) -> Sound:
        """What one frame of 160 samples is; a payload of another length counts as something else."""
        if len(payload) != FRAME_SAMPLES:
            return Sound.OTHER
        samples = decode(payload)
        energy = float(samples @ samples)
        if energy < _SILENCE_RMS**2 * FRAME_SAMPLES:
            return Sound.SILENCE
        parts = self._waves @ samples
        share = 2.0 * float(parts @ parts) / (FRAME_SAMPLES * energy)
        return Sound.TONE if share >= _TONE_SHARE else Sound.OTHER


def _require_bin(hz: int) -> None:
    if hz % BIN_HZ or not 0 < hz < SAMPLE_RATE_HZ // 2:
        raise ValueError(f"a tone must be a multiple of {BIN_HZ} Hz below {SAMPLE_RATE_HZ // 2}")
