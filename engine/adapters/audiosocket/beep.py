"""Beeps of answering machines, and the silence after a greeting, found in frames of 20 ms (pure, numpy).

A beep is one steady tone between 350 and 2500 Hz that holds for 120 ms to 2 s and is then gone: the line is quiet.
What is not one: a vowel (it has harmonics, and no voice holds its pitch and loudness so still), two tones at once
(dial tone, ringing of North America, DTMF), tones that follow each other without a pause (special information tones,
melodies), the 425 Hz of call progress (ITU-T E.180), and what lasts longer (a fax's answer). One burst of 400 Hz
(busy in some countries) cannot be told from a beep.

Each frame is looked at together with the one before it: the strongest line of the spectrum, and which share of the
power one sine wave of that frequency explains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .protocol import FRAME_MS, FRAME_SAMPLES, RATE_HZ

Samples = npt.NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 350.0, 2500.0
PROGRESS_HZ, PROGRESS_WIDTH_HZ = 425.0, 12.0
SHORTEST_MS, LONGEST_MS = 120, 2000
FAINTEST = 0.003
"""-50 dB of full scale."""
EXPLAINED = 0.86
"""One sine wave's share of the power: 8 dB above everything else together."""
STEADY_HZ = 12.0
STEADY = 1.35
"""Loudness may go up or down by this factor (2.6 dB) while it holds."""
GONE = 0.4
"""Gone is what is 8 dB below the tone."""
GONE_MS = 100
"""So long must it be quiet before a beep counts, the frame in which it stops included."""
APART_MS = 200
"""Tones of different pitch that are nearer to each other than this are a signal or a melody."""
HOLDS_MS = 80
"""What held shorter is no tone of a melody: voices have such moments."""

WINDOW = 2 * FRAME_SAMPLES
_SPECTRUM = 1024
_HANN = np.hanning(WINDOW).astype(np.float32)
_TIMES = (np.arange(WINDOW) - (WINDOW - 1) / 2) * (2 * math.pi / RATE_HZ)
_LOBE = 2 * _SPECTRUM // WINDOW + 1
"""Half the width of one tone's peak."""
_LOBE_SHARE = 0.7
_LOW, _HIGH = int(200 * _SPECTRUM / RATE_HZ), int(3400 * _SPECTRUM / RATE_HZ)


@dataclass(frozen=True, slots=True)
class Tone:
    """What one window has in it; `explained` of its power is one sine wave of `hz`."""

    hz: float
    explained: float


def tone_in(window: Samples) -> Tone:
    """The strongest tone of two frames; `explained` is 0 where it is far from all that is heard."""
    power = np.abs(np.fft.rfft(window * _HANN, _SPECTRUM)) ** 2
    peak = _LOW + int(np.argmax(power[_LOW:_HIGH]))
    hz = (peak + _between(power[peak - 1 : peak + 2])) * RATE_HZ / _SPECTRUM
    if float(power[peak - _LOBE : peak + _LOBE + 1].sum()) < _LOBE_SHARE * float(power.sum()):
        return Tone(hz, 0.0)  # most sound is no tone, and that is seen at half the cost
    angles = _TIMES * hz
    sines, cosines = np.sin(angles), np.cos(angles)
    # around the middle sine and cosine are orthogonal, so that each share is found by itself
    found = float(window @ sines) ** 2 / float(sines @ sines) + float(window @ cosines) ** 2 / float(cosines @ cosines)
    whole = float(window @ window)
    return Tone(hz, found / whole if whole > 0 else 0.0)


def _between(around: npt.NDArray[np.floating]) -> float:
    """How far the top of a parabola through three powers (in dB) lies from the middle one."""
    before, middle, after = (math.log(float(value) + 1e-12) for value in around)
    bend = before - 2 * middle + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, (before - after) / (2 * bend)))


@dataclass(slots=True)
class _Held:
    """A tone that goes on."""

    hz: float
    level: float
    first: bool
    """No other tone came right before it."""
    frames: int = 1

    @property
    def lasted_ms(self) -> int:
        """The first window that is all tone is made of two frames."""
        return (self.frames + 1) * FRAME_MS

    def goes_on(self, tone: Tone, level: float) -> bool:
        return abs(tone.hz - self.hz) <= STEADY_HZ and self.level / STEADY <= level <= self.level * STEADY

    def may_be_beep(self) -> bool:
        band = (
            LOWEST_HZ - STEADY_HZ < self.hz < HIGHEST_HZ + STEADY_HZ and abs(self.hz - PROGRESS_HZ) > PROGRESS_WIDTH_HZ
        )
        return self.first and band and SHORTEST_MS - FRAME_MS <= self.lasted_ms <= LONGEST_MS


class BeepFinder:
    """Hears frame after frame; `hear` says True once a beep is over."""

    def __init__(self) -> None:
        self._before: Samples = np.zeros(FRAME_SAMPLES, np.float32)
        self._held: _Held | None = None
        self._over: _Held | None = None
        """What may turn out to be a beep, if it is quiet now."""
        self._since_ms = 0
        """Since then."""
        self._last_hz = 0.0
        self._last_ms = APART_MS
        """How long ago the last tone that held for a while was; counted up to APART_MS."""

    def hear(self, frame: Samples) -> bool:
        """Take a frame of 20 ms of full scale 1."""
        window = np.concatenate((self._before, frame))
        self._before = frame
        level = math.sqrt(float(frame @ frame) / len(frame))
        tone = tone_in(window) if level >= FAINTEST else None
        self._last_ms = min(APART_MS, self._last_ms + FRAME_MS)
        if tone is not None and tone.explained >= EXPLAINED:
            self._hold(tone, level)
            return False
        self._let_go()
        return self._is_over(level)

    def _hold(self, tone: Tone, level: float) -> None:
        self._over = None
        held = self._held
        if held is not None and held.goes_on(tone, level):
            held.frames += 1
            held.level += (level - held.level) / 4
            if held.lasted_ms >= HOLDS_MS:
                self._last_hz, self._last_ms = held.hz, 0
            return
        first = self._last_ms >= APART_MS or abs(tone.hz - self._last_hz) <= STEADY_HZ
        self._held = _Held(tone.hz, level, first)

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None and held.may_be_beep():
            self._over, self._since_ms = held, 0

    def _is_over(self, level: float) -> bool:
        over = self._over
        if over is None:
            return False
        self._since_ms += FRAME_MS
        if level > over.level * GONE and self._since_ms > FRAME_MS:  # the frame in which it stops is full of it in part
            self._over = None
        elif self._since_ms >= GONE_MS:
            self._over = None
            return True
        return False
