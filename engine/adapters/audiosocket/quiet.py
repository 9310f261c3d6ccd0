"""The end of a greeting, told by silence (pure): a voice was there, and then nothing for a while."""

from __future__ import annotations

import math

from .beep import Samples
from .protocol import FRAME_MS

FAINTEST = 0.006
"""-44 dB of full scale: a frame below it is no voice whatever the line's own noise is."""
ABOVE_NOISE = 2.5
"""A voice is 8 dB above the line's noise."""
NOISE_RISE = 1.004
"""The guess of the noise follows a line that gets louder by 1.7 dB a second, and one that gets quieter at once."""
VOICE_MS = 200
"""Clicks and breath in sum are shorter than what anybody says."""
NO_VOICE_MS = 5000
"""A line without any voice for so long is one whose greeting was over before anybody listened."""


class QuietFinder:
    """Hears frame after frame; `hear` says True once it has been quiet for long enough."""

    def __init__(self, silence_s: float) -> None:
        self._wanted_ms = round(silence_s * 1000)
        self._noise = FAINTEST
        self._voice_ms = 0
        self._quiet_ms = 0

    def hear(self, frame: Samples) -> bool:
        """Take a frame of 20 ms of full scale 1."""
        level = math.sqrt(float(frame @ frame) / len(frame))
        self._noise = min(level, self._noise * NOISE_RISE) if level > 0 else self._noise
        self._noise = max(self._noise, FAINTEST / ABOVE_NOISE)
        if level > self._noise * ABOVE_NOISE:
            self._voice_ms += FRAME_MS
            self._quiet_ms = 0
            return False
        self._quiet_ms += FRAME_MS
        heard_voice = self._voice_ms >= VOICE_MS
        return self._quiet_ms >= (self._wanted_ms if heard_voice else max(self._wanted_ms, NO_VOICE_MS))
