"""From a synthesiser's WAV to telephone sound: 8 kHz, trimmed, at one loudness, as WAV and as G.711 (pure, numpy)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000
FULL_SCALE = 32768.0
SPEECH_RMS = 0.1
"""-20 dB of full scale while speech lasts: as loud as a person on a telephone (ITU-T P.56, G.711: -19 dBm0)."""
PEAK_MAX = 0.89
"""-1 dB: the resampled waveform between the samples must not clip either."""
SILENCE = 0.005
"""-46 dB of full scale: below it nobody hears a word."""
LEAD_S = 0.02
TAIL_S = 0.15
FRAME_S = 0.02
CUTOFF_HZ = 3700.0
"""The telephone band ends at 3400 Hz; what lies above half the rate must be gone."""
HALF_WIDTH = 32
"""Zero crossings of the windowed sinc on each side, at the output's rate."""
CHUNK = 4096

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Loudness:
    """What a sound measures: `rms` of its audible frames and `peak`, both of full scale."""

    rms: float
    peak: float
    duration_s: float


def telephone(wav: bytes) -> Samples:
    """Samples at 8 kHz, trimmed and levelled. Raises ValueError for what is no mono 16 bit WAV, or is silent."""
    rate_hz, samples = parse_wav(wav)
    return level(trim(resample(samples, rate_hz)))


def parse_wav(data: bytes) -> tuple[int, Samples]:
    """Rate and samples (-1 to 1) of a mono 16 bit WAV; sizes of a header written to a pipe are not believed."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    place, rate_hz = 12, 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = place + 8
        if name == b"fmt ":
            kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", data, body)
            if (kind, channels, bits) != (1, 1, 16):
                raise ValueError("not mono 16 bit PCM")
        elif name == b"data":
            if not 4000 <= rate_hz <= 96_000:
                raise ValueError("no usable sample rate")
            end = min(len(data), body + size)
            whole = np.frombuffer(data[body : end - (end - body) % 2], dtype="<i2")
            return rate_hz, (whole / FULL_SCALE).astype(np.float32)
        place = body + size + size % 2
    raise ValueError("a WAV file without sound")


def resample(samples: Samples, rate_hz: int) -> Samples:
    """Resample to 8 kHz with a Blackman-windowed sinc: what would alias is 70 dB down."""
    if rate_hz == RATE_HZ or not len(samples):
        return samples
    step = rate_hz / RATE_HZ
    cutoff = min(CUTOFF_HZ, 0.46 * rate_hz) / rate_hz  # cycles per input sample
    reach = math.ceil(HALF_WIDTH * max(1.0, step))
    padded = np.concatenate([np.zeros(reach, np.float32), samples, np.zeros(reach + 1, np.float32)])
    offsets = np.arange(-reach + 1, reach + 1)
    found = np.empty(int(len(samples) / step), np.float32)
    for start in range(0, len(found), CHUNK):
        times = np.arange(start, min(start + CHUNK, len(found))) * step
        whole = np.floor(times).astype(np.int64)
        distance = offsets[None, :] - (times - whole)[:, None]
        window = 0.42 + 0.5 * np.cos(np.pi * distance / reach) + 0.08 * np.cos(2 * np.pi * distance / reach)
        taps = 2 * cutoff * np.sinc(2 * cutoff * distance) * window
        found[start : start + len(times)] = np.einsum("ij,ij->i", padded[whole[:, None] + offsets + reach], taps)
    return found


def trim(samples: Samples) -> Samples:
    """Cut silence before and after: a message must begin when it is asked to."""
    audible = np.flatnonzero(np.abs(samples) > SILENCE)
    if not len(audible):
        raise ValueError("it is silent")
    first = max(0, int(audible[0]) - int(LEAD_S * RATE_HZ))
    return samples[first : int(audible[-1]) + int(TAIL_S * RATE_HZ)]


def level(samples: Samples) -> Samples:
    """Bring speech to SPEECH_RMS, or as near as its peaks allow."""
    measured = loudness(samples)
    return (samples * min(SPEECH_RMS / measured.rms, PEAK_MAX / measured.peak)).astype(np.float32)


def loudness(samples: Samples) -> Loudness:
    """Measure the frames that are at most 30 dB below the loudest one. Raises ValueError for silence."""
    frame = int(FRAME_S * RATE_HZ)
    count = max(1, len(samples) // frame)
    frames = np.resize(samples, (count, frame)) if len(samples) < frame else samples[: count * frame].reshape(-1, frame)
    energies = np.mean(frames.astype(np.float64) ** 2, axis=1)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < SILENCE:
        raise ValueError("it is silent")
    audible = energies[energies > energies.max() / 1000]
    return Loudness(math.sqrt(float(audible.mean())), peak, len(samples) / RATE_HZ)


def pcm(samples: Samples) -> npt.NDArray[np.int16]:
    """16 bit samples."""
    whole: npt.NDArray[np.int16] = np.clip(np.rint(samples * FULL_SCALE), -32768, 32767).astype(np.int16)
    return whole


def wav_file(samples: Samples) -> bytes:
    """A mono 16 bit WAV file at 8 kHz (RIFF; Microsoft's Multimedia Programming Interface, 1991)."""
    body = pcm(samples).astype("<i2").tobytes()
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(body), b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
        + struct.pack("<4sI", b"data", len(body))
        + body
    )


def mu_law(samples: Samples) -> bytes:
    """G.711 mu-law, as trunks of North America and Japan carry it."""
    return _MU_LAW[pcm(samples).astype(np.int32) + 32768].tobytes()


def a_law(samples: Samples) -> bytes:
    """G.711 A-law, as trunks of the rest of the world carry it."""
    return _A_LAW[pcm(samples).astype(np.int32) + 32768].tobytes()


def _mu_law_values() -> npt.NDArray[np.float64]:
    # ITU-T G.711, table 2: sign, three bits of exponent, four of mantissa, all inverted on the line
    codes = ~np.arange(256) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84 << ((codes & 0x70) >> 4)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.float64)


def _a_law_values() -> npt.NDArray[np.float64]:
    # ITU-T G.711, table 1: every other bit inverted on the line; 13 bits, here in the upper ones of 16
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes & 0x70) >> 4, (codes & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, mantissa + 0x108 << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.float64)


def _nearest(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """For every 16 bit sample the code whose value lies nearest."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    between = (ordered[1:] + ordered[:-1]) / 2
    return order[np.searchsorted(between, np.arange(-32768, 32768), side="right")].astype(np.uint8)


_MU_LAW = _nearest(_mu_law_values())
_A_LAW = _nearest(_a_law_values())
